use std::sync::Arc;

use crate::{Epoch, Position, Timestamp, Topic};

/// Bytes that each retained event is counted with beside its texts: the record itself and its places in the indexes.
pub(crate) const RECORD_OVERHEAD: u64 = 160;

/// An event on its way into the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is published under.
    pub topic: Topic,
    /// Its type name; `None` is the default type.
    pub event: Option<Arc<str>>,
    /// Its payload.
    pub data: Arc<str>,
    /// What conflation goes by.
    pub key: Option<Arc<str>>,
    /// Whether it ends its topic.
    pub ends_topic: bool,
}

impl Entry {
    /// An event of the default type, without a key, that leaves its topic open.
    pub fn new(topic: Topic, data: impl Into<Arc<str>>) -> Self {
        Self {
            topic,
            event: None,
            data: data.into(),
            key: None,
            ends_topic: false,
        }
    }
}

/// An event as the log holds it; it never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The run of the log that its sequence belongs to.
    pub epoch: Epoch,
    /// Its number: rising by the order of publication, never reused.
    pub sequence: u64,
    /// When it was accepted.
    pub time: Timestamp,
    /// What it was published under.
    pub topic: Topic,
    /// Its type name; `None` is the default type.
    pub event: Option<Arc<str>>,
    /// Its payload.
    pub data: Arc<str>,
    /// What conflation goes by.
    pub key: Option<Arc<str>>,
    /// Whether it ended its topic.
    pub ends_topic: bool,
}

impl Record {
    /// The place just after this event; written out, the event's id.
    pub fn position(&self) -> Position {
        Position {
            epoch: self.epoch.clone(),
            sequence: self.sequence,
        }
    }

    /// What this event counts against byte limits.
    pub fn size(&self) -> u64 {
        let text = |text: &Option<Arc<str>>| text.as_ref().map_or(0, |text| text.len());
        (self.data.len() + text(&self.event) + text(&self.key)) as u64 + RECORD_OVERHEAD
    }
}
