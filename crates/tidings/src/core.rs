use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    task::Waker,
};

use slab::Slab;
use tidings_log::{KeyRow, Log, Record, Topic};
use tokio::sync::OwnedSemaphorePermit;

use crate::{
    ConnectionId, GoodbyeReason, LagPolicy, Owner, StoreFailed, SubscribeError, TopicStats,
    admissions::{Admission, Admissions},
    encoding::Wire,
    expiry::Expiries,
    filter::Filter,
    group::Group,
    idempotency::Idempotency,
    lag::{Verdict, verdict},
    linger::Linger,
    matcher::Matcher,
    options::Options,
    plan,
    queue::Queue,
    reader::{Live, Place, Reader},
    stats::{Given, LagCounts},
    subscription::Presence,
    tail::{Item, TailBytes},
};

/// Everything that one lock guards: the order of events and who is there to see them.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) log: Log,
    /// Each has been admitted.
    pub(crate) readers: HashSet<Arc<Reader>>,
    pub(crate) admissions: Arc<Admissions>,
    /// Those of the readers that expire.
    pub(crate) expiries: Expiries,
    pub(crate) counters: LagCounts,
    pub(crate) published: u64,
    /// The bytes of data in what was published.
    pub(crate) published_bytes: u64,
    /// What was put before live readers.
    pub(crate) delivered: Given,
    pub(crate) closed: bool,
    /// Why nothing is accepted, if the store does not work.
    pub(crate) failure: Option<StoreFailed>,
    pub(crate) queue: Queue,
    /// The shares of events that are released and not yet written.
    pub(crate) unwritten: Vec<OwnedSemaphorePermit>,
    pub(crate) idempotency: Idempotency,
    pub(crate) options: Arc<Options>,
    pub(crate) groups: Slab<Arc<Group>>,
    pub(crate) matcher: Matcher,
    pub(crate) linger: Linger,
    /// How many changes of topics the broker has announced.
    announced: u64,
    by_filter: HashMap<(Filter, Option<Wire>, Presence), usize>,
    tail_bytes: TailBytes,
}

impl Core {
    pub(crate) fn new(log: Log, keys: Vec<KeyRow>, options: Arc<Options>) -> Self {
        let mut idempotency = Idempotency::new(options.idempotency_window);
        idempotency.restore(keys, &log);
        let own = || Admissions::new(options.max_subscriptions);
        Self {
            log,
            readers: HashSet::new(),
            admissions: options.admissions.clone().unwrap_or_else(own),
            expiries: Expiries::default(),
            counters: LagCounts::default(),
            published: 0,
            published_bytes: 0,
            delivered: Given::default(),
            closed: false,
            failure: None,
            queue: Queue::default(),
            unwritten: Vec::new(),
            idempotency,
            options,
            groups: Slab::new(),
            matcher: Matcher::default(),
            linger: Linger::default(),
            announced: 0,
            by_filter: HashMap::new(),
            tail_bytes: TailBytes::default(),
        }
    }

    /// Whether what is acknowledged can outlive the process.
    pub(crate) fn is_durable(&self) -> bool {
        self.log.store().is_durable()
    }

    /// Lets nothing new in, and ends every live stream after what has been published.
    pub(crate) fn end_streams(&mut self, wakers: &mut Vec<Waker>) {
        self.closed = true;
        let slots: Vec<usize> = self.groups.iter().map(|(slot, _)| slot).collect();
        for slot in slots {
            self.close_group(slot, Item::Goodbye(GoodbyeReason::Drain), wakers);
        }
    }

    /// The reader of an open stream.
    pub(crate) fn reader(&self, connection: &ConnectionId) -> Option<Arc<Reader>> {
        self.readers.get(connection).cloned()
    }

    pub(crate) fn all_readers(&self) -> Vec<Arc<Reader>> {
        self.readers.iter().cloned().collect()
    }

    /// Whether a further subscription may come.
    pub(crate) fn admit(&self, presence: Presence) -> Result<(), SubscribeError> {
        if self.closed {
            return Err(SubscribeError::Closed);
        }
        if presence == Presence::Shown && self.has_too_many_patterns() {
            return Err(SubscribeError::TooManySubscriptions);
        }
        Ok(())
    }

    /// Lets a further subscription in, if there is room; those that do not show need none.
    pub(crate) fn let_in(
        &self,
        presence: Presence,
        owner: Option<&Arc<Owner>>,
    ) -> Result<Option<Admission>, SubscribeError> {
        self.admit(presence)?;
        match presence {
            Presence::Hidden => Ok(None),
            Presence::Shown => self.admissions.take(owner).map(Some),
        }
    }

    pub(crate) fn has_too_many_patterns(&self) -> bool {
        self.matcher.is_full()
    }

    /// A group that nothing is pushed to, for a reader that only reads the log.
    pub(crate) fn detached_group(
        &self,
        filter: &Filter,
        wire: Option<Wire>,
        presence: Presence,
    ) -> Arc<Group> {
        let tail_bytes = self.tail_bytes.clone();
        Arc::new(Group::new(filter.clone(), wire, presence, tail_bytes))
    }

    /// The group for this filter and encoding, made if it is not there.
    pub(crate) fn group(
        &mut self,
        filter: &Filter,
        wire: Option<Wire>,
        presence: Presence,
    ) -> Arc<Group> {
        let key = (filter.clone(), wire, presence);
        if let Some(slot) = self.by_filter.get(&key) {
            return self.groups[*slot].clone();
        }
        let group = self.detached_group(filter, wire, presence);
        let slot = self.groups.insert(group.clone());
        for selector in filter.selectors() {
            self.matcher.insert(selector, slot);
        }
        self.by_filter.insert(key, slot);
        group
    }

    /// Takes a reader out of its group, and the group away with its last reader. Gives the waker of a parked one.
    pub(crate) fn leave(&mut self, live: &Live) -> Option<Waker> {
        let Live { group, place } = live;
        let (waker, empty) = match place {
            Place::Own(seat) => group.leave(seat),
            Place::Fed(_) => (None, group.leave_as_fed()),
        };
        if empty {
            self.drop_group(group);
        }
        waker
    }

    /// Drops a group that has no readers any more, if it is still the one for its filter.
    fn drop_group(&mut self, group: &Arc<Group>) {
        let slot = self
            .by_filter
            .get(&(group.filter.clone(), group.wire, group.presence))
            .copied();
        if let Some(slot) = slot.filter(|slot| Arc::ptr_eq(&self.groups[*slot], group)) {
            self.remove_group(slot);
        }
    }

    pub(crate) fn close_group(&mut self, slot: usize, last: Item, wakers: &mut Vec<Waker>) {
        self.groups[slot].push(last, wakers);
        self.remove_group(slot);
    }

    fn remove_group(&mut self, slot: usize) {
        let group = self.groups.remove(slot);
        for selector in group.filter.selectors() {
            self.matcher.remove(selector, slot);
        }
        self.by_filter
            .remove(&(group.filter.clone(), group.wire, group.presence));
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
            .map(|slot| self.groups[slot].shown())
            .sum()
    }

    /// The most items that wait for the slowest taker of a group.
    pub(crate) fn most_waiting(&self) -> u64 {
        let waiting = self.groups.iter().map(|(_, group)| group.waiting());
        waiting.max().unwrap_or(0)
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
