//! The progress bar of a long publish.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A progress bar on stderr, if that is a terminal, and nothing otherwise.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Measures by the size of stdin where that is a file, else by the lines alone.
    pub(crate) fn of_stdin() -> Self {
        let bar = ProgressBar::with_draw_target(stdin_size(), ProgressDrawTarget::stderr());
        let template = match bar.length() {
            Some(_) => "{bar:30} {percent}%  {msg}  {elapsed}, {eta} left",
            None => "{spinner} {msg}  {elapsed}",
        };
        // A template that does not parse is a mistake in it, and leaves the default style.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self { bar }
    }

    /// So many more bytes were read.
    pub(crate) fn read(&self, bytes: usize) {
        self.bar.inc(bytes as u64);
    }

    /// So many events were published in all.
    pub(crate) fn published(&self, events: u64) {
        self.bar.set_message(format!("{events} events"));
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
