use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use crate::{Topic, TopicRow, TopicRules};

/// What the log knows of one topic.
#[derive(Debug)]
pub(crate) struct History {
    pub(crate) topic: Topic,
    /// The sequence of its first event.
    pub(crate) id: u64,
    pub(crate) rules: TopicRules,
    /// The retained events, oldest first.
    pub(crate) sequences: VecDeque<u64>,
    /// The key of each of them; empty unless the rules ask for it.
    keys: VecDeque<Option<Arc<str>>>,
    /// The sum of their sizes.
    pub(crate) bytes: u64,
    /// The newest event ever appended.
    pub(crate) last: u64,
    /// An event of this topic up to here may be missing.
    pub(crate) evicted: u64,
    /// As `evicted`, without the events that a newer one of the same key had superseded before they went.
    pub(crate) lost: u64,
    /// The number of the newest eviction from this topic, counted over the whole log.
    pub(crate) evicted_at: u64,
    /// As `evicted_at`, for the newest eviction that `lost` counts.
    pub(crate) lost_at: u64,
    /// Nothing was evicted from this topic: the marks above are those of what may have had its name before.
    pub(crate) inherited: bool,
    /// The first event since the log was opened that a crash may take back; 0 if there is none.
    pub(crate) volatile: u64,
    /// Whether the newest event ended the topic.
    pub(crate) ended: bool,
    /// The newest retained event of each key; empty unless the rules ask for it.
    newest: HashMap<Arc<str>, u64>,
}

/// What the index needs to know of an event.
#[derive(Debug)]
pub(crate) struct Arrival<'a> {
    pub(crate) sequence: u64,
    pub(crate) size: u64,
    pub(crate) key: Option<&'a str>,
    pub(crate) ends_topic: bool,
}

impl History {
    /// An empty history. Up to `forgotten` there may have been an earlier one of the same name.
    pub(crate) fn new(
        topic: Topic,
        id: u64,
        rules: TopicRules,
        forgotten: u64,
        forgotten_at: u64,
    ) -> Self {
        Self {
            topic,
            id,
            rules,
            sequences: VecDeque::new(),
            keys: VecDeque::new(),
            bytes: 0,
            last: 0,
            evicted: forgotten,
            lost: forgotten,
            evicted_at: forgotten_at,
            lost_at: forgotten_at,
            inherited: true,
            volatile: 0,
            ended: false,
            newest: HashMap::new(),
        }
    }

    /// What was stored of a history whose events are yet to be added.
    pub(crate) fn restored(row: &TopicRow, rules: TopicRules) -> Self {
        Self {
            last: row.last,
            lost: row.lost,
            inherited: false,
            ended: row.ended,
            ..Self::new(row.name.clone(), row.id, rules, row.evicted, 0)
        }
    }

    /// What is to be stored of it.
    pub(crate) fn row(&self) -> TopicRow {
        TopicRow {
            id: self.id,
            name: self.topic.clone(),
            last: self.last,
            evicted: self.evicted,
            lost: self.lost,
            volatile: self.volatile,
            ended: self.ended,
        }
    }

    pub(crate) fn push(&mut self, event: &Arrival<'_>) {
        self.sequences.push_back(event.sequence);
        self.bytes += event.size;
        self.last = event.sequence;
        self.ended = event.ends_topic;
        if self.rules.keyed {
            let key: Option<Arc<str>> = event.key.map(Into::into);
            if let Some(key) = &key {
                self.newest.insert(key.clone(), event.sequence);
            }
            self.keys.push_back(key);
        }
    }

    /// Takes the oldest retained event out, in this eviction.
    pub(crate) fn pop(&mut self, size: u64, eviction: u64) {
        let Some(sequence) = self.sequences.pop_front() else {
            return;
        };
        let key = self.keys.pop_front().flatten();
        self.bytes -= size;
        self.evicted = self.evicted.max(sequence);
        self.evicted_at = eviction;
        self.inherited = false;
        if self.is_superseded(sequence, key.as_deref()) {
            return;
        }
        self.lost = self.lost.max(sequence);
        self.lost_at = eviction;
        if let Some(key) = key {
            self.newest.remove(&key);
        }
    }

    /// Takes out an event that is not the oldest one.
    pub(crate) fn remove(&mut self, sequence: u64, size: u64, eviction: u64) {
        let Ok(at) = self.sequences.binary_search(&sequence) else {
            return;
        };
        self.sequences.remove(at);
        let key = self.keys.remove(at).flatten();
        if let Some(key) = key.filter(|key| self.newest.get(key) == Some(&sequence)) {
            self.newest.remove(&key);
        }
        self.bytes -= size;
        (self.evicted, self.evicted_at) = (self.evicted.max(sequence), eviction);
        (self.lost, self.lost_at) = (self.lost.max(sequence), eviction);
        self.inherited = false;
    }

    /// Whether a newer event of the same key makes this one unnecessary to a reader that is behind. A final event has
    /// none after it.
    pub(crate) fn is_superseded(&self, sequence: u64, key: Option<&str>) -> bool {
        let newest = key.and_then(|key| self.newest.get(key));
        newest.is_some_and(|newest| *newest > sequence)
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
