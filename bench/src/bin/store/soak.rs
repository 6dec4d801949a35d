//! A steady load for long: does the file stay as large as what is kept asks for?

use std::{fs, os::unix::fs::MetadataExt, path::Path, time::Instant};

use anyhow::Result;
use tidings_bench::{PAYLOAD_BYTES, Payloads, Usage, resident_bytes};

use crate::{
    broker::{self, Publisher},
    figures::mebibytes,
    report,
    shape::TOPICS,
    stored::FILE,
};

/// How many events of a topic are kept at most: those on busy topics go by it.
const EVENTS: u64 = 2_000;
/// How many bytes are kept in all: events on quiet topics go by it.
const BYTES: u64 = 48 << 20;
/// How many events lie between two lines of the report.
const STEP: u64 = 1_000_000;

/// Publishes so many events, and tells how large the file is on the way.
pub(crate) async fn soak(dir: &Path, events: u64) -> Result<()> {
    let folder = dir.join("soak");
    fs::create_dir_all(&folder)?;
    let soaked = soak_in(&folder, events).await;
    fs::remove_dir_all(&folder)?;
    soaked
}

async fn soak_in(folder: &Path, events: u64) -> Result<()> {
    let broker = broker::open(folder, Some(EVENTS), BYTES)?;
    let mut publisher = Publisher::new(&broker)?;
    report::head([
        "events",
        "kept",
        "file MiB",
        "on disk MiB",
        "events/s",
        "CPU us/event",
        "written/payload",
        "p99 ms",
        "RSS MiB",
    ])?;
    let mut published = 0;
    while published < events {
        let (before, began) = (Usage::now()?, Instant::now());
        let skewed = |payloads: &mut Payloads, _| payloads.skewed_topic(TOPICS);
        let mut tally = publisher.publish(skewed, |made| made < STEP).await?;
        let after = Usage::now()?;
        let cpu = after.cpu.saturating_sub(before.cpu).as_secs_f64();
        let written = after.written.saturating_sub(before.written) as f64;
        let payload = tally.events as f64 * PAYLOAD_BYTES as f64;
        let rate = tally.events as f64 / began.elapsed().as_secs_f64();
        published += tally.events;
        let file = fs::metadata(folder.join(FILE))?;
        report::row([
            &published.to_string(),
            &broker.stats().events.to_string(),
            &format!("{:.1}", mebibytes(file.len())),
            &format!("{:.1}", mebibytes(file.blocks() * 512)),
            &format!("{rate:.0}"),
            &format!("{:.1}", cpu * 1e6 / tally.events as f64),
            &format!("{:.1}", written / payload),
            &format!("{:.2}", tally.latencies.quantile(0.99)),
            &format!("{:.1}", mebibytes(resident_bytes()?)),
        ])?;
    }
    broker::close(&broker).await;
    let closed = mebibytes(fs::metadata(folder.join(FILE))?.len());
    report::say(&format!("\nThe file after closing: {closed:.1} MiB."))
}
