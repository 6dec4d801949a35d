//! From the bytes of streams to items, over any number of connections.

use std::collections::VecDeque;
use std::time::Duration;

use http::HeaderValue;
use tidings_sse::{DecodeError, Decoder, Frame, Limits};
use url::Origin;

use crate::error::SubscribeError;
use crate::event::{Gap, GapReason, Item};
use crate::exchange::Position;
use crate::items;
use crate::subscribe::Form;

/// What was received and not yet given, and how far that goes.
#[derive(Debug)]
pub(crate) struct Intake {
    decoder: Decoder,
    form: Form,
    ready: VecDeque<Ready>,
    /// The server's reconnection time.
    retry: Option<Duration>,
    /// Who gave the last id; `None` if it was there from the start.
    home: Option<Origin>,
}

/// An item to be given, and the id to resume after once it was.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) item: Item,
    position: Option<String>,
}

/// Why a stream cannot be read on.
#[derive(Debug)]
pub(crate) enum IntakeError {
    Limit(DecodeError),
    NoEnvelope {
        id: String,
        source: serde_json::Error,
    },
}

impl Ready {
    pub(crate) fn position(&self) -> &str {
        match &self.item {
            Item::Event(event) => &event.id,
            _ => self.position.as_deref().unwrap_or_default(),
        }
    }
}

impl Intake {
    pub(crate) fn new(limits: Limits, form: Form) -> Self {
        Self {
            decoder: Decoder::with_limits(limits),
            form,
            ready: VecDeque::new(),
            retry: None,
            home: None,
        }
    }

    /// Goes on after an event that somebody else has read.
    pub(crate) fn begin_after(&mut self, id: &str) -> Result<(), SubscribeError> {
        if HeaderValue::from_bytes(id.as_bytes()).is_err() {
            return Err(SubscribeError::Start { id: id.to_owned() });
        }
        self.decoder.set_last_event_id(id);
        self.home = None;
        Ok(())
    }

    /// A new connection: what was unfinished on the last one will come again.
    pub(crate) fn reconnected(&mut self) {
        self.decoder.restart();
    }

    /// Takes bytes that came from this origin.
    pub(crate) fn push(&mut self, piece: &[u8], from: &Origin) -> Result<(), IntakeError> {
        let before = self.decoder.last_event_id().to_owned();
        let taken = self.decode(piece);
        if self.decoder.last_event_id() != before {
            self.home = Some(from.clone());
        }
        taken
    }

    fn decode(&mut self, piece: &[u8]) -> Result<(), IntakeError> {
        let mut frames = self.decoder.decode(piece);
        while let Some(frame) = frames.next() {
            match frame.map_err(IntakeError::Limit)? {
                Frame::Retry(retry) => self.retry = Some(retry),
                Frame::Comment(text) if self.form.comments => {
                    let item = Item::Comment(text.to_owned());
                    let position = Some(frames.last_event_id().to_owned());
                    self.ready.push_back(Ready { item, position });
                }
                Frame::Comment(_) => {}
                Frame::Event(event) => {
                    let made = items::item(event, self.form.enveloped);
                    let item = made.map_err(|source| IntakeError::NoEnvelope {
                        id: event.id.to_owned(),
                        source,
                    })?;
                    let position = match item {
                        Item::Event(_) => None,
                        _ => Some(event.id.to_owned()),
                    };
                    self.ready.push_back(Ready { item, position });
                }
            }
        }
        Ok(())
    }

    /// The next item to be given. With the last one goes the room for them: a subscription may wait for long after it was
    /// given much.
    pub(crate) fn pop(&mut self) -> Option<Ready> {
        let next = self.ready.pop_front();
        if self.ready.is_empty() {
            self.ready = VecDeque::new();
        }
        next
    }

    /// Forgets what is ready.
    pub(crate) fn clear(&mut self) {
        self.ready.clear();
    }

    /// Puts an item in front of all others.
    pub(crate) fn put_first(&mut self, item: Item, position: String) {
        let position = Some(position);
        self.ready.push_front(Ready { item, position });
    }

    /// Says first that what follows the last id is not what comes.
    pub(crate) fn put_first_gap(&mut self) {
        let id = self.last_event_id().to_owned();
        let gap = Gap {
            reason: GapReason::UnknownId,
            requested: Some(id.clone()),
            oldest: None,
        };
        self.put_first(Item::Gap(gap), id);
    }

    /// The id to resume after once everything received was given; empty if there is none.
    pub(crate) fn last_event_id(&self) -> &str {
        self.decoder.last_event_id()
    }

    /// The same, as the next request says it. An id of the server's with a control character cannot
    /// be sent; the stream then starts as at first.
    pub(crate) fn position(&self) -> Option<Position> {
        let id = self.last_event_id();
        let id = HeaderValue::from_bytes(id.as_bytes()).ok()?;
        let of = self.home.clone();
        (!id.is_empty()).then_some(Position { id, of })
    }

    /// The server's reconnection time.
    pub(crate) fn retry(&self) -> Option<Duration> {
        self.retry
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use url::Url;

    use super::*;

    #[derive(Deserialize)]
    struct Vectors {
        vectors: Vec<Vector>,
    }

    #[derive(Deserialize)]
    struct Vector {
        name: String,
        limits: Option<Overrides>,
        #[serde(default)]
        resume_from: String,
        connections: Vec<Connection>,
    }

    #[derive(Deserialize)]
    struct Overrides {
        line: Option<usize>,
        event: Option<usize>,
        id: Option<usize>,
        name: Option<usize>,
        retry_floor_ms: Option<u64>,
        retry_cap_ms: Option<u64>,
    }

    #[derive(Deserialize)]
    struct Connection {
        input: Option<String>,
        input_hex: Option<String>,
        frames: Vec<Expected>,
        last_event_id: String,
        error: Option<String>,
    }

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Expected {
        Event {
            event: String,
            data: String,
            id: String,
        },
        Comment {
            comment: String,
        },
        Retry {
            retry_ms: u64,
        },
    }

    impl Vector {
        fn limits(&self) -> Limits {
            let mut limits = Limits::default();
            let Some(given) = &self.limits else {
                return limits;
            };
            limits.line = given.line.unwrap_or(limits.line);
            limits.event = given.event.unwrap_or(limits.event);
            limits.id = given.id.unwrap_or(limits.id);
            limits.name = given.name.unwrap_or(limits.name);
            let millis = |ms: Option<u64>, unset| ms.map_or(unset, Duration::from_millis);
            limits.retry_floor = millis(given.retry_floor_ms, limits.retry_floor);
            limits.retry_cap = millis(given.retry_cap_ms, limits.retry_cap);
            limits
        }

        fn check(&self, cut: impl Fn(&[u8]) -> Vec<&[u8]>) {
            let form = Form {
                comments: true,
                enveloped: false,
            };
            let mut intake = Intake::new(self.limits(), form);
            intake.begin_after(&self.resume_from).unwrap();
            for connection in &self.connections {
                intake.reconnected();
                let bytes = connection.bytes();
                let pieces = cut(&bytes);
                let taken = pieces
                    .iter()
                    .try_for_each(|piece| intake.push(piece, &origin()));
                let told = || format!("`{}` in {pieces:?}: {intake:?}", self.name);
                assert_eq!(taken.is_err(), connection.error.is_some(), "{}", told());
                assert_eq!(intake.last_event_id(), connection.last_event_id);
                let retry = connection.frames.iter().rev().find_map(Expected::retry);
                if retry.is_some() {
                    assert_eq!(intake.retry(), retry, "{}", told());
                }
                let given: Vec<_> = std::iter::from_fn(|| intake.pop())
                    .map(|r| r.item)
                    .collect();
                let expected = connection.frames.iter().filter(|f| f.retry().is_none());
                assert!(
                    given.iter().eq(expected),
                    "`{}` in {pieces:?}: {given:?}",
                    self.name
                );
            }
        }
    }

    impl Expected {
        fn retry(&self) -> Option<Duration> {
            match self {
                Self::Retry { retry_ms } => Some(Duration::from_millis(*retry_ms)),
                _ => None,
            }
        }
    }

    impl PartialEq<Expected> for Item {
        fn eq(&self, expected: &Expected) -> bool {
            match (self, expected) {
                (Self::Comment(text), Expected::Comment { comment }) => text == comment,
                (Self::Event(given), Expected::Event { event, data, id }) => {
                    [&given.event, &given.data, &given.id] == [event, data, id]
                }
                _ => false,
            }
        }
    }

    impl Connection {
        fn bytes(&self) -> Vec<u8> {
            let Some(hex) = &self.input_hex else {
                return self.input.clone().unwrap().into_bytes();
            };
            (0..hex.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
                .collect()
        }
    }

    fn origin() -> Origin {
        Url::parse("http://a/").unwrap().origin()
    }

    fn vectors() -> Vec<Vector> {
        let file = include_str!("../../../conformance/decode.json");
        serde_json::from_str::<Vectors>(file).unwrap().vectors
    }

    #[test]
    fn every_vector_is_read_whole_byte_by_byte_and_cut_in_two_anywhere() {
        let vectors = vectors();
        assert!(vectors.len() >= 47);
        for vector in vectors {
            vector.check(|bytes| vec![bytes]);
            vector.check(|bytes| bytes.chunks(1).collect());
            let longest = vector.connections.iter().map(|c| c.bytes().len()).max();
            for at in 0..=longest.unwrap_or(0) {
                vector.check(|bytes| {
                    let (head, tail) = bytes.split_at(at.min(bytes.len()));
                    vec![head, tail]
                });
            }
        }
    }

    #[test]
    fn an_id_belongs_to_whoever_gave_it() {
        let mut intake = Intake::new(Limits::default(), Form::default());
        intake.begin_after("7").unwrap();
        let of = |intake: &Intake| intake.position().and_then(|position| position.of);
        assert_eq!(of(&intake), None);
        intake.push(b"data: x\n\n", &origin()).unwrap();
        assert_eq!(of(&intake), None, "the id is the one of before");
        intake.push(b"id: 8\n\n", &origin()).unwrap();
        assert_eq!(of(&intake), Some(origin()));
    }
}
