//! How events come out of the stored log.

use std::{collections::HashMap, sync::Arc};

use redb::{Database, ReadOnlyTable, ReadableDatabase};

use crate::{
    Epochs, Record, Timestamp, Topic,
    disk::{
        codec::{self, EventBody},
        engine::Fault,
        error::Damage,
        tables::{self, EVENTS, TOPICS},
    },
    record::RECORD_OVERHEAD,
};

/// What an index needs to know of an event in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredEvent<'a> {
    /// Its sequence.
    pub sequence: u64,
    /// The id of its topic, which may be a forgotten one.
    pub topic: u64,
    /// When it was accepted.
    pub time: Timestamp,
    /// What it counts against byte limits, as [`Record::size`].
    pub size: u64,
    /// What conflation goes by.
    pub key: Option<&'a str>,
    /// Whether it ended its topic.
    pub ends_topic: bool,
}

/// Visits every event, by rising sequence.
pub(super) fn scan(db: &Database, visit: &mut dyn FnMut(StoredEvent<'_>)) -> Result<(), Fault> {
    for row in db.begin_read()?.open_table(EVENTS)?.range(0..)? {
        let (sequence, bytes) = row?;
        let (sequence, bytes) = (sequence.value(), bytes.value());
        visit(StoredEvent::new(sequence, &decode(sequence, bytes)?));
    }
    Ok(())
}

/// Reads events as they were at one moment.
pub(super) struct Reader<'a> {
    events: ReadOnlyTable<u64, &'static [u8]>,
    topics: ReadOnlyTable<u64, &'static [u8]>,
    /// The names of the topics met so far; `None` for forgotten ones.
    names: HashMap<u64, Option<Topic>>,
    epochs: &'a Epochs,
}

impl<'a> Reader<'a> {
    pub(super) fn new(db: &Database, epochs: &'a Epochs) -> Result<Self, Fault> {
        let txn = db.begin_read()?;
        Ok(Self {
            events: txn.open_table(EVENTS)?,
            topics: txn.open_table(TOPICS)?,
            names: HashMap::new(),
            epochs,
        })
    }

    /// The event with this sequence, unless it or its topic is gone.
    pub(super) fn read(&mut self, sequence: u64) -> Result<Option<Arc<Record>>, Fault> {
        let Some(bytes) = self.events.get(sequence)? else {
            return Ok(None);
        };
        let body = decode(sequence, bytes.value())?;
        let Some(topic) = self.topic(body.topic)? else {
            return Ok(None);
        };
        let record = body.record(sequence, self.epochs, topic);
        Ok(Some(Arc::new(record)))
    }

    fn topic(&mut self, id: u64) -> Result<Option<Topic>, Fault> {
        if let Some(name) = self.names.get(&id) {
            return Ok(name.clone());
        }
        let name = match self.topics.get(id)? {
            Some(bytes) => Some(tables::topic(id, bytes.value())?.name),
            None => None,
        };
        self.names.insert(id, name.clone());
        Ok(name)
    }
}

impl<'a> StoredEvent<'a> {
    fn new(sequence: u64, body: &EventBody<'a>) -> Self {
        let texts = body.data.len() + body.event.map_or(0, str::len) + body.key.map_or(0, str::len);
        Self {
            sequence,
            topic: body.topic,
            time: body.time,
            size: texts as u64 + RECORD_OVERHEAD,
            key: body.key,
            ends_topic: body.ends_topic,
        }
    }
}

fn decode(sequence: u64, bytes: &[u8]) -> Result<EventBody<'_>, Fault> {
    codec::decode_event(sequence, bytes).map_err(|_| Fault::Damage(Damage::Event(sequence)))
}
