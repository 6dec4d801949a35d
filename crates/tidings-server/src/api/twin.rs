//! A snapshot of a resource, and its live twin: the same body as an event, at once and after
//! every change.

use std::convert::Infallible;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use futures_util::stream;
use serde::Serialize;
use tidings::{Control, EventName, GoodbyeReason};
use tidings_http::{Problem, StreamRequest, encode_control, keep_alive_line, stream_head};
use tidings_sse::{Block, EventId, Preamble};
use tokio::select;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, sleep_until};

use crate::api::hub::Hub;
use crate::api::problems;

/// A twin looks at its resource at most once in this time.
const PACE: Duration = Duration::from_secs(1);

/// A resource as it is at one moment.
#[derive(Debug)]
pub(super) struct Snapshot {
    body: String,
    /// Changes with the resource, but not with its counters.
    essence: u64,
}

impl Snapshot {
    /// A snapshot that counts as changed when the hash of the resource has changed.
    pub(super) fn of(resource: &(impl Serialize + Hash)) -> Self {
        let body =
            serde_json::to_string(resource).expect("texts and numbers always have a JSON form");
        let mut hasher = DefaultHasher::new();
        resource.hash(&mut hasher);
        Self {
            body,
            essence: hasher.finish(),
        }
    }
}

/// Answers with a snapshot.
///
/// # Errors
///
/// 503 if too many other answers are on their way.
pub(super) async fn answer(
    hub: &Hub,
    snapshot: impl Fn(&Hub) -> Snapshot + Send + 'static,
) -> Result<Response, Problem> {
    let asked = hub.clone();
    let seat = hub.outbox.seat().await?;
    let (seat, snapshot) = seat.work(move || snapshot(&asked)).await?;
    seat.send(snapshot.body.into_bytes()).await
}

/// Answers with the twin of a snapshot, whose events have this name, and which is looked at when
/// something changes.
pub(super) fn respond(
    hub: &Hub,
    request: &StreamRequest,
    name: &'static str,
    changes: watch::Receiver<u64>,
    snapshot: impl Fn(&Hub) -> Snapshot + Send + 'static,
) -> Response {
    let Some(seat) = hub.twin_seat() else {
        return problems::refuse_stream(hub, request, problems::too_many_connections(hub));
    };
    if request.head_only {
        return stream_head();
    }
    let twin = Twin {
        hub: hub.clone(),
        name: EventName::new(name).expect("names of resources are event names"),
        snapshot: Box::new(snapshot),
        changes,
        draining: hub.draining.clone(),
        has_changed: true,
        sent: None,
        looked_at: Instant::now(),
        wrote_at: Instant::now(),
        is_over: false,
        _seat: seat,
    };
    let frames = stream::unfold(twin, async |mut twin| {
        let frame = twin.next().await?;
        Some((Ok::<_, Infallible>(frame), twin))
    });
    let mut response = stream_head();
    *response.body_mut() = Body::from_stream(frames);
    response
}

struct Twin {
    hub: Hub,
    name: EventName,
    snapshot: Box<dyn Fn(&Hub) -> Snapshot + Send>,
    changes: watch::Receiver<u64>,
    draining: watch::Receiver<bool>,
    /// Something has changed since it last looked.
    has_changed: bool,
    /// The essence of what it sent last.
    sent: Option<u64>,
    looked_at: Instant,
    wrote_at: Instant,
    is_over: bool,
    _seat: OwnedSemaphorePermit,
}

impl Twin {
    /// What to write next; `None` ends the stream.
    async fn next(&mut self) -> Option<Bytes> {
        if self.is_over {
            return None;
        }
        let frame = if self.sent.is_none() {
            self.begin()
        } else {
            self.wait().await
        };
        self.wrote_at = Instant::now();
        Some(frame)
    }

    fn begin(&mut self) -> Bytes {
        let options = self.hub.stream_options();
        let id = EventId::new(self.hub.broker.position().to_string()).ok();
        let retry = options.spread_retry();
        let mut frame = Vec::new();
        Preamble {
            retry: Some(retry),
            id: id.as_ref(),
        }
        .encode(&mut frame);
        self.look(&mut frame);
        frame.into()
    }

    async fn wait(&mut self) -> Bytes {
        let keep_alive = self.hub.settings.keep_alive;
        let quiet_until = self.wrote_at + keep_alive.unwrap_or_default();
        loop {
            select! {
                biased;
                // It changes once; without the sender the hub is going as well.
                _ = self.draining.changed() => return self.goodbye(),
                // The sender is the hub's, which is ours to keep.
                _ = self.changes.changed(), if !self.has_changed => self.has_changed = true,
                () = sleep_until(self.looked_at + PACE), if self.has_changed => {
                    let mut frame = Vec::new();
                    self.look(&mut frame);
                    if !frame.is_empty() {
                        return frame.into();
                    }
                }
                () = sleep_until(quiet_until), if keep_alive.is_some() => return keep_alive_line(),
            }
        }
    }

    /// Appends the event of the snapshot, if it is news.
    fn look(&mut self, frame: &mut Vec<u8>) {
        self.changes.mark_unchanged();
        self.has_changed = false;
        self.looked_at = Instant::now();
        let Snapshot { body, essence } = (self.snapshot)(&self.hub);
        if self.sent.replace(essence) != Some(essence) {
            Block {
                id: None,
                event: Some(&self.name),
                data: &body,
            }
            .encode(frame);
        }
    }

    fn goodbye(&mut self) -> Bytes {
        self.is_over = true;
        let mut frame = Vec::new();
        let goodbye = Control::Goodbye {
            reason: GoodbyeReason::Drain,
            retry_after: self.hub.later(),
        };
        encode_control(&goodbye, &mut frame);
        frame.into()
    }
}

impl fmt::Debug for Twin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Twin")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
