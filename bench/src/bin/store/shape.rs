use clap::ValueEnum;

/// How many topics there are.
pub(crate) const TOPICS: usize = 100;
/// How many events a batch has.
pub(crate) const BATCH: usize = 64;
/// How many batches of the one publisher are under way.
pub(crate) const IN_FLIGHT: usize = 8;
/// How many publishers there are of single events.
pub(crate) const PUBLISHERS: usize = 64;
/// How many events of a topic are kept where the history is capped.
pub(crate) const CAP: u64 = 500;
/// How many events of a topic there are before the measurement begins, so that each further one evicts another.
pub(crate) const PREFILL: u64 = CAP + CAP / 10;
/// What either may keep of its file in memory.
pub(crate) const CACHE_BYTES: usize = 16 << 20;

/// How it is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shape {
    /// Batches by one publisher.
    Batches,
    /// One event at a time by each of many publishers.
    Singles,
    /// Batches, on topics that are full.
    Capped,
}

impl Shape {
    pub(crate) fn describe(self) -> String {
        match self {
            Self::Batches => format!("batches of {BATCH}"),
            Self::Singles => format!("one at a time by {PUBLISHERS}"),
            Self::Capped => format!("batches of {BATCH}, {CAP} kept per topic"),
        }
    }

    pub(crate) fn cap(self) -> Option<u64> {
        (self == Self::Capped).then_some(CAP)
    }
}

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Contender {
    /// A broker on a folder.
    Tidings,
    /// A table with the topic and the sequence as its key.
    Plain,
}
