use std::{collections::BTreeMap, sync::Arc};

use fastrand::Rng;

use crate::{
    DiskOptions, DiskStore, Epoch, Epochs, Found, KeyRow, Lot, Marks, OpenError, Record, Store,
    Timestamp, Topic, TopicRow, disk::simulation::disk::SimulatedDisk,
};

/// What a store must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Model {
    epochs: Epochs,
    /// Each event behind the id of its topic.
    events: BTreeMap<u64, (u64, Arc<Record>)>,
    topics: BTreeMap<u64, TopicRow>,
    keys: BTreeMap<Arc<str>, KeyRow>,
    marks: Marks,
}

/// The events that are read from a store.
#[derive(Debug)]
pub(super) struct Contents {
    events: Vec<Scanned>,
    records: Vec<Record>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Scanned {
    sequence: u64,
    topic: u64,
    time: Timestamp,
    size: u64,
    key: Option<Arc<str>>,
    ends_topic: bool,
}

/// Makes lots as they come from a log.
#[derive(Debug)]
pub(super) struct Workload {
    rng: Rng,
    sequence: u64,
}

pub(super) fn open(disk: &SimulatedDisk) -> Result<(DiskStore, Found), OpenError> {
    // Nothing is kept in memory, so that everything is read from the disk.
    let options = DiskOptions {
        cache_bytes: 256 * 1024,
        recent_bytes: 0,
    };
    DiskStore::open_on(Box::new(disk.clone()), &options, || {
        Epoch::new("first").unwrap()
    })
}

impl Model {
    pub(super) fn new() -> Self {
        Self {
            epochs: Epochs::new(Epoch::new("first").unwrap()),
            events: BTreeMap::new(),
            topics: BTreeMap::new(),
            keys: BTreeMap::new(),
            marks: Marks::default(),
        }
    }

    pub(super) fn apply(&mut self, lot: &Lot) {
        for (topic, record) in &lot.records {
            self.events
                .insert(record.sequence, (*topic, Arc::clone(record)));
        }
        for sequence in &lot.evicted {
            self.events.remove(sequence);
        }
        for row in &lot.topics {
            self.topics.insert(row.id, row.clone());
        }
        for id in &lot.forgotten {
            self.topics.remove(id);
        }
        for key in &lot.expired_keys {
            self.keys.remove(key);
        }
        for row in &lot.keys {
            self.keys.insert(Arc::clone(&row.key), row.clone());
        }
        self.marks = lot.marks.unwrap_or(self.marks);
    }

    pub(super) fn begin_epoch(&mut self, first: u64, epoch: Epoch) {
        self.epochs.begin(first, epoch);
    }

    /// Whether this is what was found when the store was opened, and what was read from it.
    pub(super) fn is_found(&self, found: &Found, contents: &Contents) -> bool {
        found.epochs == self.epochs
            && found.marks == self.marks
            && found.topics.iter().eq(self.topics.values())
            && found.keys.len() == self.keys.len()
            && found
                .keys
                .iter()
                .all(|row| self.keys.get(&row.key) == Some(row))
            && self.is_read(contents)
    }

    /// Whether these are its events.
    pub(super) fn is_read(&self, contents: &Contents) -> bool {
        let events = self.events.values().map(|(topic, record)| Scanned {
            sequence: record.sequence,
            topic: *topic,
            time: record.time,
            size: record.size(),
            key: record.key.clone(),
            ends_topic: record.ends_topic,
        });
        let known = self
            .events
            .values()
            .filter(|(topic, _)| self.topics.contains_key(topic));
        let records = known.map(|(_, record)| {
            let epoch = self.epochs.position(record.sequence).epoch;
            Record {
                epoch,
                ..Record::clone(record)
            }
        });
        events.eq(contents.events.iter().cloned()) && records.eq(contents.records.iter().cloned())
    }
}

impl Contents {
    pub(super) fn of(store: &DiskStore) -> Self {
        let mut events = Vec::new();
        let scanned = store.scan(&mut |event| {
            events.push(Scanned {
                sequence: event.sequence,
                topic: event.topic,
                time: event.time,
                size: event.size,
                key: event.key.map(Arc::from),
                ends_topic: event.ends_topic,
            });
        });
        scanned.unwrap();
        let sequences: Vec<u64> = events.iter().map(|event| event.sequence).collect();
        let records = store.read(&sequences).unwrap();
        Self {
            events,
            records: records.into_iter().map(Arc::unwrap_or_clone).collect(),
        }
    }
}

impl Workload {
    pub(super) fn new(rng: Rng) -> Self {
        Self { rng, sequence: 0 }
    }

    /// The first sequence of a further epoch.
    pub(super) fn skip(&mut self) -> u64 {
        self.sequence += 10;
        self.sequence + 1
    }

    /// The next lot for a store that holds this.
    pub(super) fn lot(&mut self, model: &Model) -> Lot {
        let mut lot = Lot::default();
        let mut topics = model.topics.clone();
        for _ in 0..self.rng.usize(0..12) {
            self.sequence += 1;
            let known: Vec<u64> = topics.keys().copied().collect();
            let id = match self.rng.choice(&known) {
                Some(id) if self.rng.u8(0..4) != 0 => *id,
                _ => self.sequence,
            };
            let row = topics.entry(id).or_insert_with(|| TopicRow {
                id,
                name: Topic::new(format!("topics/{id}")).unwrap(),
                last: id,
                evicted: 0,
                lost: 0,
                volatile: 0,
                ended: false,
            });
            row.last = self.sequence;
            let name = row.name.clone();
            if id == self.sequence || self.rng.u8(0..4) == 0 {
                lot.topics.push(row.clone());
            }
            lot.records.push((id, Arc::new(self.record(name))));
        }
        let evicted = if self.rng.u8(0..4) == 0 { 80 } else { 5 };
        lot.evicted = model
            .events
            .keys()
            .copied()
            .filter(|_| self.rng.u8(0..100) < evicted)
            .collect();
        if self.rng.u8(0..6) == 0 {
            lot.forgotten
                .extend(self.rng.choice(model.topics.keys().copied()));
        }
        lot.expired_keys = model
            .keys
            .keys()
            .filter(|_| self.rng.u8(0..10) == 0)
            .cloned()
            .collect();
        for _ in 0..self.rng.usize(0..3) {
            lot.keys.push(KeyRow {
                key: format!("key-{}", self.rng.u8(..)).into(),
                time: Timestamp::from_millis(self.rng.u64(..)),
                fingerprint: [self.rng.u8(..); 16],
                sequence: self.sequence,
                receivers: self.rng.u64(0..9),
            });
        }
        lot.marks = (self.rng.u8(0..3) == 0).then(|| Marks {
            reserved: self.sequence + self.rng.u64(0..100),
            opened: self.sequence,
            forgotten: self.rng.u64(..),
            head: self.rng.bool().then_some(self.sequence),
        });
        lot
    }

    fn record(&mut self, topic: Topic) -> Record {
        let longest = *self.rng.choice(&[10, 300, 300, 5_000, 40_000]).unwrap();
        let letter = self.rng.alphabetic();
        Record {
            epoch: Epoch::new("first").unwrap(),
            sequence: self.sequence,
            time: Timestamp::from_millis(self.rng.u64(..)),
            topic,
            event: self.rng.bool().then(|| "note".into()),
            data: letter.to_string().repeat(self.rng.usize(0..longest)).into(),
            key: self
                .rng
                .bool()
                .then(|| format!("k{}", self.rng.u8(..)).into()),
            ends_topic: self.rng.u8(0..10) == 0,
        }
    }
}
