//! The whole log on a disk that fails and loses power: what it has told anybody stays true.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use fastrand::Rng;

use crate::{
    Capacity, Durability, Entry, Log, LogOptions, Lot, OpenError, Record, Retention, Scope,
    Timestamp, Topic, TopicRules, Window,
    disk::simulation::{
        disk::{SimulatedDisk, Trouble},
        model::open,
        seeds,
    },
};

/// Those under `few/` keep three events, the others all.
const TOPICS: [&str; 6] = ["keep/a", "keep/b", "keep/c", "few/a", "few/b", "few/c"];

#[test]
fn whatever_the_disk_does_the_log_keeps_its_promises() {
    seeds::each("whatever_the_disk_does", 1_000, |seed| {
        let mut rng = Rng::with_seed(seed);
        let mut run = Run {
            disk: SimulatedDisk::new(rng.fork()),
            said: Said::default(),
            rng,
        };
        for _ in 0..run.rng.usize(2..=5) {
            let operations = *run.rng.choice(&[20, 100, 500]).unwrap();
            run.disk.plan(run.rng.u64(0..operations), Trouble::PowerCut);
            run.use_log();
            run.disk.restart();
        }
        run.open().unwrap();
    });
}

/// What somebody was told, or may find out.
#[derive(Debug, Default)]
struct Said {
    /// The events that were released.
    events: BTreeMap<u64, (Arc<Record>, Durability)>,
    /// Events whose commit was under way when the power went: each is there or not.
    unknown: BTreeMap<u64, (Arc<Record>, Durability)>,
    /// The newest event on each topic that came and went while nobody could see it.
    perhaps_evicted: BTreeMap<Topic, u64>,
    /// Events that were refused once and for all.
    refused: BTreeSet<u64>,
    /// The highest sequence of anybody.
    highest: u64,
    /// The events of topics that were forgotten to make room. A crash may bring them back.
    forgotten_events: BTreeMap<u64, (Arc<Record>, Durability)>,
    /// The topics that were deleted, with their last event.
    deleted: BTreeMap<Topic, u64>,
    /// The highest sequence of any deleted topic.
    forgotten: u64,
    /// Topics whose deletion was under way when the power went.
    perhaps_deleted: BTreeMap<Topic, u64>,
    ended: BTreeSet<Topic>,
    /// The topics with events of durability `memory`, each up to the head after the crash that may have cost some.
    unsure: BTreeMap<Topic, u64>,
    /// Those topics of this run.
    volatile: BTreeSet<Topic>,
    /// Where the log was closed, if that was done properly.
    closed_at: Option<u64>,
}

struct Run {
    disk: SimulatedDisk,
    said: Said,
    rng: Rng,
}

fn topic(name: &str) -> Topic {
    Topic::new(name).unwrap()
}

fn options() -> LogOptions {
    let rules = |topic: &Topic| TopicRules {
        retention: Retention {
            events: if topic.as_str().starts_with("few") {
                3
            } else {
                u64::MAX
            },
            ..Retention::default()
        },
        ..TopicRules::default()
    };
    LogOptions {
        capacity: Capacity {
            topics: 4,
            ..Capacity::default()
        },
        rules: Some(Arc::new(rules)),
    }
}

impl Run {
    /// Opens the log and holds it against what was said. `Err` if the disk has trouble.
    fn open(&mut self) -> Result<Log, OpenError> {
        let (store, found) = open(&self.disk)?;
        let (log, _) = Log::restore(store, found, options(), Timestamp::from_millis(0))?;
        self.said.check(&log);
        Ok(log)
    }

    fn use_log(&mut self) {
        let mut log = match self.open() {
            Ok(log) => log,
            Err(error) => {
                assert!(self.disk.has_trouble(), "the log does not open: {error}");
                self.said.open_in_vain();
                return;
            }
        };
        for _ in 0..self.rng.usize(0..40) {
            if !self.step(&mut log) {
                return;
            }
        }
        if self.rng.bool() {
            let lot = log.closing();
            if log.store().commit(&lot).is_ok() && log.store().close().is_ok() {
                self.said.closed_at = Some(log.accepted);
            }
        }
    }

    /// False once the power is off.
    fn step(&mut self, log: &mut Log) -> bool {
        if self.rng.u8(0..12) == 0 {
            let trouble = *self
                .rng
                .choice(&[Trouble::Error, Trouble::LastingError])
                .unwrap();
            self.disk.plan(self.rng.u64(0..20), trouble);
        }
        if self.rng.u8(0..15) == 0 {
            let topic = topic(self.rng.choice(&TOPICS).unwrap());
            return self.delete(log, &topic);
        }
        let mut events = Vec::new();
        for _ in 0..self.rng.usize(1..=5) {
            let topic = topic(self.rng.choice(&TOPICS).unwrap());
            let is_new = !log.will_contain(&topic);
            if log.will_have_ended(&topic) || (is_new && log.room_for(1, |_| false) == 0) {
                continue;
            }
            let durability = *self
                .rng
                .choice(&[Durability::Memory, Durability::Disk])
                .unwrap();
            let data = "x".repeat(self.rng.usize(0..300));
            let entry = Entry {
                ends_topic: self.rng.u8(0..20) == 0,
                ..Entry::new(topic, data)
            };
            let record = log.accept(entry, Timestamp::from_millis(0));
            if events.is_empty() && log.may_release_at_once(&record, durability) {
                log.write_later(record.clone());
                self.release(log, &record, durability);
            } else {
                events.push((record, durability));
            }
        }
        if events.is_empty() && self.rng.bool() {
            return true;
        }
        let sweep = self.rng.bool();
        let lot = log.lot(&events, sweep);
        if log.store().commit(&lot).is_ok() {
            for (record, durability) in &events {
                self.release(log, record, *durability);
            }
            log.committed(&lot);
            return true;
        }
        self.said.unknown.extend(
            events
                .into_iter()
                .map(|(record, durability)| (record.sequence, (record, durability))),
        );
        self.recover(log, lot)
    }

    fn release(&mut self, log: &mut Log, record: &Arc<Record>, durability: Durability) {
        log.release(record, |_| false);
        self.said.say(record, durability);
        for topic in TOPICS.map(topic) {
            if !log.contains(&topic) {
                self.said.forget(&topic);
            }
        }
    }

    fn delete(&mut self, log: &mut Log, topic: &Topic) -> bool {
        let Some(lot) = log.forgetting(topic) else {
            return true;
        };
        let last = log.summary(topic).unwrap().last;
        self.said.perhaps_deleted.insert(topic.clone(), last);
        if log.store().commit(&lot).is_err() {
            return self.recover(log, lot);
        }
        log.forget(topic);
        log.committed(&lot);
        self.said.delete(topic, last);
        true
    }

    /// Opens the store again, as the writer of a broker does. False once the power is off.
    fn recover(&mut self, log: &mut Log, lot: Lot) -> bool {
        log.failed(lot);
        for _ in 0..20 {
            self.disk.mend_errors();
            if self.rng.u8(0..4) == 0 {
                self.disk.plan(self.rng.u64(0..10), Trouble::Error);
            }
            if log.store().reopen().is_err() {
                continue;
            }
            let lot = log.lot(&[], true);
            if log.store().commit(&lot).is_ok() {
                log.committed(&lot);
                let refused = std::mem::take(&mut self.said.unknown);
                self.said.refused.extend(refused.into_keys());
                self.said.perhaps_deleted.clear();
                self.said.check_alive(log);
                return true;
            }
            log.failed(lot);
        }
        assert!(self.disk.has_trouble(), "the store does not recover");
        false
    }
}

impl Said {
    fn say(&mut self, record: &Arc<Record>, durability: Durability) {
        let topic = record.topic.clone();
        assert!(record.sequence > self.highest, "a sequence is used again");
        self.highest = record.sequence;
        if record.ends_topic {
            self.ended.insert(topic.clone());
        }
        if durability == Durability::Memory {
            self.volatile.insert(topic);
        }
        self.events
            .insert(record.sequence, (record.clone(), durability));
    }

    fn delete(&mut self, topic: &Topic, last: u64) {
        self.perhaps_deleted.remove(topic);
        self.events.retain(|_, (record, _)| record.topic != *topic);
        self.ended.remove(topic);
        self.deleted.insert(topic.clone(), last);
        let unsure = self.unsure.get(topic).copied().unwrap_or(0);
        self.forgotten = self.forgotten.max(last).max(unsure);
    }

    /// The topic made room for another one, if it was there.
    fn forget(&mut self, topic: &Topic) {
        let said = self
            .events
            .iter()
            .filter(|(_, (record, _))| record.topic == *topic);
        let said: Vec<_> = said
            .map(|(sequence, event)| (*sequence, event.clone()))
            .collect();
        // Of those that a crash has cost all of their events only the head after it is known.
        let last = said.last().map_or(0, |(last, _)| *last);
        let last = last.max(self.unsure.get(topic).copied().unwrap_or(0));
        self.forgotten_events.extend(said);
        self.events.retain(|_, (record, _)| record.topic != *topic);
        self.ended.remove(topic);
        self.forgotten = self.forgotten.max(last);
    }

    /// The power went while the log was opened: nobody can tell whether it counts as opened.
    fn open_in_vain(&mut self) {
        self.closed_at = None;
    }

    /// Holds a log that has just been opened against what was said.
    fn check(&mut self, log: &Log) {
        let there = contents(log);
        let closed_at = self.closed_at.take();
        if closed_at.is_none() {
            let head = log.head();
            let mut volatile = std::mem::take(&mut self.volatile);
            // If one of them is there, nobody can tell whether others followed it.
            let unknown = self.unknown.values();
            let unknown = unknown.filter(|(_, durability)| *durability == Durability::Memory);
            volatile.extend(unknown.map(|(record, _)| record.topic.clone()));
            self.unsure
                .extend(volatile.into_iter().map(|topic| (topic, head)));
        }
        self.volatile.clear();
        for (topic, last) in std::mem::take(&mut self.perhaps_deleted) {
            if !log.contains(&topic) {
                self.delete(&topic, last);
            }
        }
        for (sequence, record) in &there {
            assert!(!self.refused.contains(sequence), "{sequence} was refused");
            if let Some((unknown, durability)) = self.unknown.remove(sequence) {
                self.say_found(&unknown, durability);
            }
            if let Some((forgotten, durability)) = self.forgotten_events.remove(sequence) {
                self.say_found(&forgotten, durability);
            }
            let said = self.events.get(sequence).map(|(record, _)| record);
            assert_eq!(said, Some(record), "what is at {sequence} was never said");
        }
        for topic in TOPICS.map(topic) {
            if !log.contains(&topic) {
                self.forget(&topic);
            }
        }
        self.forgotten_events.clear();
        // One that was there may have been evicted since.
        for (sequence, (record, _)) in std::mem::take(&mut self.unknown) {
            if !log.contains(&record.topic) {
                self.forgotten = self.forgotten.max(sequence);
            }
            self.perhaps_evicted.insert(record.topic.clone(), sequence);
        }
        self.check_losses(log, &there);
        for topic in &self.ended {
            assert!(log.has_ended(topic), "{topic} is open again");
        }
        if let Some(head) = closed_at {
            assert_eq!(
                log.head(),
                head,
                "ids take a step although the log was closed"
            );
        }
        assert!(log.head() >= self.highest, "ids begin anew");
        self.highest = log.head();
    }

    /// Holds a log that goes on after an error against what was said.
    fn check_alive(&self, log: &Log) {
        let there = contents(log);
        for (sequence, record) in &there {
            let said = self.events.get(sequence).map(|(record, _)| record);
            assert_eq!(said, Some(record), "what is at {sequence} was never said");
        }
        self.check_losses(log, &there);
    }

    fn say_found(&mut self, record: &Arc<Record>, durability: Durability) {
        if record.ends_topic {
            self.ended.insert(record.topic.clone());
        }
        self.events
            .insert(record.sequence, (record.clone(), durability));
    }

    fn check_losses(&self, log: &Log, there: &BTreeMap<u64, Arc<Record>>) {
        for name in TOPICS {
            let topic = topic(name);
            let topics = [topic.clone()];
            let misses = |after| log.misses_any(&Scope::Topics(&topics), after);
            let said = self
                .events
                .values()
                .filter(|(record, _)| record.topic == topic);
            let gone = said.filter(|(record, _)| !there.contains_key(&record.sequence));
            let of = |sequences: &BTreeMap<Topic, u64>| sequences.get(&topic).copied();
            let unsure = of(&self.unsure).max(of(&self.perhaps_evicted));
            let mut newest_gone = self.forgotten.max(unsure.unwrap_or(0));
            for (record, durability) in gone {
                let sequence = record.sequence;
                assert!(
                    misses(sequence - 1),
                    "{sequence} on {name} is gone in silence"
                );
                let may_go = name.starts_with("few")
                    || (*durability == Durability::Memory && self.unsure.contains_key(&topic));
                assert!(may_go, "{sequence} on {name} is gone");
                newest_gone = newest_gone.max(sequence);
            }
            assert!(
                !misses(newest_gone),
                "{name} cries wolf after {newest_gone}"
            );
            if let Some(last) = self.deleted.get(&topic) {
                assert!(misses(last - 1), "nobody is told that {name} was deleted");
            }
        }
    }
}

fn contents(log: &Log) -> BTreeMap<u64, Arc<Record>> {
    let all = Scope::Matching(&|_| true);
    let window = Window {
        records: usize::MAX,
        bytes: u64::MAX,
        ..Window::new(0, u64::MAX)
    };
    let selection = log.select(&all, window);
    let records = log.store().read(&selection.sequences).unwrap();
    assert_eq!(records.len(), selection.sequences.len());
    records
        .into_iter()
        .map(|record| (record.sequence, record))
        .collect()
}
