/// Counts over the whole broker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Topics known.
    pub topics: usize,
    /// Open subscriptions.
    pub subscriptions: usize,
    /// Those that count towards the limit: of this broker, and of others that [share it](crate::BrokerBuilder::max_subscriptions_of).
    pub admitted: usize,
    /// Distinct combinations of filter and encoding among them.
    pub groups: usize,
    /// Events retained.
    pub events: usize,
    /// What the retained events count against the capacity, in bytes.
    pub bytes: u64,
    /// Events published since the start.
    pub published: u64,
    /// The bytes of data in them.
    pub published_bytes: u64,
    /// Events given to subscriptions since the start: live ones count when they are put before a reader, replayed ones when
    /// they are read for it.
    pub delivered: u64,
    /// The bytes of these, as blocks of a stream where they are encoded.
    pub delivered_bytes: u64,
    /// The most live events that wait for the slowest reader of a group. One that falls further behind than 8,192 events
    /// or 768 KiB reads them from the log.
    pub waiting: u64,
    /// How many readers read from the log: they resume, or are behind.
    pub replaying: u64,
    /// What became of readers that were behind.
    pub lag: LagCounts,
}

/// Events that were given to readers, and their bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Given {
    pub(crate) events: u64,
    pub(crate) bytes: u64,
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
