use std::{
    cell::LazyCell,
    collections::{HashMap, HashSet},
    sync::Arc,
    task::Waker,
};

use slab::Slab;
use tidings_log::{AppendError, Entry, MemoryLog, Record, Timestamp, Topic};

use crate::{
    ConnectionId, GoodbyeReason, LagPolicy, Publication, PublishError, Receipt, SubscribeError,
    TopicStats,
    encoding::{Encoder, Wire},
    error::BatchError,
    filter::Filter,
    group::{Group, Item, Seat, TailBytes},
    idempotency::{Idempotency, fingerprint},
    lag::{Verdict, verdict},
    matcher::Matcher,
    options::Options,
    plan,
    reader::Reader,
    selector::is_reserved,
    stats::LagCounts,
};

/// Everything that one lock guards: the order of events and who is there to see them.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) log: MemoryLog,
    pub(crate) readers: HashMap<ConnectionId, Arc<Reader>>,
    pub(crate) counters: LagCounts,
    pub(crate) published: u64,
    pub(crate) closed: bool,
    /// How many changes of topics the broker has announced.
    announced: u64,
    options: Arc<Options>,
    groups: Slab<Arc<Group>>,
    by_filter: HashMap<(Filter, Option<Wire>), usize>,
    matcher: Matcher,
    tail_bytes: TailBytes,
    idempotency: Idempotency,
}

impl Core {
    pub(crate) fn new(log: MemoryLog, options: Arc<Options>) -> Self {
        let idempotency = Idempotency::new(options.idempotency_window);
        Self {
            log,
            readers: HashMap::new(),
            counters: LagCounts::default(),
            published: 0,
            closed: false,
            announced: 0,
            options,
            groups: Slab::new(),
            by_filter: HashMap::new(),
            matcher: Matcher::default(),
            tail_bytes: TailBytes::default(),
            idempotency,
        }
    }

    /// Publishes all of a batch or nothing of it. Publications whose key is known give their first receipt.
    pub(crate) fn publish(
        &mut self,
        batch: &[Publication],
        now: Timestamp,
        wakers: &mut Vec<Waker>,
    ) -> Result<Vec<Receipt>, BatchError> {
        self.log.expire(now);
        self.idempotency.expire(now);
        // Only a log that is full of topics asks which of them may go.
        let published: LazyCell<HashSet<&Topic>, _> =
            LazyCell::new(|| batch.iter().map(|publication| &publication.topic).collect());
        let is_published = |topic: &Topic| published.contains(topic);
        let known = self.check(batch, is_published)?;
        let mut receipts: Vec<Receipt> = Vec::with_capacity(batch.len());
        for (index, (publication, known)) in batch.iter().zip(known).enumerate() {
            let receipt = match known {
                Known::Before(receipt) => receipt.repeated(),
                Known::InBatch(first) => receipts[first].clone().repeated(),
                Known::No => {
                    let appended = self.append(publication, now, is_published, wakers);
                    appended.map_err(|source| BatchError { index, source })?
                }
            };
            receipts.push(receipt);
        }
        Ok(receipts)
    }

    /// Checks everything that could make a publication of the batch fail.
    fn check(
        &self,
        batch: &[Publication],
        is_published: impl Fn(&Topic) -> bool,
    ) -> Result<Vec<Known>, BatchError> {
        let mut keys: HashMap<&str, usize> = HashMap::new();
        let mut ended: HashSet<&Topic> = HashSet::new();
        let mut new: HashSet<&Topic> = HashSet::new();
        let mut first_on_new: Vec<usize> = Vec::new();
        let mut all = Vec::with_capacity(batch.len());
        for (index, publication) in batch.iter().enumerate() {
            let refuse = |source| BatchError { index, source };
            let known = self
                .idempotency
                .find(publication)
                .map_err(|_| refuse(PublishError::KeyReused))?;
            if let Some(receipt) = known {
                all.push(Known::Before(receipt));
                continue;
            }
            if let Some(key) = &publication.idempotency_key {
                if let Some(first) = keys.get(&**key) {
                    if fingerprint(&batch[*first]) != fingerprint(publication) {
                        return Err(refuse(PublishError::KeyReused));
                    }
                    all.push(Known::InBatch(*first));
                    continue;
                }
                keys.insert(key, index);
            }
            self.check_event(publication).map_err(refuse)?;
            let topic = &publication.topic;
            if self.log.has_ended(topic) || ended.contains(topic) {
                return Err(refuse(PublishError::TopicEnded));
            }
            if publication.event.ends_topic {
                ended.insert(topic);
            }
            if !self.log.contains(topic) && new.insert(topic) {
                first_on_new.push(index);
            }
            all.push(Known::No);
        }
        let in_use = |topic: &Topic| self.matcher.names(topic) || is_published(topic);
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
        let event = &publication.event;
        if self.closed {
            return Err(PublishError::Closed);
        }
        if is_reserved(&publication.topic) {
            return Err(PublishError::ReservedTopic);
        }
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

    fn append(
        &mut self,
        publication: &Publication,
        now: Timestamp,
        is_published: impl Fn(&Topic) -> bool,
        wakers: &mut Vec<Waker>,
    ) -> Result<Receipt, PublishError> {
        let event = &publication.event;
        let entry = Entry {
            topic: publication.topic.clone(),
            event: event.name.as_ref().map(|name| name.as_str().into()),
            data: event.data.clone(),
            key: event.key.clone(),
            ends_topic: event.ends_topic,
        };
        let matcher = &self.matcher;
        let in_use = |topic: &Topic| matcher.names(topic) || is_published(topic);
        let record = self.log.append(entry, now, in_use)?;
        self.published += 1;
        let receivers = self.fan_out(&record, wakers);
        let receipt = Receipt {
            id: record.position(),
            receivers,
            repeated: false,
        };
        self.idempotency.remember(publication, &receipt, now);
        Ok(receipt)
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
    pub(crate) fn delete(&mut self, topic: &Topic, wakers: &mut Vec<Waker>) -> bool {
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

    /// Lets nothing new in, and ends every live stream after what has been published.
    pub(crate) fn close(&mut self, wakers: &mut Vec<Waker>) {
        self.closed = true;
        let slots: Vec<usize> = self.groups.iter().map(|(slot, _)| slot).collect();
        for slot in slots {
            self.close_group(slot, Item::Goodbye(GoodbyeReason::Drain), wakers);
        }
    }

    /// Whether a further subscription may come.
    pub(crate) fn admit(&self) -> Result<(), SubscribeError> {
        if self.closed {
            return Err(SubscribeError::Closed);
        }
        if self.readers.len() >= self.options.max_subscriptions || self.has_too_many_patterns() {
            return Err(SubscribeError::TooManySubscriptions);
        }
        Ok(())
    }

    pub(crate) fn has_too_many_patterns(&self) -> bool {
        self.matcher.is_full()
    }

    /// A group that nothing is pushed to, for a reader that only reads the log.
    pub(crate) fn detached_group(&self, filter: &Filter, wire: Option<Wire>) -> Arc<Group> {
        Arc::new(Group::new(filter.clone(), wire, self.tail_bytes.clone()))
    }

    /// The group for this filter and encoding, made if it is not there.
    pub(crate) fn group(&mut self, filter: &Filter, wire: Option<Wire>) -> Arc<Group> {
        let key = (filter.clone(), wire);
        if let Some(slot) = self.by_filter.get(&key) {
            return self.groups[*slot].clone();
        }
        let group = self.detached_group(filter, wire);
        let slot = self.groups.insert(group.clone());
        for selector in filter.selectors() {
            self.matcher.insert(selector, slot);
        }
        self.by_filter.insert(key, slot);
        group
    }

    /// Takes a member out of its group, and the group away with its last member. Gives the waker of a parked one.
    pub(crate) fn leave(&mut self, group: &Arc<Group>, seat: &Seat) -> Option<Waker> {
        let (waker, empty) = group.leave(seat);
        if empty {
            self.drop_group(group);
        }
        waker
    }

    /// Drops a group that has no members any more, if it is still the one for its filter.
    fn drop_group(&mut self, group: &Arc<Group>) {
        let slot = self
            .by_filter
            .get(&(group.filter.clone(), group.wire))
            .copied();
        if let Some(slot) = slot.filter(|slot| Arc::ptr_eq(&self.groups[*slot], group)) {
            self.remove_group(slot);
        }
    }

    fn close_group(&mut self, slot: usize, last: Item, wakers: &mut Vec<Waker>) {
        self.groups[slot].push(last, wakers);
        self.remove_group(slot);
    }

    fn remove_group(&mut self, slot: usize) {
        let group = self.groups.remove(slot);
        for selector in group.filter.selectors() {
            self.matcher.remove(selector, slot);
        }
        self.by_filter.remove(&(group.filter.clone(), group.wire));
    }

    /// Whether the subscription ends by itself and nothing can follow.
    pub(crate) fn has_ended(&self, filter: &Filter) -> bool {
        plan::has_ended(&self.log, filter)
    }

    /// Whether a topic has appeared, ended or gone since this was last asked.
    pub(crate) fn topics_changed(&mut self) -> bool {
        let changes = self.log.topic_changes();
        std::mem::replace(&mut self.announced, changes) != changes
    }

    /// How many subscriptions match the topic.
    pub(crate) fn subscriber_count(&self, topic: &Topic) -> usize {
        self.matcher
            .matches(topic)
            .into_iter()
            .map(|slot| self.groups[slot].members())
            .sum()
    }

    pub(crate) fn group_count(&self) -> usize {
        self.groups.len()
    }

    pub(crate) fn topic(&self, topic: &Topic) -> Option<TopicStats> {
        self.log
            .summary(topic)
            .map(|summary| self.describe(summary))
    }

    fn describe(&self, summary: tidings_log::TopicSummary) -> TopicStats {
        TopicStats {
            first_id: summary.first.map(|sequence| self.log.position(sequence)),
            last_id: self.log.position(summary.last),
            subscribers: self.subscriber_count(&summary.topic),
            log: summary,
        }
    }

    /// What a reader at this cursor is to be told, if the log has lost events of it since that many evictions.
    pub(crate) fn verdict(&self, filter: &Filter, cursor: u64, since: u64) -> Option<Verdict> {
        let holes = filter.scope(|scope| self.log.holes(scope, cursor, since));
        if holes.is_empty() {
            return None;
        }
        let policies = holes
            .topics
            .iter()
            .map(|(topic, only_superseded)| (self.options.lag_policy(topic), *only_superseded));
        Some(verdict(policies, holes.forgotten))
    }

    /// Whether a reader that is behind is spared this event.
    pub(crate) fn conflates(&self, record: &Record) -> bool {
        self.options.lag_policy(&record.topic) == LagPolicy::Conflate
            && self.log.is_superseded(record)
    }
}

/// Whether a publication was made before.
enum Known {
    No,
    Before(Receipt),
    /// By an earlier line of the same batch.
    InBatch(usize),
}

impl From<AppendError> for PublishError {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Ended => Self::TopicEnded,
            AppendError::TooManyTopics(_) => Self::TooManyTopics,
        }
    }
}
