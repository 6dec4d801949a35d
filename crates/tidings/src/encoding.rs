use bytes::Bytes;
use serde::Serialize;
use tidings_log::{Position, Record};
use tidings_sse::{Block, EventId, EventName, Preamble};

use crate::time::rfc3339;

/// What the `data` of an event is on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// Exactly what was published.
    #[default]
    Raw,
    /// A JSON object with id, topic, event, data, time and final.
    Envelope,
}

/// How the events of a stream are encoded. Streams that share it share the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Wire {
    /// What `data` is.
    pub format: Format,
    /// Whether each event has its `id:` line.
    pub ids: bool,
}

impl Default for Wire {
    fn default() -> Self {
        Self {
            format: Format::Raw,
            ids: true,
        }
    }
}

/// An event on its way to its groups: each encoding that one of them asks for is made once.
#[derive(Debug)]
pub(crate) struct Encoder<'a> {
    record: &'a Record,
    made: Vec<(Wire, Bytes)>,
}

impl<'a> Encoder<'a> {
    pub(crate) fn new(record: &'a Record) -> Self {
        Self {
            record,
            made: Vec::new(),
        }
    }

    /// The block in this encoding; empty for readers that take the event itself.
    pub(crate) fn block(&mut self, wire: Option<Wire>) -> Bytes {
        let Some(wire) = wire else {
            return Bytes::new();
        };
        if let Some((_, block)) = self.made.iter().find(|(made, _)| *made == wire) {
            return block.clone();
        }
        let block = encode(self.record, wire);
        self.made.push((wire, block.clone()));
        block
    }
}

/// The SSE block of an event.
pub(crate) fn encode(record: &Record, wire: Wire) -> Bytes {
    let position = record.position().to_string();
    // Names were checked when they were published; one that is not valid any more falls back to the default type.
    let event = record
        .event
        .as_deref()
        .and_then(|name| EventName::new(name).ok());
    let id = wire
        .ids
        .then(|| EventId::new(&position).expect("a position is visible ASCII of at most 61 bytes"));
    let envelope;
    let data = match wire.format {
        Format::Raw => &*record.data,
        Format::Envelope => {
            envelope = envelope_of(record, &position);
            &envelope
        }
    };
    let block = Block {
        id: id.as_ref(),
        event: event.as_ref(),
        data,
    };
    let mut out = Vec::with_capacity(block.encoded_len());
    block.encode(&mut out);
    out.into()
}

/// A block, and behind it one of a position alone. It raises no event, and is where a reader resumes from.
pub(crate) fn followed_by_id(block: &Bytes, position: &Position) -> Bytes {
    let id = EventId::new(position.to_string());
    let id = id.expect("a position is visible ASCII of at most 61 bytes");
    let mut out = block.to_vec();
    Preamble {
        retry: None,
        id: Some(&id),
    }
    .encode(&mut out);
    out.into()
}

fn envelope_of(record: &Record, id: &str) -> String {
    #[derive(Serialize)]
    struct Envelope<'a> {
        id: &'a str,
        topic: &'a str,
        event: &'a str,
        data: &'a str,
        time: String,
        r#final: bool,
    }
    let envelope = Envelope {
        id,
        topic: record.topic.as_str(),
        event: record.event.as_deref().unwrap_or("message"),
        data: &record.data,
        time: rfc3339(record.time),
        r#final: record.ends_topic,
    };
    serde_json::to_string(&envelope).expect("texts and a flag always have a JSON form")
}
