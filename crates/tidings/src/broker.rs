use std::{io, sync::Arc, time::Duration};

use tidings_log::{Durability, KeyRow, Log, Position, Timestamp, Topic};
use tokio::sync::{oneshot, watch};

use crate::{
    BatchError, BrokerBuilder, Connection, ConnectionId, Event, GoodbyeReason, Publication,
    PublishError, Stats, StoreFailed, TopicStats,
    accept::Author,
    idempotency::fingerprint,
    options::Options,
    queue::{Op, Wakeups},
    shared::{Shared, wake},
    time::Clock,
};

/// How long closing waits for the store.
const STORE_CLOSES_WITHIN: Duration = Duration::from_secs(10);

/// Carries events from publishers to subscribers, and remembers them.
///
/// A `Broker` is a handle: clones are the same broker. Publishing never waits for a subscriber. With its history
/// [on disk](BrokerBuilder::open), it waits for the disk unless told otherwise.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tidings::{Broker, Delivery, Event, Selector, Subscription, Topic};
///
/// let broker = Broker::new();
/// let mut jobs = broker.subscribe(Subscription::to(Selector::new("jobs/*")?))?;
/// broker.publish(Topic::new("jobs/7")?, Event::json("progress", &50)?).await?;
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

/// What a publisher is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The id of the event.
    pub id: Position,
    /// How many subscriptions it reached.
    pub receivers: usize,
    /// What the event survives.
    pub durability: Durability,
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

    /// A broker on a log that has just been opened, with the idempotency keys found in it.
    pub(crate) fn with(
        options: Arc<Options>,
        log: Log,
        keys: Vec<KeyRow>,
        clock: Clock,
    ) -> io::Result<Self> {
        let shared = Shared::start(options, log, keys, clock)?;
        Ok(Self { shared })
    }

    /// Publishes an event: gives it the next id, keeps it, and hands it to every subscription that matches.
    ///
    /// What was accepted is published even if nobody waits for the receipt any more.
    ///
    /// # Errors
    /// [`PublishError`]; nothing has happened then, unless it is [`StoreFailed`](PublishError::StoreFailed).
    pub async fn publish(&self, topic: Topic, event: Event) -> Result<Receipt, PublishError> {
        let publication = Publication {
            topic,
            event,
            idempotency_key: None,
            durability: None,
        };
        let receipts = self
            .publish_batch(&[publication])
            .await
            .map_err(|error| error.source)?;
        Ok(receipts
            .into_iter()
            .next()
            .expect("one receipt for one publication"))
    }

    /// Publishes all of these in order, with nothing of another publisher between them, or none of them.
    ///
    /// # Errors
    /// [`BatchError`] names the publication that was refused; nothing has happened then, unless it is
    /// [`StoreFailed`](PublishError::StoreFailed).
    pub async fn publish_batch(&self, batch: &[Publication]) -> Result<Vec<Receipt>, BatchError> {
        self.publish_as(Author::Anybody, batch).await
    }

    /// As [`publish_batch`](Self::publish_batch), also on topics under `tidings/`: for what the owner of the broker lets others
    /// say there.
    ///
    /// # Errors
    /// As [`publish_batch`](Self::publish_batch), but for [`ReservedTopic`](PublishError::ReservedTopic).
    pub async fn publish_reserved(
        &self,
        batch: &[Publication],
    ) -> Result<Vec<Receipt>, BatchError> {
        self.publish_as(Author::Guest, batch).await
    }

    /// As [`publish_batch`](Self::publish_batch), for the owner of the broker: topics under `tidings/` and event types
    /// starting with `tidings.` are its own, and no event is too large.
    ///
    /// # Errors
    /// As [`publish_batch`](Self::publish_batch).
    pub async fn publish_own(&self, batch: &[Publication]) -> Result<Vec<Receipt>, BatchError> {
        self.publish_as(Author::Owner, batch).await
    }

    async fn publish_as(
        &self,
        author: Author,
        batch: &[Publication],
    ) -> Result<Vec<Receipt>, BatchError> {
        let fingerprints = batch.iter().map(fingerprint).collect();
        let share = self.shared.share_of(batch).await;
        let outcome = self.shared.accept(author, batch, fingerprints, share)?;
        outcome
            .await
            .unwrap_or_else(|_| Err(StoreFailed::closed()))
            .map_err(|failed| BatchError {
                index: 0,
                source: PublishError::StoreFailed(failed),
            })
    }

    /// Goes the way of a publication, without one: through everything that was accepted before.
    ///
    /// # Errors
    /// [`StoreFailed`], as a publication would.
    pub async fn check(&self) -> Result<(), StoreFailed> {
        let (reply, outcome) = oneshot::channel();
        self.shared.push(Op::Flush(reply))?;
        outcome.await.unwrap_or_else(|_| Err(StoreFailed::closed()))
    }

    /// Why nothing can be published for now, if that is so.
    pub fn failure(&self) -> Option<StoreFailed> {
        self.shared.core.lock().failure.clone()
    }

    /// Whether the history outlives the process.
    pub fn is_durable(&self) -> bool {
        self.shared.disk.is_some()
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
    ///
    /// # Errors
    /// [`StoreFailed`]; the topic is as before, or will be gone after a restart.
    pub async fn delete(&self, topic: &Topic) -> Result<bool, StoreFailed> {
        let share = self.shared.shares(1).await;
        let (reply, outcome) = oneshot::channel();
        let topic = topic.clone();
        self.shared.push(Op::Delete {
            topic,
            reply,
            share,
        })?;
        outcome.await.unwrap_or_else(|_| Err(StoreFailed::closed()))
    }

    /// The open streams, oldest first.
    pub fn connections(&self) -> Vec<Connection> {
        let readers = self.shared.core.lock().all_readers();
        let mut connections: Vec<Connection> =
            readers.iter().map(|reader| reader.describe()).collect();
        connections.sort_by(|a, b| (a.connected_at, &a.id).cmp(&(b.connected_at, &b.id)));
        connections
    }

    /// The open stream of this name.
    pub fn connection(&self, connection: &ConnectionId) -> Option<Connection> {
        let reader = self.shared.core.lock().reader(connection)?;
        Some(reader.describe())
    }

    /// Whether there is an open stream of this name.
    pub fn has_connection(&self, connection: &ConnectionId) -> bool {
        self.shared.core.lock().readers.contains(connection)
    }

    /// Ends a stream with a goodbye. False if there is none of this name.
    pub fn disconnect(&self, connection: &ConnectionId) -> bool {
        let Some(reader) = self.shared.core.lock().reader(connection) else {
            return false;
        };
        let mut wakers = Vec::new();
        reader.dismiss(GoodbyeReason::Disconnected, &mut wakers);
        wake(wakers);
        true
    }

    /// Counts over the whole broker.
    pub fn stats(&self) -> Stats {
        let replayed = self.shared.replays.given();
        let core = self.shared.core.lock();
        Stats {
            topics: core.log.topic_count(),
            subscriptions: core.readers.len(),
            admitted: core.admissions.taken(),
            groups: core.group_count(),
            events: core.log.len(),
            bytes: core.log.bytes(),
            published: core.published,
            published_bytes: core.published_bytes,
            delivered: core.delivered.events + replayed.events,
            delivered_bytes: core.delivered.bytes + replayed.bytes,
            waiting: core.most_waiting(),
            replaying: self.shared.replays.readers(),
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

    /// The place just after the event of this sequence.
    pub fn position_after(&self, sequence: u64) -> Position {
        self.shared.core.lock().log.position(sequence)
    }

    /// How long readers are told to wait before they come back.
    pub fn reconnect_delay(&self) -> Duration {
        self.shared.options.reconnect_delay
    }

    /// The largest payload of an event that anybody but the owner of the broker may publish, in bytes.
    pub fn max_event_bytes(&self) -> usize {
        self.shared.options.max_event_bytes
    }

    /// Changes whenever a topic appears, ends or goes, and whenever somebody subscribes or leaves.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.changes.subscribe()
    }

    /// Evicts what has become too old. Reading and publishing do it too; a quiet broker needs the call to give memory
    /// back.
    pub fn expire(&self) {
        let mut wakeups = Wakeups::default();
        let mut core = self.shared.core.lock();
        core.expire(self.shared.clock.now());
        if !self.is_durable() {
            core.release_all(&mut wakeups);
        }
        self.shared.unlock_and_tell(core, wakeups);
    }

    /// Whether it takes no more events and subscriptions.
    pub fn is_closed(&self) -> bool {
        self.shared.core.lock().closed
    }

    /// Closes the broker: nothing new gets in, every reader gets all that was published and then a goodbye. Returns
    /// when all have gone, or cuts the rest at the deadline, and the store is closed. Calling it again is fine.
    pub async fn close(&self, deadline: Duration) -> Closed {
        self.shared.core.lock().closed = true;
        let cut = match tokio::time::timeout(deadline, self.drain()).await {
            Ok(()) => 0,
            Err(_) => self.cut(),
        };
        let (reply, closed) = oneshot::channel();
        match self.shared.push(Op::Close(reply)) {
            // If it fails, it has been logged; if it takes too long, the store repairs itself when it is opened.
            Ok(()) => drop(tokio::time::timeout(STORE_CLOSES_WITHIN, closed).await),
            // It does not work, and is not to be opened again.
            Err(_) => drop(self.shared.store.close()),
        }
        Closed { cut }
    }

    /// Gives every reader what was published, and then a goodbye, and waits until all have gone.
    async fn drain(&self) {
        let (reply, drained) = oneshot::channel();
        let pushed = self.shared.push(Op::Drain(reply));
        let is_drained = pushed.is_ok() && matches!(drained.await, Ok(Ok(())));
        if !is_drained {
            // Without a store nothing is under way.
            let mut wakers = Vec::new();
            self.shared.core.lock().end_streams(&mut wakers);
            wake(wakers);
        }
        let mut changes = self.changes();
        // The sender lives as long as the broker.
        let _ = changes
            .wait_for(|_| self.shared.core.lock().readers.is_empty())
            .await;
    }

    /// Ends all streams at once. Gives their number.
    fn cut(&self) -> usize {
        let left = self.shared.core.lock().all_readers();
        let mut wakers = Vec::new();
        for reader in &left {
            reader.dismiss(GoodbyeReason::Drain, &mut wakers);
        }
        wake(wakers);
        left.len()
    }
}

impl Default for Broker {
    fn default() -> Self {
        Self::new()
    }
}
