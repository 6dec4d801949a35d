//! Making the index again from what was stored.

use std::collections::HashMap;

use crate::{Marks, StoredEvent, Timestamp, TopicRow};

use super::{Arrival, History, Index, MAX_SIZE};

/// An index on its way up. The topics come first, then the events by rising sequence.
#[derive(Debug)]
pub(crate) struct Restore {
    index: Index,
    slots: HashMap<u64, usize>,
    /// Every sequence given out so far is at most this.
    head: u64,
    marks: Marks,
}

impl Restore {
    /// Begins with an empty index and what was stored of the log as a whole.
    pub(crate) fn new(mut index: Index, marks: &Marks) -> Self {
        index.forgotten = marks.forgotten;
        index.highest_evicted = marks.forgotten;
        Self {
            index,
            slots: HashMap::new(),
            head: marks.head.unwrap_or(marks.reserved),
            marks: *marks,
        }
    }

    /// Adds a topic. False if there is one of this name already, which a sound log does not have.
    pub(crate) fn topic(&mut self, row: &TopicRow) -> bool {
        if self.index.history(&row.name).is_some() {
            return false;
        }
        let rules = self.index.options.rules_for(&row.name);
        let mut row = row.clone();
        let lost_some = row.admit_losses(&self.marks);
        let history = History::restored(&row, rules);
        self.index.highest_evicted = self.index.highest_evicted.max(history.evicted);
        let slot = self.index.add_topic(history);
        self.slots.insert(row.id, slot);
        if lost_some {
            self.index.debris.moved.insert(slot);
        }
        true
    }

    pub(crate) fn event(&mut self, event: &StoredEvent<'_>) {
        let Some(slot) = self.slots.get(&event.topic) else {
            // What is left of a topic that was deleted.
            self.index.debris.events.push(event.sequence);
            return;
        };
        let arrival = Arrival {
            sequence: event.sequence,
            size: event.size.min(MAX_SIZE),
            key: event.key,
            ends_topic: event.ends_topic,
        };
        self.index.add_event(*slot, &arrival, event.time);
    }

    /// Evicts what has become too old, or too much, while the log was closed.
    pub(crate) fn finish(mut self, now: Timestamp) -> Index {
        let index = &mut self.index;
        index.head = self.head.max(index.head);
        index.expire(now);
        for slot in self.slots.into_values() {
            index.enforce_limits(slot);
        }
        index.enforce_capacity();
        // Ended topics without events had only been waiting to be forgotten.
        let empty = |history: &History| history.ended && history.sequences.is_empty();
        let topics = index.topics.iter();
        let over: Vec<usize> = topics
            .filter(|(_, history)| empty(history))
            .map(|(slot, _)| slot)
            .collect();
        over.into_iter().for_each(|slot| index.forget_slot(slot));
        while index.topics.len() > index.options.capacity.topics {
            index.make_room(|_| false);
        }
        self.index
    }
}
