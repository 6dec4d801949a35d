use std::time::Duration;

use serde::{Deserialize, Serialize};
use tidings_bench::{Latencies, PAYLOAD_BYTES, Usage, median, resident_bytes};

/// What came of one measurement.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Figures {
    pub(crate) events_per_second: f64,
    /// Microseconds of processor time for each event.
    pub(crate) cpu: f64,
    /// Bytes written to the disk for each byte of payload.
    pub(crate) amplification: f64,
    /// Milliseconds until a publisher had its acknowledgement.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// MiB at the end.
    pub(crate) rss: f64,
}

/// What a publisher counts.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) events: u64,
    pub(crate) latencies: Latencies,
}

impl Tally {
    pub(crate) fn add(&mut self, events: usize, took: Duration) {
        self.events += events as u64;
        self.latencies.add(took);
    }

    pub(crate) fn extend(&mut self, other: &Self) {
        self.events += other.events;
        self.latencies.extend(&other.latencies);
    }
}

impl Figures {
    /// Of what was published since `before`, in this time.
    pub(crate) fn new(before: &Usage, took: Duration, mut tally: Tally) -> anyhow::Result<Self> {
        let after = Usage::now()?;
        let rss = mebibytes(resident_bytes()?);
        let events = tally.events as f64;
        let cpu = after.cpu.saturating_sub(before.cpu).as_secs_f64();
        let written = after.written.saturating_sub(before.written) as f64;
        Ok(Self {
            events_per_second: events / took.as_secs_f64(),
            cpu: cpu * 1e6 / events,
            amplification: written / (events * PAYLOAD_BYTES as f64),
            p50: tally.latencies.quantile(0.5),
            p99: tally.latencies.quantile(0.99),
            rss,
        })
    }

    /// The middle one of each figure.
    pub(crate) fn median(rounds: &[Self]) -> Self {
        let of = |figure: fn(&Self) -> f64| median(rounds.iter().map(figure));
        Self {
            events_per_second: of(|it| it.events_per_second),
            cpu: of(|it| it.cpu),
            amplification: of(|it| it.amplification),
            p50: of(|it| it.p50),
            p99: of(|it| it.p99),
            rss: of(|it| it.rss),
        }
    }
}

pub(crate) fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
