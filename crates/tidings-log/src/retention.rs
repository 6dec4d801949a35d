use std::{fmt, sync::Arc, time::Duration};

use crate::Topic;

/// How long the events of one topic are kept: until any of the three bounds is passed.
///
/// The newest event of a topic is kept whatever its size; only age and [`Capacity`] remove it, and that not where the topic is
/// [spared](TopicRules::spared).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// At most so many events. Default 1,000,000.
    pub events: u64,
    /// At most so many bytes of payload, names and bookkeeping. Default 64 MiB.
    pub bytes: u64,
    /// At most so old. Default 7 days.
    pub age: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            events: 1_000_000,
            bytes: 64 << 20,
            age: Duration::from_secs(7 * 24 * 60 * 60),
        }
    }
}

/// What a log holds over all topics together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// At most so many bytes; beyond it the oldest events of all go, but the newest one. Default 256 MiB.
    pub bytes: u64,
    /// At most so many topics; beyond it the least recently published one goes. Default 100,000.
    pub topics: usize,
}

impl Default for Capacity {
    fn default() -> Self {
        Self {
            bytes: 256 << 20,
            topics: 100_000,
        }
    }
}

/// What holds for one topic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TopicRules {
    /// How long its events are kept.
    pub retention: Retention,
    /// Whether the log remembers the newest event of each key, which conflation needs.
    pub keyed: bool,
    /// Whether its events stay when the log is at its capacity, and those of others go in their place. They count like all
    /// others, so they should be few.
    pub spared: bool,
}

/// How a log is set up.
#[derive(Clone, Default)]
pub struct LogOptions {
    /// The bounds over all topics.
    pub capacity: Capacity,
    /// Chooses the rules of a topic when its first event comes; without it all topics have the defaults.
    pub rules: Option<ChooseRules>,
}

type ChooseRules = Arc<dyn Fn(&Topic) -> TopicRules + Send + Sync>;

impl LogOptions {
    pub(crate) fn rules_for(&self, topic: &Topic) -> TopicRules {
        self.rules
            .as_ref()
            .map_or_else(TopicRules::default, |rules| rules(topic))
    }
}

impl fmt::Debug for LogOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogOptions")
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}
