//! How fast, how large and how exact the stored log is, beside a plain table in the same engine.
//!
//! The README of this package has the method and the figures.

mod broker;
mod compare;
mod figures;
mod kept;
mod part;
mod plain;
mod report;
mod resume;
mod shape;
mod soak;
mod stored;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, value_parser};

use crate::part::Part;

/// Measure the stored log
#[derive(Debug, Parser)]
struct Args {
    /// How long each measurement of publishing takes
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// How often publishing is measured; the figures are medians. 0 leaves it out
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How many events are kept for what is asked of a full log
    #[arg(long, default_value_t = 1_000_000, value_parser = value_parser!(u64).range(200_000..))]
    events: u64,
    /// Where to put the files; on the disk that is meant, not in memory
    #[arg(long, default_value = "target/bench-store")]
    dir: PathBuf,
    /// Publish so many events instead, and tell how large the file is on the way
    #[arg(long, value_name = "EVENTS")]
    soak: Option<u64>,
    #[command(subcommand)]
    part: Option<Part>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    if let Some(part) = args.part {
        return runtime.block_on(part.execute(&args.dir));
    }
    if let Some(events) = args.soak {
        return runtime.block_on(soak::soak(&args.dir, events));
    }
    if args.rounds > 0 {
        compare::compare(&args.dir, args.seconds, args.rounds)?;
    }
    kept::measure(&args.dir, args.events)
}
