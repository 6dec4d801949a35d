//! The progress bar of what takes its time.

use std::fs::File;
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// So often the bar is drawn while nothing happens.
const TICK: Duration = Duration::from_millis(250);

/// A progress bar on stderr, if that is a terminal, and nothing otherwise.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    /// What becomes of the events.
    done: &'static str,
}

impl Progress {
    /// Measures by this size, else by the events alone.
    pub(crate) fn new(size: Option<u64>, done: &'static str) -> Self {
        let bar = ProgressBar::with_draw_target(size, ProgressDrawTarget::stderr());
        let template = match bar.length() {
            Some(_) => "{bar:30} {percent}%  {msg}  {elapsed}, {eta} left",
            None => "{spinner} {msg}  {elapsed}",
        };
        // A template that does not parse is a mistake in it, and leaves the default style.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        let progress = Self { bar, done };
        progress.events(0);
        progress.bar.enable_steady_tick(TICK);
        progress
    }

    /// Measures by the size of stdin where that is a file. Shows nothing where lines are typed,
    /// which it would write over.
    pub(crate) fn of_stdin(done: &'static str) -> Self {
        if io::stdin().is_terminal() {
            return Self::none();
        }
        Self::new(stdin_size(), done)
    }

    /// Shows nothing.
    pub(crate) fn none() -> Self {
        Self {
            bar: ProgressBar::hidden(),
            done: "",
        }
    }

    /// Takes the bar away while something else is written to the terminal.
    pub(crate) fn interrupt<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bar.suspend(write)
    }

    /// So much more of the size is done.
    pub(crate) fn advance(&self, by: u64) {
        self.bar.inc(by);
    }

    /// So many events are done in all.
    pub(crate) fn events(&self, events: u64) {
        self.bar.set_message(format!("{events} {}", self.done));
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

fn stdin_size() -> Option<u64> {
    let file = File::from(io::stdin().as_fd().try_clone_to_owned().ok()?);
    let metadata = file.metadata().ok()?;
    metadata.is_file().then_some(metadata.len())
}
