//! Publishing in the background, in batches.

use std::sync::Arc;
use std::time::Duration;
use std::{mem, panic};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{self, Instant};

use crate::builder::Hook;
use crate::client::Client;
use crate::error::{EnqueueError, PublishError};
use crate::new_event::{NewEvent, write_line};

/// A batch takes at most so many events.
const BATCH_EVENTS: usize = 1000;

/// A batch of this size takes no further event; with the last one it is below what a hub takes.
const BATCH_BYTES: usize = 1024 * 1024;

/// The wait before a hub that was tried in vain is tried again.
const AWAY: Duration = Duration::from_secs(1);

/// How many events can wait, whatever their size.
const MOST_WAITING: usize = 64 * 1024;

/// A publisher to be started. Made by [`Client::publisher`].
#[derive(Debug)]
#[must_use = "nothing is published until it is started"]
pub struct PublisherBuilder {
    client: Client,
    memory: usize,
    on_failure: Hook<Arc<OnFailure>>,
}

type OnFailure = dyn Fn(&PublishError, u64) + Send + Sync;

/// Publishes in the background: events are taken at once and go in batches.
///
/// While one batch is on its way the next one fills, so few events go one by one and many go
/// together, and none waits for others to come. Order is kept. Every event has an idempotency key
/// and is published once, however often its batch is sent; a hub that is away is waited for, and
/// the events meanwhile take no more memory than is allowed.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use tidings_client::{Client, NewEvent};
///
/// let client = Client::builder("http://127.0.0.1:8434").build()?;
/// let publisher = client.publisher().memory(1024 * 1024).start();
/// for line in ["one", "two"] {
///     publisher.publish("logs/app", &NewEvent::new(line)).await?;
/// }
/// let delivered = publisher.close().await;
/// assert_eq!((delivered.published, delivered.failed), (2, 0));
/// # Ok(()) }
/// ```
///
/// [`close`](Self::close) waits until everything has been published or has failed. A publisher
/// that is dropped publishes what it has all the same, for as long as the runtime lives.
#[derive(Debug)]
pub struct Publisher {
    client: Client,
    memory: usize,
    /// How many bytes can still be taken. What an event took is given back when it is done.
    room: Arc<Semaphore>,
    queue: mpsc::Sender<Queued>,
    task: JoinHandle<Delivered>,
}

/// What became of the events that a [`Publisher`] took.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Delivered {
    /// How many were published.
    pub published: u64,
    /// How many were not, or are not known to be.
    pub failed: u64,
    /// Why the last of these were not.
    pub error: Option<PublishError>,
}

enum Queued {
    Event(Line),
    /// Told when everything before it is done.
    Flush(oneshot::Sender<()>),
}

/// An event as it goes into a batch, and the room that it takes.
struct Line {
    bytes: Vec<u8>,
    _room: OwnedSemaphorePermit,
}

impl Client {
    /// A publisher that works in the background.
    pub fn publisher(&self) -> PublisherBuilder {
        PublisherBuilder {
            client: self.clone(),
            memory: 8 * 1024 * 1024,
            on_failure: Hook(Arc::new(|_, _| {})),
        }
    }
}

impl PublisherBuilder {
    /// How many bytes of events are held: those that wait and those on their way. Default: 8 MiB.
    pub fn memory(mut self, bytes: usize) -> Self {
        self.memory = bytes.min(Semaphore::MAX_PERMITS).min(u32::MAX as usize);
        self
    }

    /// Calls this when events are given up: with why, and how many. Those of a batch that the hub
    /// refuses are first tried in ever smaller batches, so it is for the events that are to blame.
    /// It must not block.
    pub fn on_failure(mut self, hook: impl Fn(&PublishError, u64) + Send + Sync + 'static) -> Self {
        self.on_failure = Hook(Arc::new(hook));
        self
    }

    /// Starts it.
    ///
    /// # Panics
    ///
    /// When it is called outside of a Tokio runtime.
    pub fn start(self) -> Publisher {
        let (queue, queued) = mpsc::channel(MOST_WAITING);
        let courier = Courier {
            client: self.client.clone(),
            queued,
            on_failure: self.on_failure,
            delivered: Delivered::default(),
        };
        Publisher {
            client: self.client,
            memory: self.memory,
            room: Arc::new(Semaphore::new(self.memory)),
            queue,
            task: tokio::spawn(courier.deliver()),
        }
    }
}

impl Publisher {
    /// Takes an event, as soon as there is room for it.
    ///
    /// # Errors
    ///
    /// Fails if the event is larger than all of the memory, or if the publisher is gone with its
    /// runtime. Whether the hub takes it is told by [`close`](Self::close) and
    /// [`PublisherBuilder::on_failure`].
    pub async fn publish(&self, topic: &str, event: &NewEvent) -> Result<(), EnqueueError> {
        let (bytes, size) = self.line(topic, event)?;
        let room = Arc::clone(&self.room).acquire_many_owned(size).await;
        let room = room.map_err(|_| EnqueueError::Gone)?;
        let line = Queued::Event(Line { bytes, _room: room });
        let sent = self.queue.send(line).await;
        sent.map_err(|_| EnqueueError::Gone)
    }

    /// Takes an event if there is room for it now.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish), and if there is no room.
    pub fn try_publish(&self, topic: &str, event: &NewEvent) -> Result<(), EnqueueError> {
        let (bytes, size) = self.line(topic, event)?;
        let room = Arc::clone(&self.room).try_acquire_many_owned(size);
        let room = room.map_err(|_| EnqueueError::Full)?;
        let line = Queued::Event(Line { bytes, _room: room });
        self.queue.try_send(line).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => EnqueueError::Full,
            mpsc::error::TrySendError::Closed(_) => EnqueueError::Gone,
        })
    }

    fn line(&self, topic: &str, event: &NewEvent) -> Result<(Vec<u8>, u32), EnqueueError> {
        let mut bytes = Vec::new();
        write_line(&mut bytes, topic, event, self.client.keys());
        match u32::try_from(bytes.len()) {
            Ok(size) if bytes.len() <= self.memory => Ok((bytes, size)),
            _ => Err(EnqueueError::TooLarge {
                bytes: bytes.len(),
                limit: self.memory,
            }),
        }
    }

    /// Waits until everything that was taken before has been published or has failed.
    pub async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        if self.queue.send(Queued::Flush(done)).await.is_ok() {
            // Without an answer there is nobody left who could publish anything.
            let _ = flushed.await;
        }
    }

    /// Publishes what is left and says what became of everything. A hub that is away is now tried
    /// only as often as [`ClientBuilder::publish_attempts`](crate::ClientBuilder::publish_attempts)
    /// says, for each batch.
    pub async fn close(self) -> Delivered {
        drop(self.queue);
        match self.task.await {
            Ok(delivered) => delivered,
            Err(error) if error.is_panic() => panic::resume_unwind(error.into_panic()),
            // It ended with its runtime.
            Err(_) => Delivered::default(),
        }
    }
}

/// What brings the events to the hub.
struct Courier {
    client: Client,
    queued: mpsc::Receiver<Queued>,
    on_failure: Hook<Arc<OnFailure>>,
    delivered: Delivered,
}

impl Courier {
    async fn deliver(mut self) -> Delivered {
        let mut taken = Vec::new();
        while self.queued.recv_many(&mut taken, BATCH_EVENTS).await > 0 {
            let mut lines = Vec::new();
            let mut bytes = 0;
            for queued in taken.drain(..) {
                match queued {
                    Queued::Event(line) => {
                        bytes += line.bytes.len();
                        lines.push(line);
                    }
                    Queued::Flush(done) => {
                        self.publish(mem::take(&mut lines)).await;
                        bytes = 0;
                        // Whoever waited may have stopped.
                        let _ = done.send(());
                    }
                }
                if bytes >= BATCH_BYTES {
                    self.publish(mem::take(&mut lines)).await;
                    bytes = 0;
                }
            }
            self.publish(lines).await;
        }
        self.delivered
    }

    /// Publishes these events, if there are any. Batches that are refused are halved: in the end
    /// the events that are to blame stand alone.
    async fn publish(&mut self, lines: Vec<Line>) {
        let mut batches = vec![lines];
        while let Some(mut lines) = batches.pop().filter(|lines| !lines.is_empty()) {
            match self.publish_patiently(&lines).await {
                Ok(()) => self.delivered.published += lines.len() as u64,
                Err(PublishError::Refused(problem))
                    if lines.len() > 1 && is_about_events(problem.status) =>
                {
                    let second = lines.split_off(lines.len() / 2);
                    batches.push(second);
                    batches.push(lines);
                }
                Err(error) => {
                    let failed = lines.len() as u64;
                    self.delivered.failed += failed;
                    tracing::warn!(%error, failed, "events were not published");
                    (self.on_failure.0)(&error, failed);
                    self.delivered.error = Some(error);
                }
            }
        }
    }

    /// Tries for as long as that can help and somebody could still publish more.
    async fn publish_patiently(&self, lines: &[Line]) -> Result<(), PublishError> {
        let mut batch = self.client.batch();
        for line in lines {
            batch.push_line(&line.bytes);
        }
        loop {
            match self.client.publish_batch(&batch).await {
                Err(error) if error.is_transient() && self.can_grow() => {
                    tracing::debug!(%error, "the hub is away");
                    self.leave_alone(&error).await;
                }
                published => return published.map(drop),
            }
        }
    }

    /// Waits for as long as the hub has asked for, unless nobody can publish any more.
    async fn leave_alone(&self, error: &PublishError) {
        let wait = match error {
            PublishError::Unavailable { retry_after, .. } => retry_after.unwrap_or(AWAY),
            _ => AWAY,
        };
        let again = Instant::now() + wait.max(AWAY);
        while Instant::now() < again && self.can_grow() {
            time::sleep(AWAY).await;
        }
    }

    /// Whether somebody could still publish more.
    fn can_grow(&self) -> bool {
        self.queued.sender_strong_count() > 0
    }
}

/// Whether a refusal can be because of some of the events, so that others would be taken.
fn is_about_events(status: u16) -> bool {
    !matches!(status, 401 | 404 | 405 | 407 | 421)
}
