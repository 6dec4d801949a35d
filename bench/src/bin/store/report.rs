use std::io::{Write, stdout};

use anyhow::Result;

/// Writes a line to stdout, at once.
pub(crate) fn say(line: &str) -> Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

/// Writes a row of a table.
pub(crate) fn row<const N: usize>(cells: [&str; N]) -> Result<()> {
    say(&format!("| {} |", cells.join(" | ")))
}

/// Writes the head of a table.
pub(crate) fn head<const N: usize>(cells: [&str; N]) -> Result<()> {
    say("")?;
    row(cells)?;
    row([":---"; N])
}
