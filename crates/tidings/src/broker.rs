use std::{sync::Arc, task::Waker, time::Duration};

use tidings_log::{Epoch, MemoryLog, Position, Timestamp, Topic};
use tokio::sync::watch;

use crate::{
    BatchError, BrokerBuilder, Connection, ConnectionId, Event, GoodbyeReason, LagPolicy,
    Publication, PublishError, Stats, SubscribeError, Subscription, TopicStats, core::Core,
    options::Options, reader::Reader, sync::Mutex, time::Clock,
};

/// Carries events from publishers to subscribers, and remembers them.
///
/// A `Broker` is a handle: clones are the same broker. Publishing never waits for a subscriber.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tidings::{Broker, Delivery, Event, Selector, Subscription, Topic};
///
/// let broker = Broker::new();
/// let mut jobs = broker.subscribe(Subscription::to(Selector::new("jobs/*")?))?;
/// broker.publish(Topic::new("jobs/7")?, Event::json("progress", &50)?)?;
/// for delivery in jobs.batch().await.unwrap_or_default() {
///     if let Delivery::Event { event, .. } = delivery {
///         assert_eq!((event.name(), event.data()), ("progress", "50"));
///     }
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Broker {
    pub(crate) shared: Arc<Shared>,
}

/// What all handles and subscribers of a broker share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) clock: Clock,
    pub(crate) options: Arc<Options>,
    /// Taken after a reader's state and before a group's tail.
    pub(crate) core: Mutex<Core>,
    /// Counts changes of the set of topics, of who subscribes, and of what has ended.
    pub(crate) changes: watch::Sender<u64>,
}

/// What a publisher is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The id of the event.
    pub id: Position,
    /// How many subscriptions it reached.
    pub receivers: usize,
    /// Whether it had been published before, under the same idempotency key, and nothing happened now.
    pub repeated: bool,
}

impl Receipt {
    /// The same receipt, given again.
    pub(crate) fn repeated(self) -> Self {
        Self {
            repeated: true,
            ..self
        }
    }
}

/// How [`Broker::close`] went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    /// How many streams had to be cut because their readers did not take the rest in time.
    pub cut: usize,
}

impl Broker {
    /// A broker in memory with the default limits.
    pub fn new() -> Self {
        BrokerBuilder::new().build()
    }

    /// Sets up a broker.
    pub fn builder() -> BrokerBuilder {
        BrokerBuilder::new()
    }

    pub(crate) fn with(options: Options, epoch: Epoch) -> Self {
        let options = Arc::new(options);
        let log = MemoryLog::new(epoch, options.log());
        let core = Core::new(log, options.clone());
        let changes = watch::Sender::new(0);
        Self {
            shared: Arc::new(Shared {
                clock: Clock::start(),
                options,
                core: Mutex::new(core),
                changes,
            }),
        }
    }

    /// Publishes an event: gives it the next id, keeps it, and hands it to every subscription that matches.
    ///
    /// # Errors
    /// [`PublishError`]; nothing has happened then.
    pub fn publish(&self, topic: Topic, event: Event) -> Result<Receipt, PublishError> {
        let publication = Publication {
            topic,
            event,
            idempotency_key: None,
        };
        let receipts = self
            .publish_batch(&[publication])
            .map_err(|error| error.source)?;
        Ok(receipts
            .into_iter()
            .next()
            .expect("one receipt for one publication"))
    }

    /// Publishes all of these in order, with nothing of another publisher between them, or none of them.
    ///
    /// # Errors
    /// [`BatchError`] names the publication that was refused; nothing has happened then.
    pub fn publish_batch(&self, batch: &[Publication]) -> Result<Vec<Receipt>, BatchError> {
        let mut wakers = Vec::new();
        let mut core = self.shared.core.lock();
        let receipts = core.publish(batch, self.shared.clock.now(), &mut wakers);
        let topics_changed = core.topics_changed();
        drop(core);
        wake(wakers);
        if topics_changed {
            self.shared.note_change();
        }
        receipts
    }

    /// How many subscriptions match the topic.
    pub fn subscriber_count(&self, topic: &Topic) -> usize {
        self.shared.core.lock().subscriber_count(topic)
    }

    /// What is known of a topic.
    pub fn topic(&self, topic: &Topic) -> Option<TopicStats> {
        self.shared.core.lock().topic(topic)
    }

    /// Forgets the history of a topic and opens it again if it has ended. Streams that name it end with a goodbye,
    /// streams that match it by a pattern get a gap. False if it was not known.
    pub fn delete(&self, topic: &Topic) -> bool {
        let mut wakers = Vec::new();
        let mut core = self.shared.core.lock();
        let deleted = core.delete(topic, &mut wakers);
        let topics_changed = core.topics_changed();
        drop(core);
        wake(wakers);
        if topics_changed {
            self.shared.note_change();
        }
        deleted
    }

    /// The open streams, oldest first.
    pub fn connections(&self) -> Vec<Connection> {
        let readers: Vec<Arc<Reader>> = self.shared.core.lock().readers.values().cloned().collect();
        let mut connections: Vec<Connection> =
            readers.iter().map(|reader| reader.describe()).collect();
        connections.sort_by(|a, b| (a.connected_at, &a.id).cmp(&(b.connected_at, &b.id)));
        connections
    }

    /// Ends a stream with a goodbye. False if there is none of this name.
    pub fn disconnect(&self, connection: &ConnectionId) -> bool {
        let reader = self.shared.core.lock().readers.get(connection).cloned();
        let Some(reader) = reader else {
            return false;
        };
        wake(reader.dismiss(GoodbyeReason::Disconnected));
        true
    }

    /// Counts over the whole broker.
    pub fn stats(&self) -> Stats {
        let core = self.shared.core.lock();
        Stats {
            topics: core.log.topic_count(),
            subscriptions: core.readers.len(),
            groups: core.group_count(),
            events: core.log.len(),
            bytes: core.log.bytes(),
            published: core.published,
            lag: core.counters,
        }
    }

    /// The time by the broker's clock, which stamps events and connections and never steps.
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// The place just after the newest event.
    pub fn position(&self) -> Position {
        let core = self.shared.core.lock();
        core.log.position(core.log.head())
    }

    /// How long readers are told to wait before they come back.
    pub fn reconnect_delay(&self) -> Duration {
        self.shared.options.reconnect_delay
    }

    /// Changes whenever a topic appears, ends or goes, and whenever somebody subscribes or leaves.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.changes.subscribe()
    }

    /// Evicts what has become too old. Reading and publishing do it too; a quiet broker needs the call to give memory
    /// back.
    pub fn expire(&self) {
        let mut core = self.shared.core.lock();
        core.log.expire(self.shared.clock.now());
        let topics_changed = core.topics_changed();
        drop(core);
        if topics_changed {
            self.shared.note_change();
        }
    }

    /// Whether it takes no more events and subscriptions.
    pub fn is_closed(&self) -> bool {
        self.shared.core.lock().closed
    }

    /// Closes the broker: nothing new gets in, every reader gets all that was published and then a goodbye. Returns
    /// when all have gone, or cuts the rest at the deadline. Calling it again is fine.
    pub async fn close(&self, deadline: Duration) -> Closed {
        let mut wakers = Vec::new();
        self.shared.core.lock().close(&mut wakers);
        wake(wakers);
        let mut changes = self.changes();
        let all_gone = changes.wait_for(|_| self.shared.core.lock().readers.is_empty());
        if tokio::time::timeout(deadline, all_gone).await.is_ok() {
            return Closed { cut: 0 };
        }
        let left: Vec<Arc<Reader>> = self.shared.core.lock().readers.values().cloned().collect();
        wake(
            left.iter()
                .filter_map(|reader| reader.dismiss(GoodbyeReason::Drain)),
        );
        Closed { cut: left.len() }
    }
}

impl Default for Broker {
    fn default() -> Self {
        Self::new()
    }
}

impl Shared {
    /// Checks what is asked for against the limits, before anything is done with it.
    pub(crate) fn check(&self, subscription: &Subscription) -> Result<(), SubscribeError> {
        let limit = self.options.max_selectors;
        if subscription.events.len() > limit {
            return Err(SubscribeError::TooManyEventTypes { limit });
        }
        if subscription.selectors.len() > limit {
            return Err(SubscribeError::TooManySelectors { limit });
        }
        Ok(())
    }

    pub(crate) fn note_change(&self) {
        self.changes
            .send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Takes a reader out of everything. Doing it again changes nothing.
    pub(crate) fn unregister(&self, reader: &Reader) {
        let mut state = reader.state.lock();
        let stalled_on = state.stalled_on(self.clock.now());
        let mut core = self.core.lock();
        let registered = core.readers.remove(&reader.id).is_some();
        if stalled_on.is_some_and(|topic| self.options.lag_policy(&topic) == LagPolicy::Disconnect)
        {
            // Its transport has given up on it before it asked again.
            core.counters.disconnected += 1;
        }
        let waker = state
            .live
            .take()
            .and_then(|(group, seat)| core.leave(&group, &seat));
        drop(core);
        drop(state);
        // Not under a lock: a waker may be the last owner of a task, and that of another subscriber.
        drop(waker);
        if registered {
            self.note_change();
        }
    }
}

/// Wakes readers. No lock is held here.
pub(crate) fn wake(wakers: impl IntoIterator<Item = Waker>) {
    wakers.into_iter().for_each(Waker::wake);
}
