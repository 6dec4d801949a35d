//! What moves a subscription on: connect, read, wait, again.

mod connect;
mod lose;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use tokio::sync::watch;
use tokio::task;
use tokio::time::Instant;
use url::Origin;

use crate::alarm;
use crate::backoff::Backoff;
use crate::client::{Answer, Client};
use crate::connection::{Connection, Loss};
use crate::credentials::TokenReason;
use crate::cursor::CursorStore;
use crate::error::SubscribeError;
use crate::event::{Item, Snapshot};
use crate::exchange::{self, Outgoing};
use crate::intake::{Intake, IntakeError, Ready};
use crate::orders::{Order, Orders};
use crate::position::Delivered;
use crate::problem::Problem;
use crate::subscribe::{OnGap, Source, Start, Subscribe};
use crate::transport::Body;
use crate::{retry_after, stream_request};

/// So much is decoded at a time, which bounds the items that wait to be given.
const PIECE: usize = 16 * 1024;

/// The one owner of a subscription's connection. It does nothing unless it is asked for the next
/// item, and it is in one phase at a time, so attempts never overlap, and what belongs to a phase
/// (the request under way, the connection) is gone when the phase is.
pub(crate) struct Driver {
    client: Client,
    request: Outgoing,
    phase: Phase,
    intake: Intake,
    /// Where to begin, until that has been asked for.
    cursor: Option<Arc<dyn CursorStore>>,
    /// Set when nothing can follow what is ready but this error.
    failed: Option<SubscribeError>,
    on_gap: OnGap,
    /// Whether a gap was given and the snapshot after it was not.
    snapshot_due: bool,
    /// For a hub, whose ids are ordered.
    delivered: Option<Delivered>,
    /// The literal topics that have not ended; `None` if the subscription never ends by itself.
    unended: Option<HashSet<String>>,
    backoff: Backoff,
    /// A wait asked for once, by `Retry-After` or by a goodbye.
    retry_after: Option<Duration>,
    goodbye: Option<String>,
    /// Where the decoder last gave up.
    undecodable_after: Option<String>,
    /// Why the provider of tokens would be asked now.
    token_reason: TokenReason,
    /// Whether it was told of a refusal since a stream was last open.
    refused: bool,
    /// When a stream was last gone on with for which the token had ended.
    renewed: Option<Instant>,
    connection: watch::Sender<Connection>,
    /// The id to resume after, if nothing but what was given is to count.
    position: Arc<Mutex<String>>,
    orders: Arc<Orders>,
}

enum Phase {
    Connecting,
    Open(Open),
    Waiting(Duration),
    Ended,
}

struct Open {
    body: Body,
    origin: Origin,
    /// Received and not yet decoded.
    chunk: Bytes,
    since: Instant,
}

/// What others hold of a driver.
pub(crate) struct Shared {
    pub(crate) connection: watch::Receiver<Connection>,
    pub(crate) position: Arc<Mutex<String>>,
    pub(crate) orders: Arc<Orders>,
}

impl Driver {
    pub(crate) fn new(subscribe: Subscribe) -> (Self, Shared) {
        let settings = subscribe.client.settings();
        let mut intake = Intake::new(settings.limits.clone(), subscribe.form);
        let begun = match &subscribe.start {
            Start::After(id) => intake.begin_after(id),
            Start::Now | Start::Oldest | Start::Last(_) => Ok(()),
        };
        let (connection, receiver) = watch::channel(Connection::Connecting);
        let shared = Shared {
            connection: receiver,
            position: Arc::new(Mutex::new(intake.last_event_id().to_owned())),
            orders: Arc::default(),
        };
        let topics = matches!(subscribe.source, Source::Topics { .. });
        let driver = Self {
            request: stream_request::first(&subscribe),
            phase: Phase::Connecting,
            intake,
            failed: begun.err(),
            snapshot_due: false,
            delivered: topics.then(Delivered::default),
            unended: subscribe
                .ending_topics()
                .map(|topics| topics.iter().cloned().collect()),
            backoff: Backoff::new(
                settings.base_delay,
                settings.max_delay,
                subscribe.client.jitter(),
            ),
            retry_after: None,
            goodbye: None,
            undecodable_after: None,
            token_reason: TokenReason::First,
            refused: false,
            renewed: None,
            connection,
            position: Arc::clone(&shared.position),
            orders: Arc::clone(&shared.orders),
            cursor: subscribe.cursor,
            on_gap: subscribe.on_gap,
            client: subscribe.client,
        };
        (driver, shared)
    }

    pub(crate) async fn next(&mut self) -> Option<Result<Item, SubscribeError>> {
        loop {
            if self.orders.is_closed() {
                self.end();
                return None;
            }
            while !self.snapshot_due
                && let Some(ready) = self.intake.pop()
            {
                match self.give(ready) {
                    Ok(None) => {}
                    Ok(Some(item)) => return Some(Ok(item)),
                    Err(error) => {
                        self.end();
                        return Some(Err(error));
                    }
                }
            }
            if let Some(error) = self.failed.take() {
                self.end();
                return Some(Err(error));
            }
            if !self.snapshot_due {
                self.reach(self.intake.last_event_id());
                if let Phase::Ended = self.phase {
                    self.end();
                    return None;
                }
            }
            self.advance().await;
        }
    }

    /// Takes notice of an item on its way out; gives nothing if the consumer has had it.
    fn give(&mut self, ready: Ready) -> Result<Option<Item>, SubscribeError> {
        match &ready.item {
            Item::Event(event) => {
                let delivered = self.delivered.as_mut();
                if delivered.is_some_and(|delivered| !delivered.is_new(&event.id)) {
                    return Ok(None);
                }
                self.backoff.reset();
                if let (Some(unended), Some(envelope)) = (&mut self.unended, &event.envelope) {
                    if envelope.is_final {
                        unended.remove(&envelope.topic);
                    } else {
                        // A topic can be deleted and begin again.
                        unended.insert(envelope.topic.clone());
                    }
                    if unended.is_empty() {
                        self.phase = Phase::Ended;
                    }
                }
            }
            Item::Gap(gap) => {
                if let (true, Some(delivered)) = (gap.reason.restarts_ids(), &mut self.delivered) {
                    delivered.forget();
                }
                match self.on_gap {
                    OnGap::Continue => {}
                    OnGap::Stop => return Err(SubscribeError::Gap(gap.clone())),
                    OnGap::Refetch(_) => self.snapshot_due = true,
                }
            }
            Item::Goodbye(goodbye) => {
                let wait = goodbye.retry_after_ms.map(Duration::from_millis);
                self.retry_after = wait.map(|wait| wait.min(retry_after::LONGEST));
                self.goodbye = Some(goodbye.reason.clone());
            }
            Item::Connected(_)
            | Item::Resumed(_)
            | Item::Error(_)
            | Item::Snapshot(_)
            | Item::Comment(_) => {}
        }
        self.reach(ready.position());
        Ok(Some(ready.item))
    }

    /// Notes that everything up to this id has been given.
    fn reach(&self, id: &str) {
        let mut position = self.position.lock().unwrap_or_else(PoisonError::into_inner);
        if *position != id {
            id.clone_into(&mut position);
        }
    }

    /// Does the next thing of the phase, unless told to do something else.
    async fn advance(&mut self) {
        let orders = Arc::clone(&self.orders);
        let order = tokio::select! {
            biased;
            order = orders.next() => order,
            () = self.step() => return,
        };
        // What was under way ended with its future.
        self.phase = match (order, &self.phase) {
            (Order::Close, _) | (Order::Restart, Phase::Ended) => Phase::Ended,
            (Order::Restart, _) => Phase::Connecting,
        };
    }

    /// What is rare and large is boxed: an open subscription has no room for it.
    async fn step(&mut self) {
        if self.snapshot_due && matches!(self.phase, Phase::Open(_) | Phase::Ended) {
            return Box::pin(self.refetch()).await;
        }
        match self.phase {
            Phase::Connecting => Box::pin(self.connect()).await,
            Phase::Open(_) => self.read().await,
            Phase::Waiting(delay) => {
                if delay.is_zero() {
                    // It is seen all the same by who watches the connection beside the stream.
                    task::yield_now().await;
                }
                alarm::sleep(delay).await;
                self.phase = Phase::Connecting;
            }
            Phase::Ended => {}
        }
    }

    async fn read(&mut self) {
        let Phase::Open(open) = &mut self.phase else {
            return;
        };
        if open.chunk.is_empty() {
            let idle = self.client.settings().idle_timeout;
            let cut = match alarm::within(idle, open.body.piece()).await {
                Some(Ok(Some(chunk))) => {
                    open.chunk = chunk;
                    return;
                }
                Some(Ok(None)) => Loss::Closed,
                Some(Err(error)) => Loss::Transport(error),
                None => Loss::Idle,
            };
            self.prove();
            match self.goodbye.take() {
                Some(reason) if self.renews_after(&reason) => self.renew(reason),
                goodbye => self.lose(goodbye.map_or(cut, |reason| Loss::Goodbye { reason })),
            }
            return;
        }
        let piece = open.chunk.split_to(open.chunk.len().min(PIECE));
        match self.intake.push(&piece, &open.origin) {
            Ok(()) => {}
            Err(IntakeError::NoEnvelope { id, source }) => {
                self.fail(SubscribeError::NoEnvelope { id, source });
            }
            Err(IntakeError::Limit(error)) => {
                self.prove();
                self.undecodable(error);
            }
        }
    }

    /// Reads the snapshot after a gap. The stream is left alone meanwhile: whatever comes on it is
    /// given after the snapshot.
    async fn refetch(&mut self) {
        let OnGap::Refetch(url) = &self.on_gap else {
            self.snapshot_due = false;
            return;
        };
        let request = self.client.request(Method::GET, url.clone());
        let longest = self.client.settings().limits.event;
        match self.client.call(&request, longest).await {
            Ok(Answer { status, body, .. }) if (200..300).contains(&status) => {
                let body = String::from_utf8_lossy(&body).into_owned();
                let position = self.position.lock().unwrap_or_else(PoisonError::into_inner);
                let item = Item::Snapshot(Snapshot { body });
                self.intake.put_first(item, position.clone());
                self.snapshot_due = false;
            }
            Ok(answer) => {
                let problem = Problem::parse(answer.status, &answer.body);
                if exchange::is_transient(answer.status) {
                    self.retry_after = exchange::retry_after(&answer.headers);
                    self.lose(Loss::Unavailable(problem));
                } else {
                    self.fail(SubscribeError::Snapshot(problem));
                }
            }
            Err(error) => self.not_answered(error),
        }
    }

    /// Nothing can follow what is ready but this error.
    fn fail(&mut self, error: SubscribeError) {
        self.failed = Some(error);
        self.phase = Phase::Ended;
    }

    fn end(&mut self) {
        self.phase = Phase::Ended;
        self.snapshot_due = false;
        self.intake.clear();
        self.connection.send_replace(Connection::Ended);
    }
}
