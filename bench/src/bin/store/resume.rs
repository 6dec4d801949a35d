//! A reader that comes back, and how long it waits for what it has missed.

use std::{fs::File, path::Path, time::Instant};

use anyhow::{Context, Result, bail, ensure};
use futures_util::FutureExt;
use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use serde::{Deserialize, Serialize};
use tidings::{Broker, Control, Delivery, Position, Selector, Subscriber, Subscription};
use tidings_bench::median;

use crate::shape::TOPICS;

/// How often each is repeated where it can be.
const REPEATS: usize = 50;

/// A reader that comes back.
struct Case {
    name: &'static str,
    /// Everything instead of one topic.
    everything: bool,
    /// How many events there were since.
    behind: u64,
    /// It is done after so many.
    wanted: usize,
}

/// How long it waited.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Resumed {
    pub(crate) name: String,
    /// Milliseconds until it had the first of them.
    pub(crate) first: f64,
    /// Milliseconds until it had all it wanted.
    pub(crate) all: f64,
}

/// The farther behind the earlier, so that no case finds in memory what one before it has read.
fn cases(kept: u64) -> [Case; 5] {
    let case = |name, everything, behind, wanted| Case {
        name,
        everything,
        behind,
        wanted,
    };
    let far = kept / 10 * 9;
    [
        case("9/10 of all, one topic: the first 100", false, far, 100),
        case("100,000, one topic: 1,000 events", false, 100_000, 1_000),
        case("10,000, one topic: 100 events", false, 10_000, 100),
        case("100, one topic: 1 event", false, 100, 1),
        case("100, all topics: 100 events", true, 100, 100),
    ]
}

/// The middle one of many times.
pub(crate) async fn warm(broker: &Broker, kept: u64) -> Result<Vec<Resumed>> {
    let mut all = Vec::new();
    for case in cases(kept) {
        let mut times = Vec::new();
        for topic in 0..REPEATS {
            times.push(case.run(broker, topic % TOPICS).await?);
        }
        all.push(Resumed {
            name: case.name.into(),
            first: median(times.iter().map(|it| it.first)),
            all: median(times.iter().map(|it| it.all)),
        });
    }
    Ok(all)
}

/// Once each, the system having nothing of the file in memory.
pub(crate) async fn cold(broker: &Broker, kept: u64, file: &Path) -> Result<Vec<Resumed>> {
    let mut all = Vec::new();
    for (topic, case) in cases(kept).into_iter().enumerate() {
        forget(file)?;
        all.push(case.run(broker, topic).await?);
    }
    Ok(all)
}

/// Has the system take a file out of its memory.
pub(crate) fn forget(file: &Path) -> Result<()> {
    let file = File::open(file)?;
    file.sync_all()?;
    posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED)?;
    Ok(())
}

/// Makes sure that a reader that has missed the newest event alone gets exactly that.
pub(crate) async fn check_last(broker: &Broker) -> Result<()> {
    for behind in [1, 0] {
        let (mut reader, _) = subscribe(broker, Selector::new("**")?, behind)?;
        let mut ids = Vec::new();
        while ids.len() < behind as usize {
            take(&mut reader, &mut ids).await?;
        }
        while let Some(()) = take(&mut reader, &mut ids).now_or_never().transpose()? {}
        let newest = broker.position().sequence;
        let expected: Vec<u64> = (newest + 1 - behind..=newest).collect();
        ensure!(ids == expected, "{behind} behind {newest}: {ids:?}");
    }
    Ok(())
}

impl Case {
    async fn run(&self, broker: &Broker, topic: usize) -> Result<Resumed> {
        let selector = if self.everything {
            Selector::new("**")?
        } else {
            Selector::new(format!("jobs/{topic}"))?
        };
        let began = Instant::now();
        let (mut reader, after) = subscribe(broker, selector, self.behind)?;
        let mut ids = Vec::new();
        let mut first = 0.0;
        while ids.len() < self.wanted {
            take(&mut reader, &mut ids).await?;
            if first == 0.0 && !ids.is_empty() {
                first = milliseconds(began);
            }
        }
        let all = milliseconds(began);
        self.check(&ids, after)?;
        Ok(Resumed {
            name: self.name.into(),
            first,
            all,
        })
    }

    /// The topics were published on in turn, so it is known what there is.
    fn check(&self, ids: &[u64], after: u64) -> Result<()> {
        let step = if self.everything { 1 } else { TOPICS as u64 };
        let begins = ids.first().is_some_and(|first| *first - after <= step);
        let follows = ids.windows(2).all(|pair| pair[1] - pair[0] == step);
        ensure!(
            begins && follows,
            "{}: after {after} came {ids:?}",
            self.name
        );
        Ok(())
    }
}

fn subscribe(broker: &Broker, selector: Selector, behind: u64) -> Result<(Subscriber, u64)> {
    let head = broker.position();
    let sequence = head.sequence.checked_sub(behind);
    let sequence = sequence.context("there are not so many events")?;
    let after = Position { sequence, ..head };
    let subscription = Subscription::to(selector).resume_after(after.to_string());
    Ok((broker.subscribe(subscription)?, sequence))
}

async fn take(reader: &mut Subscriber, ids: &mut Vec<u64>) -> Result<()> {
    for delivery in reader.batch().await.context("the stream ended")? {
        match delivery {
            Delivery::Event { event, .. } => ids.push(event.id().sequence),
            Delivery::Control(Control::Gap(gap)) => bail!("told of {gap:?}"),
            Delivery::Control(_) => {}
        }
    }
    Ok(())
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}
