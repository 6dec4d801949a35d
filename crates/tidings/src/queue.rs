//! What has been accepted and waits to be committed, in order.

use std::{collections::VecDeque, sync::Arc, task::Waker};

use tidings_log::{Durability, Lot, Record, Topic};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::{Receipt, StoreFailed, idempotency::Fingerprint};

/// A round has at most so many events, unless a single batch has more.
const ROUND_EVENTS: usize = 1024;
/// No further batch is added to a round that has so many bytes of events.
const ROUND_BYTES: u64 = 1 << 20;

/// Something that changes the log, in the order in which it was asked for.
#[derive(Debug)]
pub(crate) enum Op {
    Publish(Batch),
    Delete {
        topic: Topic,
        reply: Reply<bool>,
        /// Its share of what may wait; given back with it.
        share: Option<OwnedSemaphorePermit>,
    },
    /// Nothing, but the reply tells that all before it is done and that the store works.
    Flush(Reply<()>),
    /// Every stream ends with a goodbye.
    Drain(Reply<()>),
    /// The last one: the store is closed.
    Close(Reply<()>),
}

pub(crate) type Reply<T> = oneshot::Sender<Result<T, StoreFailed>>;

/// A reply that has been made out and is yet to be sent.
type Made<T> = (Reply<T>, Result<T, StoreFailed>);

/// Publications that are committed together or not at all.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) lines: Vec<Line>,
    pub(crate) reply: Reply<Vec<Receipt>>,
    /// Its share of what may wait; given back once it is written.
    pub(crate) share: Option<OwnedSemaphorePermit>,
}

/// One publication of a batch.
#[derive(Debug)]
pub(crate) enum Line {
    Event {
        record: Arc<Record>,
        durability: Durability,
        key: Option<(Arc<str>, Fingerprint)>,
    },
    /// It was made before.
    Made(Receipt),
    /// It was under way under this key when it came.
    Coming(Arc<str>),
}

/// What is committed at once, and who waits for it.
#[derive(Debug)]
pub(crate) struct Round {
    pub(crate) ops: Vec<Op>,
    pub(crate) lot: Lot,
}

impl Round {
    /// Whether it is to find out if the store works.
    pub(crate) fn tries(&self) -> bool {
        matches!(self.ops.first(), Some(Op::Flush(_)))
    }

    /// Whether it is the last one.
    pub(crate) fn closes(&self) -> bool {
        matches!(self.ops.first(), Some(Op::Close(_)))
    }
}

/// What is accepted and not yet taken into a round.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    ops: VecDeque<Op>,
    /// Whether a round is under way.
    pub(crate) is_committing: bool,
}

impl Queue {
    pub(crate) fn push(&mut self, op: Op) {
        self.ops.push_back(op);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.ops.len()
    }

    pub(crate) fn front(&self) -> Option<&Op> {
        self.ops.front()
    }

    pub(crate) fn pop(&mut self) -> Option<Op> {
        self.ops.pop_front()
    }

    /// Takes what the next round has: as many batches as fit, or one other thing alone.
    pub(crate) fn take_round(&mut self) -> Vec<Op> {
        let mut ops = Vec::new();
        let (mut events, mut bytes) = (0, 0);
        while events < ROUND_EVENTS && bytes < ROUND_BYTES {
            match self.ops.front() {
                Some(Op::Publish(batch)) => {
                    if !ops.is_empty() && events + batch.events().count() > ROUND_EVENTS {
                        break;
                    }
                    events += batch.events().count();
                    bytes += batch.events().map(|(record, _)| record.size()).sum::<u64>();
                }
                Some(Op::Delete { .. } | Op::Flush(_) | Op::Drain(_) | Op::Close(_))
                    if ops.is_empty() =>
                {
                    ops.extend(self.ops.pop_front());
                    break;
                }
                Some(Op::Delete { .. } | Op::Flush(_) | Op::Drain(_) | Op::Close(_)) | None => {
                    break;
                }
            }
            ops.extend(self.ops.pop_front());
        }
        ops
    }

    pub(crate) fn take_all(&mut self) -> Vec<Op> {
        self.ops.drain(..).collect()
    }
}

impl Batch {
    /// Its new events.
    pub(crate) fn events(&self) -> impl Iterator<Item = (&Arc<Record>, Durability)> {
        self.lines.iter().filter_map(|line| match line {
            Line::Event {
                record, durability, ..
            } => Some((record, *durability)),
            Line::Made(_) | Line::Coming(_) => None,
        })
    }
}

/// Who is to be told what, once no lock is held.
#[derive(Debug, Default)]
pub(crate) struct Wakeups {
    /// Readers that something waits for.
    pub(crate) readers: Vec<Waker>,
    /// What is given back of what may wait. Giving it back wakes publishers.
    pub(crate) shares: Vec<OwnedSemaphorePermit>,
    published: Vec<Made<Vec<Receipt>>>,
    deleted: Vec<Made<bool>>,
    done: Vec<Made<()>>,
}

impl Wakeups {
    pub(crate) fn published(
        &mut self,
        reply: Reply<Vec<Receipt>>,
        outcome: Result<Vec<Receipt>, StoreFailed>,
    ) {
        self.published.push((reply, outcome));
    }

    pub(crate) fn deleted(&mut self, reply: Reply<bool>, outcome: Result<bool, StoreFailed>) {
        self.deleted.push((reply, outcome));
    }

    pub(crate) fn done(&mut self, reply: Reply<()>, outcome: Result<(), StoreFailed>) {
        self.done.push((reply, outcome));
    }

    /// Tells somebody who asked for it that it failed.
    pub(crate) fn failed(&mut self, op: Op, error: &StoreFailed) {
        match op {
            Op::Publish(batch) => {
                self.shares.extend(batch.share);
                self.published(batch.reply, Err(error.clone()));
            }
            Op::Delete { reply, share, .. } => {
                self.shares.extend(share);
                self.deleted(reply, Err(error.clone()));
            }
            Op::Flush(reply) | Op::Drain(reply) | Op::Close(reply) => {
                self.done(reply, Err(error.clone()));
            }
        }
    }

    /// Tells everybody. No lock is held here.
    pub(crate) fn send(self) {
        self.readers.into_iter().for_each(Waker::wake);
        drop(self.shares);
        for (reply, outcome) in self.published {
            // Who does not wait any more does not want to know.
            let _ = reply.send(outcome);
        }
        for (reply, outcome) in self.deleted {
            let _ = reply.send(outcome);
        }
        for (reply, outcome) in self.done {
            let _ = reply.send(outcome);
        }
    }
}
