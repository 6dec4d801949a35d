//! The progress bar of a long publish.

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
}

impl Progress {
    /// Measures by the size of stdin where that is a file, else by the lines alone. Shows nothing
    /// where lines are typed, which it would write over.
    pub(crate) fn of_stdin() -> Self {
        if io::stdin().is_terminal() {
            return Self::none();
        }
        let bar = ProgressBar::with_draw_target(stdin_size(), ProgressDrawTarget::stderr());
        let template = match bar.length() {
            Some(_) => "{bar:30} {percent}%  {msg}  {elapsed}, {eta} left",
            None => "{spinner} {msg}  {elapsed}",
        };
        // A template that does not parse is a mistake in it, and leaves the default style.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        let progress = Self { bar };
        progress.published(0);
        progress.bar.enable_steady_tick(TICK);
        progress
    }

    /// Shows nothing.
    pub(crate) fn none() -> Self {
        Self {
            bar: ProgressBar::hidden(),
        }
    }

    /// Takes the bar away while something else is written to stderr.
    pub(crate) fn interrupt(&self, write: impl FnOnce()) {
        self.bar.suspend(write);
    }

    /// So many more bytes were read.
    pub(crate) fn read(&self, bytes: usize) {
        self.bar.inc(bytes as u64);
    }

    /// So many events were published in all.
    pub(crate) fn published(&self, events: u64) {
        self.bar.set_message(format!("{events} published"));
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
