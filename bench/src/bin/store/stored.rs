//! Many events in a folder: filling it, opening it, reading from it. Each is done in a process of its own.

use std::{fs, path::Path, time::Instant};

use anyhow::Result;
use serde::{Deserialize, Serialize};
use tidings_bench::resident_bytes;

use crate::{
    broker::{self, Publisher, in_turn},
    figures::mebibytes,
    report,
    resume::{self, Resumed},
    shape::TOPICS,
};

/// The file in the folder of a log.
pub(crate) const FILE: &str = "log.redb";

/// What there is of the process that published all that is kept.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Filled {
    /// MiB once all are there.
    pub(crate) rss: f64,
    /// MiB after a fifth more, each of which evicted another.
    pub(crate) rss_evicting: f64,
    pub(crate) file: f64,
    pub(crate) resumed: Vec<Resumed>,
}

/// What there is of a process that opened it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Opened {
    pub(crate) seconds: f64,
    pub(crate) events: usize,
    /// MiB once it is open.
    pub(crate) rss: f64,
    /// MiB after publishing a tenth of what is kept.
    pub(crate) rss_evicting: f64,
}

pub(crate) async fn fill(dir: &Path, events: u64) -> Result<Filled> {
    let broker = broker::open(dir, Some(events / TOPICS as u64), u64::MAX)?;
    let mut publisher = Publisher::new(&broker)?;
    publisher.publish(in_turn, |made| made < events).await?;
    let rss = mebibytes(resident_bytes()?);
    publisher.publish(in_turn, |made| made < events / 5).await?;
    let rss_evicting = mebibytes(resident_bytes()?);
    let resumed = resume::warm(&broker, events).await?;
    broker::close(&broker).await;
    let file = mebibytes(fs::metadata(dir.join(FILE))?.len());
    Ok(Filled {
        rss,
        rss_evicting,
        file,
        resumed,
    })
}

pub(crate) async fn open(dir: &Path, events: u64) -> Result<Opened> {
    let began = Instant::now();
    let broker = broker::open(dir, Some(events / TOPICS as u64), u64::MAX)?;
    let seconds = began.elapsed().as_secs_f64();
    let rss = mebibytes(resident_bytes()?);
    let kept = broker.stats().events;
    let mut publisher = Publisher::new(&broker)?;
    publisher
        .publish(in_turn, |made| made < events / 10)
        .await?;
    let rss_evicting = mebibytes(resident_bytes()?);
    broker::close(&broker).await;
    Ok(Opened {
        seconds,
        events: kept,
        rss,
        rss_evicting,
    })
}

pub(crate) async fn resume(dir: &Path, events: u64) -> Result<Vec<[Resumed; 2]>> {
    let broker = broker::open(dir, Some(events / TOPICS as u64), u64::MAX)?;
    let cold = resume::cold(&broker, events, &dir.join(FILE)).await?;
    let warm = resume::warm(&broker, events).await?;
    resume::check_last(&broker).await?;
    broker::close(&broker).await;
    Ok(cold
        .into_iter()
        .zip(warm)
        .map(<[Resumed; 2]>::from)
        .collect())
}

pub(crate) async fn hold(dir: &Path, events: u64) -> Result<()> {
    let broker = broker::open(dir, Some(events / TOPICS as u64), u64::MAX)?;
    report::say("ready")?;
    Publisher::new(&broker)?.publish(in_turn, |_| true).await?;
    Ok(())
}
