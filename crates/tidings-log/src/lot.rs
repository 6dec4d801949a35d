//! What is committed together, and what becomes of it.

use std::{collections::BTreeMap, mem, sync::Arc};

use crate::{
    Durability, Log, Lot, Marks, Record, Topic, TopicRow,
    index::{Debris, History},
};

/// How far ahead of what is accepted sequences are reserved. More than may wait for a commit at any time, twice over.
const RESERVED_AHEAD: u64 = 1 << 18;
/// So many evicted events are worth a lot of their own accord: sorted, they are deleted page by page.
const SWEEP: usize = 4096;
/// So many bytes of events that are released and not yet written are worth a lot.
const UNWRITTEN_BYTES: u64 = 1 << 20;
/// At most so many are deleted in one lot, so that no commit takes long.
const MAX_SWEEP: usize = 16_384;

impl Log {
    /// What is to be committed: these accepted events, which come next by sequence, and what has become due beside
    /// them. With `sweep` that includes evictions even if they are few.
    ///
    /// [`committed`](Self::committed) or [`failed`](Self::failed) must be called with it before the next one is made.
    pub fn lot(&mut self, events: &[(Arc<Record>, Durability)], sweep: bool) -> Lot {
        let mut lot = Lot::default();
        if !self.store.is_durable() {
            let records = events.iter().map(|(record, _)| (0, record.clone()));
            lot.records.extend(records);
            lot.evicted = self.evicted(usize::MAX);
            *self.index.debris() = Debris::default();
            return lot;
        }
        // One that is evicted or forgotten meanwhile must not be written: nothing would know of it.
        let index = &self.index;
        self.unwritten
            .retain(|record| index.retains(record.sequence));
        let mut rows = BTreeMap::new();
        let released = self
            .unwritten
            .iter()
            .map(|record| (record, Durability::Memory));
        let accepted = events
            .iter()
            .map(|(record, durability)| (record, *durability));
        for (record, durability) in released.chain(accepted) {
            let id = self.add_to(&mut rows, record, durability);
            lot.records.push((id, record.clone()));
        }
        // At once, since a topic of the same name may be among the rows.
        lot.forgotten = mem::take(&mut self.index.debris().topics);
        if self.index.debris().events.len() >= SWEEP || sweep {
            lot.evicted = self.evicted(MAX_SWEEP);
            for slot in mem::take(&mut self.index.debris().moved) {
                if let Some(history) = self.index.history_at(slot) {
                    let topic = history.topic.clone();
                    rows.entry(topic).or_insert_with(|| history.row());
                }
            }
        }
        lot.topics = rows.into_values().collect();
        lot.marks = self.moved_marks();
        lot
    }

    /// As [`lot`](Self::lot), to forget a topic once it is committed. `None` if the topic is not known.
    pub fn forgetting(&mut self, topic: &Topic) -> Option<Lot> {
        let (id, last) = self
            .index
            .history(topic)
            .map(|history| (history.id, history.last))?;
        let mut lot = Lot::default();
        if self.store.is_durable() {
            lot.forgotten.push(id);
            let marks = self.moved_marks().unwrap_or(self.marks);
            lot.marks = Some(Marks {
                forgotten: marks.forgotten.max(last),
                ..marks
            });
        }
        Some(lot)
    }

    /// As [`lot`](Self::lot), to close the log once all is released: nothing may be accepted after it.
    pub fn closing(&mut self) -> Lot {
        let mut lot = self.lot(&[], true);
        let head = Some(self.accepted.max(self.index.head()));
        lot.marks = Some(Marks {
            head,
            forgotten: self.index.forgotten(),
            ..self.marks
        });
        lot
    }

    pub(crate) fn opening_lot(&mut self) -> Lot {
        let mut lot = self.lot(&[], true);
        lot.marks.get_or_insert(self.marks);
        lot
    }

    /// Takes note that the lot is on stable storage.
    pub fn committed(&mut self, lot: &Lot) {
        if let Some(marks) = lot.marks {
            self.marks = marks;
            self.marks_are_unsure = false;
        }
        for row in &lot.topics {
            if let Some(history) = self.index.history_mut(&row.name) {
                history.volatile = row.volatile;
            }
        }
        if let Some((_, newest)) = lot.records.last() {
            self.unwritten
                .retain(|record| record.sequence > newest.sequence);
            self.unwritten_bytes = self.unwritten.iter().map(|record| record.size()).sum();
        }
    }

    /// Takes note that the outcome of the lot is unknown. Nothing that is accepted will be released, and what the lot may
    /// have left is removed with a later one.
    pub fn failed(&mut self, lot: Lot) {
        self.waiting.clear();
        self.marks_are_unsure = true;
        let released = self.index.head();
        let debris = self.index.debris();
        debris.events.extend(lot.evicted);
        let left = lot.records.iter().map(|(_, record)| record.sequence);
        debris
            .events
            .extend(left.filter(|sequence| *sequence > released));
        let slots = self.index.slots_by_id();
        let written = lot.topics.iter().map(|row| row.id);
        for id in lot.forgotten.into_iter().chain(written) {
            let debris = self.index.debris();
            match slots.get(&id) {
                Some(slot) => {
                    debris.moved.insert(*slot);
                }
                None => debris.topics.push(id),
            }
        }
    }

    /// Whether the event may be released before it is committed: a crash may take it back, and whoever resumes will know.
    pub fn may_release_at_once(&self, record: &Record, durability: Durability) -> bool {
        let is_marked = self
            .index
            .history(&record.topic)
            .is_some_and(|history| history.volatile > 0 && !record.ends_topic);
        durability == Durability::Memory && is_marked && record.sequence <= self.marks.reserved
    }

    /// Takes note that the event was released before it is committed.
    pub fn write_later(&mut self, record: Arc<Record>) {
        self.store.hold(record.clone());
        self.unwritten_bytes += record.size();
        self.unwritten.push(record);
    }

    /// Whether a lot is due although no event waits for it; with `sweep`, also if it would have little.
    pub fn has_debris(&self, sweep: bool) -> bool {
        let least = if sweep { 1 } else { SWEEP };
        self.index.debris_len() >= least
            || self.unwritten.len() >= least
            || self.unwritten_bytes >= UNWRITTEN_BYTES
    }

    /// Whether there are released events that no committed lot has had.
    pub fn has_unwritten(&self) -> bool {
        !self.unwritten.is_empty()
    }

    /// Adds what must be stored of the record's topic beside the record. Gives the id of the topic.
    fn add_to(
        &self,
        rows: &mut BTreeMap<Topic, TopicRow>,
        record: &Record,
        durability: Durability,
    ) -> u64 {
        let history = self.index.history(&record.topic);
        let is_first_volatile =
            durability == Durability::Memory && history.is_none_or(|history| history.volatile == 0);
        let row = match (rows.get_mut(&record.topic), history) {
            (Some(row), _) => row,
            (None, Some(history)) if !is_first_volatile && !record.ends_topic => return history.id,
            (None, history) => {
                let row = history.map_or_else(|| self.new_row(record), History::row);
                rows.entry(record.topic.clone()).or_insert(row)
            }
        };
        row.last = record.sequence;
        row.ended = record.ends_topic;
        if is_first_volatile && row.volatile == 0 {
            row.volatile = record.sequence;
        }
        row.id
    }

    fn new_row(&self, record: &Record) -> TopicRow {
        let forgotten = self.index.forgotten();
        TopicRow {
            id: record.sequence,
            name: record.topic.clone(),
            last: record.sequence,
            evicted: forgotten,
            lost: forgotten,
            volatile: 0,
            ended: false,
        }
    }

    /// The evicted events that the next lot deletes, sorted.
    fn evicted(&mut self, most: usize) -> Vec<u64> {
        let events = &mut self.index.debris().events;
        let rest = events.split_off(events.len().min(most));
        let mut evicted = mem::replace(events, rest);
        evicted.sort_unstable();
        evicted
    }

    /// The marks to be stored, if they differ from those that are.
    fn moved_marks(&self) -> Option<Marks> {
        let mut marks = self.marks;
        marks.forgotten = self.index.forgotten();
        if self.accepted + RESERVED_AHEAD / 2 > marks.reserved {
            marks.reserved = self.accepted + RESERVED_AHEAD;
        }
        (self.marks_are_unsure || marks != self.marks).then_some(marks)
    }
}
