//! What moves a subscription on: connect, read, wait, again.

use std::collections::{HashSet, VecDeque};
use std::mem;
use std::time::Duration;

use bytes::Bytes;
use reqwest::Response;
use tidings_sse::{DecodeError, Decoder, Frame};
use tokio::sync::watch;
use tokio::time::{self, Instant};

use crate::backoff::Backoff;
use crate::client::Client;
use crate::connection::{Connection, Loss};
use crate::error::{SubscribeError, TransportError};
use crate::event::Item;
use crate::items;
use crate::position::Delivered;
use crate::problem::Problem;
use crate::subscribe::{Start, Subscribe};
use crate::transport::{self, Outgoing, SendError};
use crate::{retry_after, stream_request};

/// A connection that lived this long has proved itself even without an event.
const PROVEN_AFTER: Duration = Duration::from_secs(10);

/// So much is decoded at a time, which bounds the items that wait to be taken.
const PIECE: usize = 16 * 1024;

pub(crate) struct Driver {
    client: Client,
    request: Outgoing,
    enveloped: bool,
    phase: Phase,
    decoder: Decoder,
    /// Decoded and not yet given to the consumer, in order.
    items: VecDeque<Item>,
    /// Set when the items end in an error that ends the subscription.
    failed: Option<SubscribeError>,
    delivered: Delivered,
    /// The literal topics that have not ended; `None` if the subscription never ends by itself.
    unended: Option<HashSet<String>>,
    backoff: Backoff,
    /// The server's reconnection time.
    retry: Option<Duration>,
    /// A wait asked for once, by `Retry-After` or by a goodbye.
    retry_after: Option<Duration>,
    goodbye: Option<String>,
    /// Where the decoder last gave up.
    undecodable_after: Option<String>,
    connection: watch::Sender<Connection>,
}

enum Phase {
    Connecting,
    Open(Open),
    Waiting(Duration),
    Ended,
}

struct Open {
    response: Response,
    /// Received and not yet decoded.
    chunk: Bytes,
    since: Instant,
}

impl Driver {
    pub(crate) fn new(subscribe: Subscribe) -> (Self, watch::Receiver<Connection>) {
        let settings = subscribe.client.settings();
        let mut decoder = Decoder::new();
        if let Start::After(id) = &subscribe.start {
            decoder.set_last_event_id(id);
        }
        let literal = !subscribe.selectors.iter().any(|s| s.contains('*'));
        let (sender, receiver) = watch::channel(Connection::Connecting);
        let driver = Self {
            request: stream_request::first(&subscribe),
            enveloped: subscribe.enveloped,
            phase: Phase::Connecting,
            decoder,
            items: VecDeque::new(),
            failed: None,
            delivered: Delivered::default(),
            unended: (subscribe.enveloped && literal)
                .then(|| subscribe.selectors.into_iter().collect()),
            backoff: Backoff::new(
                settings.base_delay,
                settings.max_delay,
                subscribe.client.keys().jitter(),
            ),
            retry: None,
            retry_after: None,
            goodbye: None,
            undecodable_after: None,
            connection: sender,
            client: subscribe.client,
        };
        (driver, receiver)
    }

    pub(crate) async fn next(&mut self) -> Option<Result<Item, SubscribeError>> {
        loop {
            while let Some(item) = self.items.pop_front() {
                if self.note(&item) {
                    return Some(Ok(item));
                }
            }
            if let Some(error) = self.failed.take() {
                self.end();
                return Some(Err(error));
            }
            match mem::replace(&mut self.phase, Phase::Ended) {
                Phase::Connecting => self.connect().await,
                Phase::Open(open) => self.read(open).await,
                Phase::Waiting(delay) => {
                    time::sleep(delay).await;
                    self.phase = Phase::Connecting;
                }
                Phase::Ended => {
                    self.end();
                    return None;
                }
            }
        }
    }

    /// Takes notice of an item on its way out; says whether the consumer has yet to see it.
    fn note(&mut self, item: &Item) -> bool {
        match item {
            Item::Event(event) => {
                if !self.delivered.is_new(&event.id) {
                    return false;
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
            Item::Gap(gap) if gap.reason.restarts_ids() => self.delivered.forget(),
            Item::Goodbye(goodbye) => {
                let wait = goodbye.retry_after_ms.map(Duration::from_millis);
                self.retry_after = wait.map(|wait| wait.min(retry_after::LONGEST));
                self.goodbye = Some(goodbye.reason.clone());
            }
            Item::Connected(_) | Item::Resumed(_) | Item::Gap(_) | Item::Error(_) => {}
        }
        true
    }

    async fn connect(&mut self) {
        self.connection.send_replace(Connection::Connecting);
        let request = stream_request::after(&self.request, self.decoder.last_event_id());
        let idle = self.client.settings().idle_timeout;
        match time::timeout(idle, transport::send(self.client.http(), &request)).await {
            Err(_) => self.lose(Loss::Idle),
            Ok(Err(SendError::Transport(error))) => self.lose(Loss::Transport(error)),
            Ok(Err(SendError::Redirect(error))) => self.failed = Some(error.into()),
            Ok(Ok(response)) => self.answered(response).await,
        }
    }

    async fn answered(&mut self, response: Response) {
        let status = response.status().as_u16();
        match status {
            200 => {
                if let Err(found) = stream_request::expect_event_stream(&response) {
                    self.failed = Some(SubscribeError::NotAStream { found });
                    return;
                }
                self.decoder.restart();
                self.connection.send_replace(Connection::Open);
                self.phase = Phase::Open(Open {
                    response,
                    chunk: Bytes::new(),
                    since: Instant::now(),
                });
            }
            204 => self.phase = Phase::Ended,
            _ => {
                self.retry_after = transport::retry_after(&response);
                let idle = self.client.settings().idle_timeout;
                let problem = time::timeout(idle, Problem::read(response))
                    .await
                    .unwrap_or_else(|_| Problem::of(status));
                if transport::is_transient(status) {
                    self.lose(Loss::Unavailable(problem));
                } else {
                    self.failed = Some(SubscribeError::Refused(problem));
                }
            }
        }
    }

    async fn read(&mut self, mut open: Open) {
        if open.chunk.is_empty() {
            let idle = self.client.settings().idle_timeout;
            let cut = match time::timeout(idle, open.response.chunk()).await {
                Ok(Ok(Some(chunk))) => {
                    open.chunk = chunk;
                    self.phase = Phase::Open(open);
                    return;
                }
                Ok(Ok(None)) => Loss::Closed,
                Ok(Err(error)) => Loss::Transport(TransportError::new(error)),
                Err(_) => Loss::Idle,
            };
            self.prove(&open);
            let goodbye = self.goodbye.take();
            self.lose(goodbye.map_or(cut, |reason| Loss::Goodbye { reason }));
            return;
        }
        let piece = open.chunk.split_to(open.chunk.len().min(PIECE));
        match self.decode(&piece) {
            Ok(()) => self.phase = Phase::Open(open),
            Err(error) => {
                self.prove(&open);
                self.undecodable(error);
            }
        }
    }

    fn decode(&mut self, piece: &[u8]) -> Result<(), DecodeError> {
        let mut frames = self.decoder.decode(piece);
        while let Some(frame) = frames.next() {
            let frame = frame?;
            if let Frame::Retry(retry) = frame {
                self.retry = Some(retry);
            }
            let Frame::Event(event) = frame else {
                continue;
            };
            match items::item(event, self.enveloped) {
                Ok(item) => self.items.push_back(item),
                Err(source) => {
                    self.failed = Some(SubscribeError::NoEnvelope {
                        id: event.id.to_owned(),
                        source,
                    });
                    break;
                }
            }
        }
        Ok(())
    }

    /// The same bytes would come again and again, so the second time in one place is the last.
    fn undecodable(&mut self, source: DecodeError) {
        let last_event_id = self.decoder.last_event_id().to_owned();
        if self.undecodable_after.as_ref() == Some(&last_event_id) {
            self.failed = Some(SubscribeError::Undecodable {
                last_event_id,
                source,
            });
        } else {
            self.undecodable_after = Some(last_event_id);
            self.lose(Loss::Undecodable(source));
        }
    }

    fn prove(&mut self, open: &Open) {
        if open.since.elapsed() >= PROVEN_AFTER {
            self.backoff.reset();
        }
    }

    fn lose(&mut self, reason: Loss) {
        let retry_after = self.retry_after.take();
        let delay = self.backoff.next_delay([self.retry, retry_after]);
        tracing::debug!(%reason, ?delay, "no connection");
        self.connection
            .send_replace(Connection::Waiting { reason, delay });
        self.phase = Phase::Waiting(delay);
    }

    fn end(&mut self) {
        self.phase = Phase::Ended;
        self.connection.send_replace(Connection::Ended);
    }
}
