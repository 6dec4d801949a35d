//! What a command says to the person at the terminal.

use std::fmt;
use std::io::{self, Write};

/// Writes a line to stderr, where everything goes that is not data.
pub(crate) fn notice(text: fmt::Arguments<'_>) {
    // Without stderr there is nobody to tell.
    let _ = writeln!(io::stderr().lock(), "tidings: {text}");
}
