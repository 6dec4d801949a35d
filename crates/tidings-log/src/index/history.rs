use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use crate::{Record, TopicRules};

/// What the log knows of one topic.
#[derive(Debug)]
pub(crate) struct History {
    pub(crate) rules: TopicRules,
    /// The retained events, oldest first.
    pub(crate) sequences: VecDeque<u64>,
    /// The sum of their sizes.
    pub(crate) bytes: u64,
    /// The newest event ever appended.
    pub(crate) last: u64,
    /// No event of this topic up to here is retained, and some may have been published.
    pub(crate) evicted: u64,
    /// As `evicted`, without the events that a newer one of the same key had superseded before they went.
    pub(crate) lost: u64,
    /// The number of the newest eviction from this topic, counted over the whole log.
    pub(crate) evicted_at: u64,
    /// As `evicted_at`, for the newest eviction that `lost` counts.
    pub(crate) lost_at: u64,
    /// Nothing was evicted from this topic: the marks above are those of what may have had its name before.
    pub(crate) inherited: bool,
    /// Whether the newest event ended the topic.
    pub(crate) ended: bool,
    /// The newest retained event of each key; empty unless the rules ask for it.
    newest: HashMap<Arc<str>, u64>,
}

impl History {
    /// An empty history. Up to `forgotten` there may have been an earlier one of the same name.
    pub(crate) fn new(rules: TopicRules, forgotten: u64, forgotten_at: u64) -> Self {
        Self {
            rules,
            sequences: VecDeque::new(),
            bytes: 0,
            last: 0,
            evicted: forgotten,
            lost: forgotten,
            evicted_at: forgotten_at,
            lost_at: forgotten_at,
            inherited: true,
            ended: false,
            newest: HashMap::new(),
        }
    }

    pub(crate) fn push(&mut self, record: &Record) {
        self.sequences.push_back(record.sequence);
        self.bytes += record.size();
        self.last = record.sequence;
        self.ended = record.ends_topic;
        if let Some(key) = record.key.as_ref().filter(|_| self.rules.keyed) {
            self.newest.insert(key.clone(), record.sequence);
        }
    }

    /// Takes note that `record`, the oldest retained one, is going in this eviction.
    pub(crate) fn pop(&mut self, record: &Record, eviction: u64) {
        debug_assert_eq!(self.sequences.front(), Some(&record.sequence));
        self.sequences.pop_front();
        self.bytes -= record.size();
        self.evicted = record.sequence;
        self.evicted_at = eviction;
        self.inherited = false;
        if self.is_superseded(record) {
            return;
        }
        self.lost = record.sequence;
        self.lost_at = eviction;
        if let Some(key) = &record.key {
            self.newest.remove(key);
        }
    }

    /// Whether a newer event of the same key makes this one unnecessary to a reader that is behind. A final event has
    /// none after it.
    pub(crate) fn is_superseded(&self, record: &Record) -> bool {
        let newest = record.key.as_ref().and_then(|key| self.newest.get(key));
        newest.is_some_and(|newest| *newest > record.sequence)
    }

    pub(crate) fn is_over_its_limits(&self) -> bool {
        let kept = self.sequences.len() as u64;
        let retention = self.rules.retention;
        kept > 1 && (kept > retention.events || self.bytes > retention.bytes)
    }

    /// The retained sequences in `(after, until]`, oldest first.
    pub(crate) fn between(&self, after: u64, until: u64) -> impl DoubleEndedIterator<Item = u64> {
        let behind = |end: u64| self.sequences.partition_point(|sequence| *sequence <= end);
        let (start, end) = (behind(after), behind(until));
        self.sequences.range(start..end.max(start)).copied()
    }
}
