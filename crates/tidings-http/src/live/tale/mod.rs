//! What the viewers of a view are told, and what those who come later begin with.

mod list;
mod value;

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tidings::{Event, EventName, Position, PublishError};
use tidings_sse::{Block, EventId};

use super::desk::Desk;
use super::evaluator::{Findings, Want};

pub(super) use self::list::ListTale;
pub(super) use self::value::ValueTale;

/// How a viewer wants changes to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// As whole bodies.
    Whole,
    /// As patches, where they are shorter.
    Patch,
}

/// What a viewer is given before what is published from then on.
#[derive(Debug, Default)]
pub(super) struct Opening {
    /// The place that the first block tells: before all that follows. None if that is where the subscription starts.
    pub(super) start: Option<Position>,
    pub(super) blocks: Vec<Told>,
}

/// Something that has been told. Clones share its block.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) id: Position,
    name: EventName,
    data: Arc<str>,
    block: Arc<OnceLock<Bytes>>,
}

impl Told {
    pub(super) fn new(id: Position, name: &EventName, data: Arc<str>) -> Self {
        Self {
            id,
            name: name.clone(),
            data,
            block: Arc::default(),
        }
    }

    /// The place just before it.
    pub(super) fn start(&self) -> Position {
        Position {
            epoch: self.id.epoch.clone(),
            sequence: self.id.sequence.saturating_sub(1),
        }
    }

    /// Its block, with its id.
    pub(super) fn block(&self) -> Bytes {
        let encode = || {
            let id = EventId::new(self.id.to_string()).ok();
            self.encode(id.as_ref())
        };
        self.block.get_or_init(encode).clone()
    }

    /// Its block without its id.
    pub(super) fn block_without_id(&self) -> Bytes {
        self.encode(None)
    }

    fn encode(&self, id: Option<&EventId>) -> Bytes {
        let block = Block {
            id,
            event: Some(&self.name),
            data: &self.data,
        };
        let mut bytes = Vec::with_capacity(self.data.len() + 256);
        block.encode(&mut bytes);
        bytes.into()
    }
}

/// Keeps what viewers have been told.
pub(super) trait Tale: Send {
    /// Tells what has been found, if it is news. After an error the state of the resource is news anyhow.
    fn tell<'a>(
        &'a mut self,
        desk: &'a Desk,
        findings: Findings,
        after: After,
    ) -> BoxFuture<'a, Result<(), PublishError>>;

    /// What a viewer who comes now begins with. `None` if that has to be found first.
    fn opening(&self, format: Format) -> Option<Opening>;

    /// What the next evaluation has to find for a viewer who waits.
    fn want(&self) -> Want;

    /// What an id is good for that a viewer returns with.
    fn resuming(&self) -> Resuming<'_>;

    /// Takes note that a viewer was let in with no opening.
    fn owe_snapshot(&mut self);

    /// Whether somebody has been, and still waits for a snapshot.
    fn owes(&self) -> bool;

    /// Whether something moves that is not told.
    fn drifts(&self) -> bool;
}

/// What an id is good for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Resuming<'a> {
    /// Nothing: what everybody begins with is all there is to know.
    Needless,
    /// For going on after it, if it is at least this one.
    After(Option<&'a Position>),
}

/// What came before an evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    Success,
    Failure,
}

fn event(name: &EventName, data: Arc<str>) -> Event {
    Event::new(data).named(name.clone())
}
