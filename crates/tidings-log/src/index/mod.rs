mod eviction;
mod history;
mod loss;
mod read;
mod restore;
mod sequenced;

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    num::NonZeroU32,
};

use slab::Slab;

use crate::{LogOptions, Record, Timestamp, Topic};

use history::Arrival;

pub(crate) use history::History;
pub(crate) use restore::Restore;
pub(crate) use sequenced::Sequenced;

pub use loss::Holes;
pub use read::TopicSummary;

/// Which events are retained, and what is known of those that are not. The events themselves are in a store.
#[derive(Debug)]
pub(crate) struct Index {
    options: LogOptions,
    head: u64,
    bytes: u64,
    events: Sequenced<Stub>,
    /// Up to this sequence all events that are retained are of topics that are spared.
    spared_up_to: u64,
    topics: Slab<History>,
    slots: HashMap<Topic, usize>,
    /// The names of the topics, in order.
    names: BTreeSet<Topic>,
    /// When the oldest event of each topic that has any expires.
    due: BTreeSet<(Timestamp, usize)>,
    /// All topics in the order in which they would be forgotten: ended ones last, then by their newest event.
    stalest: BTreeSet<(bool, u64, usize)>,
    /// All topics by their highest evicted sequence.
    by_evicted: BTreeSet<(u64, usize)>,
    /// The highest sequence of any topic that was forgotten altogether.
    forgotten: u64,
    /// The number of the newest forgetting, among the evictions.
    forgotten_at: u64,
    /// The highest sequence ever evicted or forgotten.
    highest_evicted: u64,
    /// How many evictions and forgettings there were.
    evictions: u64,
    topic_changes: u64,
    debris: Debris,
}

/// What the index keeps of an event.
#[derive(Clone, Copy, Debug)]
struct Stub {
    time: Timestamp,
    topic: u32,
    size: NonZeroU32,
}

/// What has gone or changed since it was last written to the store.
#[derive(Debug, Default)]
pub(crate) struct Debris {
    /// Events that are retained no more.
    pub(crate) events: Vec<u64>,
    /// The ids of topics that were forgotten.
    pub(crate) topics: Vec<u64>,
    /// The topics whose marks have moved.
    pub(crate) moved: HashSet<usize>,
}

impl Index {
    pub(crate) fn new(options: LogOptions) -> Self {
        Self {
            options,
            head: 0,
            bytes: 0,
            events: Sequenced::new(),
            spared_up_to: 0,
            topics: Slab::new(),
            slots: HashMap::new(),
            names: BTreeSet::new(),
            due: BTreeSet::new(),
            stalest: BTreeSet::new(),
            by_evicted: BTreeSet::new(),
            forgotten: 0,
            forgotten_at: 0,
            highest_evicted: 0,
            evictions: 0,
            topic_changes: 0,
            debris: Debris::default(),
        }
    }

    /// The newest sequence that a reader may have seen or been told of.
    pub(crate) fn head(&self) -> u64 {
        self.head
    }

    pub(crate) fn newest_time(&self) -> Timestamp {
        let newest = self.events.last();
        newest.map_or_else(Timestamp::default, |(_, stub)| stub.time)
    }

    /// What all retained events count against the capacity.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many events are retained.
    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }

    pub(crate) fn topic_count(&self) -> usize {
        self.topics.len()
    }

    pub(crate) fn topic_changes(&self) -> u64 {
        self.topic_changes
    }

    pub(crate) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// How many events are to be deleted.
    pub(crate) fn debris_len(&self) -> usize {
        self.debris.events.len()
    }

    pub(crate) fn debris(&mut self) -> &mut Debris {
        &mut self.debris
    }

    pub(crate) fn history(&self, topic: &Topic) -> Option<&History> {
        self.slots.get(topic).map(|slot| &self.topics[*slot])
    }

    pub(crate) fn history_mut(&mut self, topic: &Topic) -> Option<&mut History> {
        self.slots.get(topic).map(|slot| &mut self.topics[*slot])
    }

    /// The places of all topics by their ids.
    pub(crate) fn slots_by_id(&self) -> HashMap<u64, usize> {
        let topics = self.topics.iter();
        topics.map(|(slot, history)| (history.id, slot)).collect()
    }

    pub(crate) fn history_at(&self, slot: usize) -> Option<&History> {
        self.topics.get(slot)
    }

    /// Adds an event, which is the newest, and evicts what its topic's retention or the capacity no longer allows.
    ///
    /// A topic for which `in_use` is true is not forgotten to make room for a new one. Without room there is one topic
    /// more than the capacity allows, so it is for the caller to ask first.
    pub(crate) fn append(&mut self, record: &Record, in_use: impl Fn(&Topic) -> bool) {
        let slot = match self.slots.get(&record.topic) {
            Some(slot) => *slot,
            None => {
                // What makes room for it did not have its name.
                let (forgotten, forgotten_at) = (self.forgotten, self.forgotten_at);
                self.make_room(in_use);
                let rules = self.options.rules_for(&record.topic);
                let (topic, id) = (record.topic.clone(), record.sequence);
                self.topic_changes += 1;
                self.add_topic(History::new(topic, id, rules, forgotten, forgotten_at))
            }
        };
        let arrival = Arrival {
            sequence: record.sequence,
            size: record.size().min(MAX_SIZE),
            key: record.key.as_deref(),
            ends_topic: record.ends_topic,
        };
        self.topic_changes += u64::from(record.ends_topic);
        self.add_event(slot, &arrival, record.time);
        self.enforce_limits(slot);
        self.enforce_capacity();
    }

    fn add_topic(&mut self, history: History) -> usize {
        let (name, ended, last) = (history.topic.clone(), history.ended, history.last);
        let evicted = history.evicted;
        let slot = self.topics.insert(history);
        self.by_evicted.insert((evicted, slot));
        self.names.insert(name.clone());
        self.slots.insert(name, slot);
        self.stalest.insert((ended, last, slot));
        slot
    }

    fn add_event(&mut self, slot: usize, event: &Arrival<'_>, time: Timestamp) {
        let history = &mut self.topics[slot];
        self.stalest.remove(&(history.ended, history.last, slot));
        if history.sequences.is_empty() {
            let expires = time.after(history.rules.retention.age);
            self.due.insert((expires, slot));
        }
        history.push(event);
        self.stalest.insert((history.ended, history.last, slot));
        self.head = event.sequence;
        self.bytes += event.size;
        let stub = Stub {
            time,
            topic: u32::try_from(slot).expect("there are fewer topics than fit in memory"),
            size: size_of(event),
        };
        self.events.push(event.sequence, stub);
    }

    /// Whether so many topics are no more than the capacity allows.
    pub(crate) fn has_room_for(&self, topics: usize) -> bool {
        topics <= self.options.capacity.topics
    }

    /// How many of so many new topics there is room for now, forgetting only topics that are not in use.
    pub(crate) fn room_for(&self, topics: usize, in_use: impl Fn(&Topic) -> bool) -> usize {
        let free = self
            .options
            .capacity
            .topics
            .saturating_sub(self.topics.len());
        let excess = topics.saturating_sub(free);
        topics - excess
            + self
                .stalest
                .iter()
                .filter(|(.., slot)| !in_use(&self.topics[*slot].topic))
                .take(excess)
                .count()
    }

    /// Whether the event is retained.
    pub(crate) fn retains(&self, sequence: u64) -> bool {
        self.events.get(sequence).is_some()
    }
}

/// What an event counts at most, so that little is kept of each.
const MAX_SIZE: u64 = u32::MAX as u64;

fn size_of(event: &Arrival<'_>) -> NonZeroU32 {
    let size = u32::try_from(event.size).unwrap_or(u32::MAX);
    NonZeroU32::new(size).unwrap_or(NonZeroU32::MIN)
}
