//! The figures of one moment, as they are told.

use std::sync::LazyLock;

use serde::Serialize;
use serde_json::{Map, Value};
use tidings::Stats;

use crate::metrics::meter::{Meter, PublishTimes};

/// What the hub does and takes at one moment. Names are public.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Sample {
    /// When, in RFC 3339.
    pub(super) timestamp: String,
    /// How many figures there are.
    pub(super) total_metrics: usize,
    pub(super) counters: Counters,
    pub(super) gauges: Gauges,
    pub(super) histograms: Histograms,
}

impl Sample {
    /// How many figures each sample has.
    pub(crate) fn figures() -> usize {
        static FIGURES: LazyLock<usize> = LazyLock::new(|| {
            let sample = Sample::default();
            let groups = ["counters", "gauges", "histograms"];
            groups.iter().map(|name| sample.group(name).len()).sum()
        });
        *FIGURES
    }

    /// The figures of a group, by name.
    pub(super) fn group(&self, name: &str) -> Map<String, Value> {
        let groups = serde_json::to_value(self).expect("texts and numbers always have a JSON form");
        match groups.get(name) {
            Some(Value::Object(figures)) => figures.clone(),
            _ => Map::new(),
        }
    }
}

/// What only grows, from the time that the log was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Counters {
    /// Events published, the hub's own health and metrics aside, and the bytes of their data.
    pub(super) events_in: u64,
    pub(super) bytes_in: u64,
    /// Events given to readers, live and replayed, and the bytes of their blocks.
    pub(super) events_out: u64,
    pub(super) bytes_out: u64,
    /// Streams of readers that were behind which were ended.
    pub(super) disconnected: u64,
    /// Times that a reader that was behind went on after a gap.
    pub(super) skipped: u64,
    /// Superseded events that readers that were behind were spared.
    pub(super) conflated: u64,
}

impl Counters {
    pub(super) fn of(stats: &Stats, meter: &Meter) -> Self {
        let (own_events, own_bytes) = meter.own();
        Self {
            events_in: stats.published.saturating_sub(own_events),
            bytes_in: stats.published_bytes.saturating_sub(own_bytes),
            events_out: stats.delivered,
            bytes_out: stats.delivered_bytes,
            disconnected: stats.lag.disconnected,
            skipped: stats.lag.skipped,
            conflated: stats.lag.conflated,
        }
    }
}

/// What goes up and down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Gauges {
    /// Open streams of events and long polls.
    pub(super) connections: usize,
    /// Those among them that follow a dashboard's events.
    pub(super) dashboards: usize,
    /// Topics that are remembered.
    pub(super) topics: usize,
    /// What is retained, in events and in bytes.
    pub(super) log_events: usize,
    pub(super) log_bytes: u64,
    /// As the counters, for each second since the sample before.
    pub(super) events_in_per_second: f64,
    pub(super) bytes_in_per_second: f64,
    pub(super) events_out_per_second: f64,
    pub(super) bytes_out_per_second: f64,
    /// Live events that wait for the slowest reader.
    pub(super) lag: u64,
    /// Readers that read from the log.
    pub(super) replaying: u64,
    /// How long publishers waited since the sample before; `None` if there were none.
    pub(super) publish_p50_ms: Option<f64>,
    pub(super) publish_p99_ms: Option<f64>,
    /// Processor time of the process, of which 100 is one processor; not told in a namespace.
    pub(super) cpu_percent: Option<f64>,
    /// Resident memory of the process; not told in a namespace.
    pub(super) memory_bytes: Option<u64>,
    pub(super) uptime_seconds: u64,
}

/// What is told by its percentiles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Histograms {
    /// How long publishers waited since the sample before, in milliseconds.
    pub(super) publish_ms: PublishTimes,
}
