//! What is committed together, and what becomes of those who wait for it.

use tidings_log::{KeyRow, Lot};

use crate::{
    StoreFailed,
    core::Core,
    queue::{Batch, Line, Op, Round, Wakeups},
};

impl Core {
    /// What is to be committed next, if anything is. With `sweep` that includes the removal of what is evicted, even if it
    /// is little.
    pub(crate) fn next_round(&mut self, sweep: bool) -> Option<Round> {
        if self.queue.is_committing || (self.queue.is_empty() && !self.log.has_debris(sweep)) {
            return None;
        }
        let ops = self.queue.take_round();
        let lot = match ops.first() {
            Some(Op::Delete { topic, .. }) => self.log.forgetting(topic).unwrap_or_default(),
            Some(Op::Close(_)) => self.log.closing(),
            Some(Op::Flush(_) | Op::Drain(_)) => Lot::default(),
            Some(Op::Publish(_)) | None => self.lot(&ops, sweep),
        };
        self.queue.is_committing = true;
        Some(Round { ops, lot })
    }

    /// The first round after a failure. There is nothing in it that anybody waits for.
    pub(crate) fn first_round(&mut self) -> Round {
        self.queue.is_committing = true;
        let lot = self.lot(&[], true);
        Round {
            ops: Vec::new(),
            lot,
        }
    }

    fn lot(&mut self, ops: &[Op], sweep: bool) -> Lot {
        let batches = || {
            ops.iter().filter_map(|op| match op {
                Op::Publish(batch) => Some(batch),
                Op::Delete { .. } | Op::Flush(_) | Op::Drain(_) | Op::Close(_) => None,
            })
        };
        let events = batches().flat_map(Batch::events);
        let events: Vec<_> = events
            .map(|(record, durability)| (record.clone(), durability))
            .collect();
        let mut lot = self.log.lot(&events, sweep);
        let gone = self.idempotency.take_gone();
        if self.is_durable() {
            lot.expired_keys = gone;
            let lines = batches().flat_map(|batch| &batch.lines);
            lot.keys = lines.filter_map(|line| self.key_row(line)).collect();
        }
        lot
    }

    fn key_row(&self, line: &Line) -> Option<KeyRow> {
        match line {
            Line::Event {
                record,
                key: Some((key, fingerprint)),
                ..
            } => Some(KeyRow {
                key: key.clone(),
                time: record.time,
                fingerprint: *fingerprint,
                sequence: record.sequence,
                receivers: self.subscriber_count(&record.topic) as u64,
            }),
            Line::Event { key: None, .. } | Line::Made(_) | Line::Coming(_) => None,
        }
    }

    /// Takes note that a round is committed: its events are there for everybody.
    pub(crate) fn finish(&mut self, round: Round, wakeups: &mut Wakeups) {
        self.queue.is_committing = false;
        for op in round.ops {
            match op {
                Op::Publish(mut batch) => {
                    wakeups.shares.extend(batch.share.take());
                    self.release(batch, wakeups);
                }
                Op::Delete {
                    topic,
                    reply,
                    share,
                } => {
                    wakeups.shares.extend(share);
                    let deleted = self.forget(&topic, &mut wakeups.readers);
                    wakeups.deleted(reply, Ok(deleted));
                }
                Op::Flush(reply) => wakeups.done(reply, Ok(())),
                Op::Drain(reply) => {
                    self.end_streams(&mut wakeups.readers);
                    wakeups.done(reply, Ok(()));
                }
                Op::Close(reply) => {
                    wakeups.done(reply, Ok(()));
                    self.give_up(StoreFailed::closed(), wakeups);
                }
            }
        }
        self.log.committed(&round.lot);
        if !self.log.has_unwritten() {
            wakeups.shares.append(&mut self.unwritten);
        }
        self.release_at_once(wakeups);
    }

    /// Commits and releases all that waits: for a store that takes no time.
    pub(crate) fn release_all(&mut self, wakeups: &mut Wakeups) {
        while let Some(round) = self.next_round(true) {
            match self.log.store().commit(&round.lot) {
                Ok(()) => self.finish(round, wakeups),
                Err(error) => return self.fail(round, StoreFailed::new(error), wakeups),
            }
        }
    }

    /// Takes note that a round failed: nothing that waits comes about, and nothing is accepted until the store is back.
    pub(crate) fn fail(&mut self, round: Round, error: StoreFailed, wakeups: &mut Wakeups) {
        self.queue.is_committing = false;
        let stored = round.lot.keys.iter().map(|row| row.key.clone());
        let expired = round.lot.expired_keys.iter().cloned();
        self.idempotency.abandon(stored.chain(expired));
        self.log.failed(round.lot);
        for op in round.ops {
            wakeups.failed(op, &error);
        }
        self.give_up(error, wakeups);
    }

    /// Accepts nothing more, and tells those who wait.
    pub(crate) fn give_up(&mut self, error: StoreFailed, wakeups: &mut Wakeups) {
        for op in self.queue.take_all() {
            wakeups.failed(op, &error);
        }
        // What is released and not yet written is bounded by this.
        wakeups.shares.append(&mut self.unwritten);
        self.failure = Some(error);
    }
}
