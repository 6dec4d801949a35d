/// Counts over the whole broker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Topics known.
    pub topics: usize,
    /// Open subscriptions.
    pub subscriptions: usize,
    /// Distinct combinations of filter and encoding among them.
    pub groups: usize,
    /// Events retained.
    pub events: usize,
    /// What the retained events count against the capacity, in bytes.
    pub bytes: u64,
    /// Events published since the start.
    pub published: u64,
    /// What became of readers that were behind.
    pub lag: LagCounts,
}

/// How often each outcome of being behind has happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LagCounts {
    /// Streams ended.
    pub disconnected: u64,
    /// Times that a reader went on after a gap.
    pub skipped: u64,
    /// Superseded events left out.
    pub conflated: u64,
}

/// What is known of one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicStats {
    /// What the log retains of it.
    pub log: tidings_log::TopicSummary,
    /// The id of the oldest retained event.
    pub first_id: Option<tidings_log::Position>,
    /// The id of the newest event ever published.
    pub last_id: tidings_log::Position,
    /// How many subscriptions match it.
    pub subscribers: usize,
}
