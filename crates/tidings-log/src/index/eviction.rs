//! What goes: by age, by the limits of a topic, by the capacity of all, by name, or because it cannot be read.

use crate::{Timestamp, Topic};

use super::{History, Index, Stub};

impl Index {
    /// Evicts every event whose time has come.
    pub(crate) fn expire(&mut self, now: Timestamp) {
        while let Some((due, slot)) = self.due.first().copied() {
            if due > now {
                return;
            }
            self.evict_oldest(slot);
        }
    }

    /// Forgets a topic and its events. False if it was not known.
    pub(crate) fn forget(&mut self, topic: &Topic) -> bool {
        let Some(slot) = self.slots.get(topic).copied() else {
            return false;
        };
        self.forget_slot(slot);
        true
    }

    pub(super) fn forget_slot(&mut self, slot: usize) {
        let due = self.expiry_of_oldest(slot);
        let history = self.topics.remove(slot);
        self.names.remove(&history.topic);
        self.slots.remove(&history.topic);
        if let Some(expires) = due {
            self.due.remove(&(expires, slot));
        }
        for sequence in &history.sequences {
            self.events.take(*sequence);
        }
        self.stalest.remove(&(history.ended, history.last, slot));
        self.bytes -= history.bytes;
        self.topic_changes += 1;
        self.evictions += 1;
        self.forgotten_at = self.evictions;
        // What was lost in a crash may have come after the last event that is known.
        let last = history.last.max(history.evicted);
        self.forgotten = self.forgotten.max(last);
        self.highest_evicted = self.highest_evicted.max(last);
        self.by_evicted.remove(&(history.evicted, slot));
        self.debris.moved.remove(&slot);
        self.debris.topics.push(history.id);
        self.debris.events.extend(history.sequences);
    }

    /// Gives up an event that cannot be read any more. Whoever asks for it is told that something is missing. It is not
    /// removed from the store, which might fail at it.
    pub(crate) fn lose(&mut self, sequence: u64) {
        let Some(stub) = self.events.get(sequence) else {
            return;
        };
        let (slot, size) = (stub.topic as usize, u64::from(stub.size.get()));
        if self.topics[slot].sequences.front() == Some(&sequence) {
            let before = self.debris.events.len();
            self.evict_oldest(slot);
            self.debris.events.truncate(before);
            return;
        }
        self.events.take(sequence);
        self.bytes -= size;
        self.evictions += 1;
        self.highest_evicted = self.highest_evicted.max(sequence);
        let history = &mut self.topics[slot];
        self.by_evicted.remove(&(history.evicted, slot));
        history.remove(sequence, size, self.evictions);
        self.by_evicted.insert((history.evicted, slot));
        self.debris.moved.insert(slot);
    }

    pub(super) fn enforce_limits(&mut self, slot: usize) {
        while self
            .topics
            .get(slot)
            .is_some_and(History::is_over_its_limits)
        {
            self.evict_oldest(slot);
        }
    }

    pub(super) fn enforce_capacity(&mut self) {
        while self.bytes > self.options.capacity.bytes
            && let Some(slot) = self.next_to_make_room()
        {
            self.evict_oldest(slot);
        }
    }

    /// The topic of the oldest event that is not spared, and not the newest of all.
    fn next_to_make_room(&mut self) -> Option<usize> {
        let is_spared = |stub: &Stub| self.topics[stub.topic as usize].rules.spared;
        let (_, oldest) = self.events.first()?;
        if !is_spared(oldest) {
            return (self.events.len() > 1).then_some(oldest.topic as usize);
        }
        let (newest, _) = self.events.last()?;
        let events = self.events.after(self.spared_up_to);
        let mut older = events.take_while(|(sequence, _)| *sequence < newest);
        let found = older.find(|(_, stub)| !is_spared(stub));
        // A topic stays what it is, so what was passed over is not looked at again.
        self.spared_up_to = found.map_or(newest, |(sequence, _)| sequence) - 1;
        found.map(|(_, stub)| stub.topic as usize)
    }

    /// Evicts the oldest event of a topic that has one. An ended topic that loses its last event is forgotten.
    fn evict_oldest(&mut self, slot: usize) {
        let due = self.expiry_of_oldest(slot);
        let Some(history) = self.topics.get_mut(slot) else {
            return;
        };
        let Some(sequence) = history.sequences.front().copied() else {
            return;
        };
        let Some(stub) = self.events.take(sequence) else {
            return;
        };
        if let Some(expires) = due {
            self.due.remove(&(expires, slot));
        }
        let size = u64::from(stub.size.get());
        self.bytes -= size;
        self.evictions += 1;
        self.highest_evicted = self.highest_evicted.max(sequence);
        self.by_evicted.remove(&(history.evicted, slot));
        history.pop(size, self.evictions);
        self.by_evicted.insert((history.evicted, slot));
        let ended = history.ended;
        self.debris.events.push(sequence);
        self.debris.moved.insert(slot);
        match self.expiry_of_oldest(slot) {
            Some(expires) => {
                self.due.insert((expires, slot));
            }
            None if ended => self.forget_slot(slot),
            None => {}
        }
    }

    fn expiry_of_oldest(&self, slot: usize) -> Option<Timestamp> {
        let history = self.topics.get(slot)?;
        let oldest = self.events.get(*history.sequences.front()?)?;
        Some(oldest.time.after(history.rules.retention.age))
    }

    /// Forgets the least recently published topic that is not in use, if the capacity asks for it.
    pub(super) fn make_room(&mut self, in_use: impl Fn(&Topic) -> bool) {
        if self.topics.len() < self.options.capacity.topics {
            return;
        }
        let stalest = self
            .stalest
            .iter()
            .map(|(.., slot)| *slot)
            .find(|slot| !in_use(&self.topics[*slot].topic));
        if let Some(slot) = stalest {
            self.forget_slot(slot);
        }
    }
}
