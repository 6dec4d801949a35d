use serde::{Deserialize, Serialize};
use tidings_bench::load::Churned;

use crate::workload::{Size, Workload};

/// What one measurement came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Figures {
    pub(crate) readers: usize,
    pub(crate) published: u64,
    /// Events times readers.
    pub(crate) expected: u64,
    pub(crate) received: u64,
    /// Events that a reader did not get although it got a later one.
    #[serde(default)]
    pub(crate) skipped: u64,
    /// Events that a reader got a second time, or after a later one.
    pub(crate) repeated: u64,
    /// Connections that the contender ended.
    pub(crate) cut: usize,
    /// From the first publication to the last event that arrived.
    pub(crate) seconds: f64,
    /// Of the contender's processes and of the system's threads for network traffic, per event and reader.
    pub(crate) cpu_micros: f64,
    /// The share of it in user mode.
    pub(crate) user_share: f64,
    /// From before the request of the publisher to after the read of a reader.
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) max_ms: f64,
    /// The contender's processor time for each stream that began.
    pub(crate) connect_micros: f64,
    /// By how much its memory grew for each stream that began.
    pub(crate) stream_kib: f64,
    /// By how much its memory grew from when all streams had begun to the end.
    pub(crate) growth_kib: f64,
    /// How much of both processors others used meanwhile.
    pub(crate) other_load: f64,
    /// Packets that the system dropped meanwhile since too many waited for a processor, whoever sent them.
    #[serde(default)]
    pub(crate) dropped_packets: u64,
    /// The reader that stalled: bytes the system held for it, in KiB, what it got later, whether it was cut.
    pub(crate) stalled: Option<StalledFigures>,
    /// Readers to whom nothing happened.
    #[serde(default)]
    pub(crate) idle: Option<IdleFigures>,
    /// Readers who came and went meanwhile.
    #[serde(default)]
    pub(crate) churned: Option<ChurnFigures>,
    /// Publications for nobody, in the order in which they were measured.
    #[serde(default)]
    pub(crate) publishing: Vec<PublishingFigures>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct StalledFigures {
    pub(crate) queued_kib: f64,
    pub(crate) received: u64,
    pub(crate) disorder: u64,
    pub(crate) is_cut: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct IdleFigures {
    /// Processor time of the contender over time.
    pub(crate) core_percent: f64,
    /// How often each stream was given something, by which its reader knows that it is alive.
    pub(crate) signs_per_stream: f64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ChurnFigures {
    pub(crate) closed: u64,
    pub(crate) failed: u64,
    pub(crate) per_second: f64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct PublishingFigures {
    /// Readers of other topics.
    pub(crate) readers: usize,
    /// Topics that were published on in turn.
    pub(crate) topics: usize,
    /// The contender's processor time for each publication.
    pub(crate) cpu_micros: f64,
    /// From before the request to after the answer.
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

/// One measurement, as it is kept in a file of results.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) workload: Workload,
    pub(crate) contender: String,
    pub(crate) round: usize,
    /// The figures, or why there are none.
    pub(crate) outcome: Result<Figures, String>,
}

/// A run: everything that was measured, and what with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Results {
    pub(crate) size: Size,
    #[serde(default = "usual_keep_alive")]
    pub(crate) keep_alive_seconds: u64,
    /// Whether receiving was the work of another processor than the contender's.
    #[serde(default)]
    pub(crate) is_steered: bool,
    pub(crate) machine: String,
    pub(crate) command: String,
    /// Key, name, description and version of each contender.
    pub(crate) contenders: Vec<Described>,
    pub(crate) rows: Vec<Row>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Described {
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) about: String,
    pub(crate) version: String,
    /// Whether it keeps streams alive as often as it is told.
    #[serde(default)]
    pub(crate) takes_keep_alive: bool,
}

fn usual_keep_alive() -> u64 {
    15
}

impl From<Churned> for ChurnFigures {
    fn from(churned: Churned) -> Self {
        Self {
            closed: churned.closed,
            failed: churned.failed,
            per_second: churned.closed as f64 / churned.span.as_secs_f64().max(1e-3),
        }
    }
}

impl Figures {
    /// The share of events that did not come while they were waited for.
    pub(crate) fn missing(&self) -> f64 {
        self.expected.saturating_sub(self.received) as f64 / self.expected.max(1) as f64
    }

    /// The share of events that did not come although later ones did.
    pub(crate) fn lost(&self) -> f64 {
        self.skipped as f64 / self.expected.max(1) as f64
    }

    /// Whether all readers got all events, once and in order, and nobody who came was turned away.
    pub(crate) fn is_exact(&self) -> bool {
        let failed = self.churned.map_or(0, |churned| churned.failed);
        self.received == self.expected && self.repeated == 0 && self.cut == 0 && failed == 0
    }
}
