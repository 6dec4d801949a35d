//! Compares what crates offer with what is written down of it in their `public-api.txt`, so that
//! no change of a public API goes unseen: `scripts/api`.
//!
//! A line is one item, with whole paths and types. Trait implementations are among them, derived
//! ones and `Send` and `Sync` too, since losing one breaks who relies on it.

mod offered;
mod snapshot;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;

use crate::snapshot::Snapshot;

#[derive(Debug, Parser)]
struct Args {
    /// Write the files anew
    #[arg(long)]
    write: bool,

    /// Where rustdoc has written its JSON
    docs: PathBuf,

    /// The folders of the crates, named as these are
    #[arg(required = true)]
    crates: Vec<PathBuf>,
}

fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let mut out = io::stdout().lock();
    let mut has_changed = false;
    for folder in &args.crates {
        let name = folder.file_name().context("a crate without a name")?;
        let name = name.to_string_lossy().replace('-', "_");
        let offered = offered::read(&args.docs.join(format!("{name}.json")))?;
        let path = folder.join("public-api.txt");
        if args.write {
            offered.write(&path)?;
            continue;
        }
        let changes = Snapshot::read(&path)?.changes(&offered);
        if !changes.is_empty() {
            has_changed = true;
            writeln!(out, "{} is not what the crate offers:", path.display())?;
            for change in changes {
                writeln!(out, "{change}")?;
            }
        }
    }
    if !has_changed {
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(
        out,
        "a line that goes (-) breaks who uses it; if all of this is meant, `make api` writes the files anew"
    )?;
    Ok(ExitCode::FAILURE)
}
