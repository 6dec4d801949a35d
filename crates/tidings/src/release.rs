//! The last step of publishing: what is committed is put on the tails of its groups and acknowledged.

use std::{cell::LazyCell, collections::HashSet, sync::Arc, task::Waker};

use tidings_log::{Durability, KeyRow, Lot, Record, Timestamp, Topic};

use crate::{
    GoodbyeReason, Receipt, StoreFailed,
    core::Core,
    encoding::Encoder,
    group::Item,
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
        let mut permits = Vec::new();
        for op in round.ops {
            match op {
                Op::Publish(mut batch) => {
                    permits.extend(batch.permit.take());
                    self.release(batch, wakeups);
                }
                Op::Delete { topic, reply, .. } => {
                    let deleted = self.forget(&topic, &mut wakeups.readers);
                    wakeups.deleted(reply, Ok(deleted));
                }
                Op::Flush(reply) => wakeups.done(reply, Ok(())),
                Op::Drain(reply) => {
                    self.close(&mut wakeups.readers);
                    wakeups.done(reply, Ok(()));
                }
                Op::Close(reply) => {
                    self.failure = Some(StoreFailed::closed());
                    wakeups.done(reply, Ok(()));
                }
            }
        }
        self.log.committed(&round.lot);
        if !self.log.has_unwritten() {
            self.unwritten.clear();
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
        for op in round.ops.into_iter().chain(self.queue.take_all()) {
            wakeups.failed(op, &error);
        }
        self.failure = Some(error);
    }

    /// Releases what need not wait for a commit of its own, once nothing in front of it does.
    pub(crate) fn release_at_once(&mut self, wakeups: &mut Wakeups) {
        while let Some(Op::Publish(batch)) = self.queue.front() {
            let ready = |(record, durability): (&Arc<Record>, Durability)| {
                self.log.may_release_at_once(record, durability)
            };
            // An idempotency key is stored with its event, and nobody may rely on one that is not.
            let has_keys = batch.lines.iter().any(Line::has_key);
            if self.queue.is_committing || has_keys || !batch.events().all(ready) {
                return;
            }
            let Some(Op::Publish(mut batch)) = self.queue.pop() else {
                return;
            };
            for (record, _) in batch.events() {
                self.log.write_later(record.clone());
            }
            self.unwritten.extend(batch.permit.take());
            self.release(batch, wakeups);
        }
    }

    /// Gives the events of a batch to their readers, and its publisher the receipts.
    fn release(&mut self, batch: Batch, wakeups: &mut Wakeups) {
        let mut receipts = Vec::with_capacity(batch.lines.len());
        // Only a log that is full of topics asks which of them may go: none that the batch is about.
        let topics = || {
            batch
                .events()
                .map(|(record, _)| record.topic.clone())
                .collect()
        };
        let topics: LazyCell<HashSet<Topic>, _> = LazyCell::new(topics);
        for line in &batch.lines {
            let receipt = match line {
                Line::Made(receipt) => Some(receipt.clone()),
                Line::Coming(key) => {
                    let receipt = self.idempotency.receipt(key);
                    receipt.map(|receipt| receipt.clone().repeated())
                }
                Line::Event {
                    record,
                    durability,
                    key,
                } => {
                    let matcher = &self.matcher;
                    let in_use = |topic: &Topic| matcher.names(topic) || topics.contains(topic);
                    self.log.release(record, in_use);
                    self.published += 1;
                    let receipt = Receipt {
                        id: record.position(),
                        receivers: self.fan_out(record, &mut wakeups.readers),
                        durability: *durability,
                        repeated: false,
                    };
                    if let Some((key, fingerprint)) = key {
                        let (key, receipt) = (key.clone(), receipt.clone());
                        self.idempotency
                            .remember(key, *fingerprint, receipt, record.time);
                    }
                    Some(receipt)
                }
            };
            receipts.extend(receipt);
        }
        drop(topics);
        wakeups.published(batch.reply, Ok(receipts));
    }

    /// Puts an event on the tail of every group that wants it. Gives the number of subscriptions reached.
    fn fan_out(&mut self, record: &Arc<Record>, wakers: &mut Vec<Waker>) -> usize {
        let mut encoder = Encoder::new(record);
        let mut receivers = 0;
        for slot in self.matcher.matches(&record.topic) {
            let group = &self.groups[slot];
            if group.filter.wants(record) {
                let block = encoder.block(group.wire);
                receivers += group.push(Item::Event(record.clone(), block), wakers);
            }
            if record.ends_topic && self.has_ended(&group.filter) {
                self.close_group(slot, Item::End, wakers);
            }
        }
        receivers
    }

    /// Forgets a topic. Streams that name it end, streams that match it by a pattern are told of a gap.
    fn forget(&mut self, topic: &Topic, wakers: &mut Vec<Waker>) -> bool {
        if !self.log.forget(topic) {
            return false;
        }
        for slot in self.matcher.matches(topic) {
            if self.groups[slot].filter.names(topic) {
                self.close_group(slot, Item::Goodbye(GoodbyeReason::TopicDeleted), wakers);
            } else {
                self.groups[slot].push(Item::Deleted, wakers);
            }
        }
        true
    }

    /// Evicts what has become too old.
    pub(crate) fn expire(&mut self, now: Timestamp) {
        self.log.expire(now);
        self.idempotency.expire(now);
    }
}

impl Line {
    fn has_key(&self) -> bool {
        matches!(self, Self::Event { key: Some(_), .. } | Self::Coming(_))
    }
}
