//! The first step of publishing: everything that could refuse a publication is checked, and it has its place in the order.

use std::{
    cell::LazyCell,
    collections::{HashMap, HashSet},
    sync::Arc,
};

use tidings_log::{Durability, Entry, Timestamp, Topic};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::{
    BatchError, Publication, PublishError, Receipt, StoreFailed,
    core::Core,
    idempotency::{Earlier, Fingerprint},
    queue::{Batch, Line, Op},
    selector::is_reserved,
};

/// Comes once the batch is committed, or has failed.
pub(crate) type Outcome = oneshot::Receiver<Result<Vec<Receipt>, StoreFailed>>;

/// Who publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Author {
    Anybody,
    /// Anybody, whom the owner has publish on its topics.
    Guest,
    /// The owner of the broker, who may use the reserved names.
    Owner,
}

impl Core {
    /// Accepts all of a batch, with the fingerprints of those that have a key, or nothing of it. The share is taken only
    /// then.
    pub(crate) fn accept(
        &mut self,
        author: Author,
        batch: &[Publication],
        fingerprints: Vec<Option<Fingerprint>>,
        share: &mut Option<OwnedSemaphorePermit>,
        now: Timestamp,
    ) -> Result<Outcome, BatchError> {
        self.log.expire(now);
        self.idempotency.expire(now);
        let earlier = self.check(author, batch, &fingerprints)?;
        let lines = batch.iter().zip(fingerprints).zip(earlier);
        let lines = lines
            .map(|((publication, fingerprint), earlier)| {
                self.line(publication, fingerprint, earlier, now)
            })
            .collect();
        let (reply, outcome) = oneshot::channel();
        self.queue.push(Op::Publish(Batch {
            lines,
            reply,
            share: share.take(),
        }));
        Ok(outcome)
    }

    /// Checks everything that could make a publication of the batch fail. Those that were made before are nothing new.
    fn check(
        &self,
        author: Author,
        batch: &[Publication],
        fingerprints: &[Option<Fingerprint>],
    ) -> Result<Vec<Earlier>, BatchError> {
        let mut keys: HashMap<&str, usize> = HashMap::new();
        let mut ended: HashSet<&Topic> = HashSet::new();
        let mut new: HashSet<&Topic> = HashSet::new();
        let mut first_on_new: Vec<usize> = Vec::new();
        let mut all = Vec::with_capacity(batch.len());
        for (index, (publication, fingerprint)) in batch.iter().zip(fingerprints).enumerate() {
            let refuse = |source| BatchError { index, source };
            let key = publication.idempotency_key.as_deref();
            let earlier = self
                .idempotency
                .find(key, fingerprint.as_ref())
                .map_err(|_| refuse(PublishError::KeyReused))?;
            if earlier != Earlier::No {
                all.push(earlier);
                continue;
            }
            if let Some(key) = &publication.idempotency_key {
                if let Some(first) = keys.get(&**key) {
                    if fingerprints[*first] != *fingerprint {
                        return Err(refuse(PublishError::KeyReused));
                    }
                    all.push(Earlier::Coming);
                    continue;
                }
                keys.insert(key, index);
            }
            self.check_event(publication).map_err(refuse)?;
            if author == Author::Anybody && is_reserved(&publication.topic) {
                return Err(refuse(PublishError::ReservedTopic));
            }
            if author != Author::Owner {
                self.check_limits(publication).map_err(refuse)?;
            }
            let topic = &publication.topic;
            if self.log.will_have_ended(topic) || ended.contains(topic) {
                return Err(refuse(PublishError::TopicEnded));
            }
            if publication.event.ends_topic {
                ended.insert(topic);
            }
            if !self.log.will_contain(topic) && new.insert(topic) {
                first_on_new.push(index);
            }
            all.push(Earlier::No);
        }
        if new.is_empty() {
            return Ok(all);
        }
        // Only a log that is full of topics asks which of them may go.
        let published: LazyCell<HashSet<&Topic>, _> =
            LazyCell::new(|| batch.iter().map(|publication| &publication.topic).collect());
        let in_use = |topic: &Topic| self.matcher.names(topic) || published.contains(topic);
        let room = self.log.room_for(new.len(), in_use);
        match first_on_new.get(room) {
            Some(index) => Err(BatchError {
                index: *index,
                source: PublishError::TooManyTopics,
            }),
            None => Ok(all),
        }
    }

    fn check_event(&self, publication: &Publication) -> Result<(), PublishError> {
        if self.closed {
            return Err(PublishError::Closed);
        }
        if let Some(failed) = &self.failure {
            return Err(PublishError::StoreFailed(failed.clone()));
        }
        if publication.durability == Some(Durability::Disk) && !self.is_durable() {
            return Err(PublishError::NotDurable);
        }
        Ok(())
    }

    /// Checks what the owner of the broker need not keep to.
    fn check_limits(&self, publication: &Publication) -> Result<(), PublishError> {
        let event = &publication.event;
        if event.name().starts_with("tidings.") {
            return Err(PublishError::ReservedName);
        }
        let bytes = event.data.len() + event.key.as_ref().map_or(0, |key| key.len());
        if bytes > self.options.max_event_bytes {
            return Err(PublishError::TooLarge {
                limit: self.options.max_event_bytes,
            });
        }
        Ok(())
    }

    fn line(
        &mut self,
        publication: &Publication,
        fingerprint: Option<Fingerprint>,
        earlier: Earlier,
        now: Timestamp,
    ) -> Line {
        let key = publication.idempotency_key.clone();
        match (earlier, key) {
            (Earlier::Made(receipt), _) => Line::Made(receipt.repeated()),
            (Earlier::Coming, Some(key)) => {
                self.idempotency.wait_for(&key);
                Line::Coming(key)
            }
            (Earlier::Coming | Earlier::No, key) => {
                let key = key.zip(fingerprint);
                if let Some((key, fingerprint)) = &key {
                    self.idempotency.begin(key.clone(), *fingerprint);
                }
                Line::Event {
                    record: self.log.accept(entry(publication), now),
                    durability: self.durability(publication),
                    key,
                }
            }
        }
    }

    fn durability(&self, publication: &Publication) -> Durability {
        if !self.is_durable() {
            return Durability::Memory;
        }
        let by_topic = || self.options.durability(&publication.topic);
        publication.durability.unwrap_or_else(by_topic)
    }
}

fn entry(publication: &Publication) -> Entry {
    let event = &publication.event;
    Entry {
        topic: publication.topic.clone(),
        event: event.name.as_ref().map(|name| Arc::from(name.as_str())),
        data: event.data.clone(),
        key: event.key.clone(),
        ends_topic: event.ends_topic,
    }
}
