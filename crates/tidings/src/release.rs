//! The last step of publishing: what is committed is put on the tails of its groups and acknowledged.

use std::{cell::LazyCell, collections::HashSet, sync::Arc, task::Waker, time::Instant};

use tidings_log::{Durability, Record, Timestamp, Topic};

use crate::{
    GoodbyeReason, Receipt,
    core::Core,
    encoding::Encoder,
    queue::{Batch, Line, Op, Wakeups},
    tail::Item,
};

impl Core {
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
            self.unwritten.extend(batch.share.take());
            self.release(batch, wakeups);
        }
    }

    /// Gives the events of a batch to their readers, and its publisher the receipts.
    pub(crate) fn release(&mut self, batch: Batch, wakeups: &mut Wakeups) {
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
                    let receipt = self.idempotency.awaited(key);
                    receipt.map(Receipt::repeated)
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
                    self.published_bytes += record.data.len() as u64;
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
        let linger = self.options.linger(&record.topic);
        let until = (!linger.is_zero()).then(|| Instant::now() + linger);
        for slot in self.matcher.matches(&record.topic) {
            let group = &self.groups[slot];
            if group.filter.wants(record) {
                let item = Item::Event(record.clone(), encoder.block(group.wire));
                let bytes = item.size() as u64;
                let reached = match until {
                    None => group.push(item, wakers),
                    Some(until) => {
                        let (readers, is_due) = group.push_quietly(item, until);
                        if is_due && !self.linger.remind(group, until) {
                            wakers.extend(group.ring());
                        }
                        readers
                    }
                };
                receivers += reached;
                self.delivered.events += reached as u64;
                self.delivered.bytes += reached as u64 * bytes;
            }
            if record.ends_topic && self.has_ended(&group.filter) {
                self.close_group(slot, Item::End, wakers);
            }
        }
        receivers
    }

    /// Forgets a topic. Streams that name it end, streams that match it by a pattern are told of a gap.
    pub(crate) fn forget(&mut self, topic: &Topic, wakers: &mut Vec<Waker>) -> bool {
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
