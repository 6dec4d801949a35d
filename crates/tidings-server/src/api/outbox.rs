use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use http::header::CONTENT_TYPE;
use serde::Serialize;
use tidings_http::Problem;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tracing::error;

use crate::api::Kind;
use crate::api::hub::Hub;

/// How many answers are built at one time; further ones wait.
const SEATS: usize = 8;

/// How many KiB of answers are on their way at one time; further ones wait.
const ROOM: usize = 128 * 1024;

/// How long an answer waits for a seat, and then for room.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where answers that may be large are built, and held until they are sent: a few at a time,
/// within a bound for all of them together, however slowly they are read.
#[derive(Clone, Debug)]
pub(crate) struct Outbox {
    seats: Arc<Semaphore>,
    room: Arc<Semaphore>,
}

/// The right to build one answer.
#[derive(Debug)]
pub(super) struct Seat {
    room: Arc<Semaphore>,
    _permit: OwnedSemaphorePermit,
}

/// An answer that holds its room until the last of it has left.
struct Posted {
    body: Bytes,
    _room: OwnedSemaphorePermit,
}

impl Default for Outbox {
    fn default() -> Self {
        Self {
            seats: Arc::new(Semaphore::new(SEATS)),
            room: Arc::new(Semaphore::new(ROOM)),
        }
    }
}

impl Outbox {
    /// A seat, to be given up by whoever has nothing to build for a while.
    ///
    /// # Errors
    ///
    /// 503 if too many other answers are being built.
    pub(super) async fn seat(&self) -> Result<Seat, Problem> {
        let permit = permits(&self.seats, 1).await?;
        Ok(Seat {
            room: self.room.clone(),
            _permit: permit,
        })
    }
}

impl Seat {
    /// Does work that may take long on a thread of its own. The seat stays taken until it is done,
    /// even if nobody waits for it any more.
    ///
    /// # Errors
    ///
    /// 500 if the work panics.
    pub(super) async fn work<T: Send + 'static>(
        self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<(Self, T), Problem> {
        make(move || {
            let done = work();
            (self, done)
        })
        .await
    }

    /// Answers with this as JSON.
    ///
    /// # Errors
    ///
    /// Those of [`work`](Self::work) and [`send`](Self::send).
    pub(super) async fn send_json(
        self,
        answer: impl Serialize + Send + 'static,
    ) -> Result<Response, Problem> {
        let write =
            move || serde_json::to_vec(&answer).expect("texts and numbers always have a JSON form");
        let (seat, json) = self.work(write).await?;
        seat.send(json).await
    }

    /// Answers with this JSON.
    ///
    /// # Errors
    ///
    /// 503 if too many other answers are on their way.
    pub(super) async fn send(self, json: Vec<u8>) -> Result<Response, Problem> {
        let body = self.post(json.into_boxed_slice().into()).await?;
        let content_type = [(CONTENT_TYPE, "application/json")];
        Ok((content_type, body).into_response())
    }

    /// The body of an answer, which holds its room.
    async fn post(self, body: Bytes) -> Result<Body, Problem> {
        let kibibytes = body.len().div_ceil(1024).min(ROOM);
        let room = permits(&self.room, kibibytes).await?;
        // Not a body that holds the room: the server is done with a body when it has taken the
        // bytes, long before they are written.
        let bytes = Bytes::from_owner(Posted { body, _room: room });
        Ok(Body::from(bytes))
    }
}

/// Does work that may take long on a thread of its own.
///
/// # Errors
///
/// 500 if the work panics.
pub(super) async fn make<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    spawn_blocking(work).await.map_err(|error| {
        error!(%error, "no answer");
        let detail = "the answer could not be made";
        Kind::Internal.because(detail)
    })
}

/// The same routes, whose answers are built and held as all others are.
pub(super) fn bounding(hub: &Hub, routes: MethodRouter<Hub>) -> MethodRouter<Hub> {
    routes.layer(from_fn_with_state(hub.clone(), bound))
}

async fn bound(State(hub): State<Hub>, request: Request, next: Next) -> Result<Response, Problem> {
    let seat = hub.outbox.seat().await?;
    let (head, body) = next.run(request).await.into_parts();
    // It is in memory already.
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let posted = seat.post(body).await?;
    Ok(Response::from_parts(head, posted))
}

impl AsRef<[u8]> for Posted {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

async fn permits(of: &Arc<Semaphore>, count: usize) -> Result<OwnedSemaphorePermit, Problem> {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    match timeout(PATIENCE, of.clone().acquire_many_owned(count)).await {
        Ok(Ok(permits)) => Ok(permits),
        Ok(Err(_)) | Err(_) => {
            let problem = Kind::Busy.because("too many answers are on their way");
            Err(problem.retry_after(PATIENCE))
        }
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use http_body_util::BodyExt;

    use super::*;

    fn assert_too_busy(refused: Problem) {
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(
            refused
                .into_response()
                .headers()
                .contains_key("retry-after")
        );
    }

    #[tokio::test(start_paused = true)]
    async fn one_answer_more_than_there_are_seats_waits_and_is_sent_away() {
        let outbox = Outbox::default();
        let mut seats = Vec::new();
        for _ in 0..SEATS {
            seats.push(outbox.seat().await.unwrap());
        }
        assert_too_busy(outbox.seat().await.unwrap_err());
        seats.pop();
        assert!(outbox.seat().await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_holds_its_room_until_its_last_byte_is_gone() {
        let outbox = Outbox::default();
        let large = vec![b' '; ROOM * 1024];
        let sent = outbox.seat().await.unwrap().send(large).await.unwrap();
        let refused = outbox.seat().await.unwrap().send(vec![b'7']).await;
        assert_too_busy(refused.unwrap_err());

        let mut body = sent.into_body();
        let bytes = body.frame().await.unwrap().unwrap().into_data().unwrap();
        drop(body);
        assert_eq!(outbox.room.available_permits(), 0);
        drop(bytes);
        assert_eq!(outbox.room.available_permits(), ROOM);
    }

    #[tokio::test]
    async fn an_answer_larger_than_all_the_room_takes_all_of_it() {
        let outbox = Outbox::default();
        let large = vec![b' '; ROOM * 1024 + 1];
        let sent = outbox.seat().await.unwrap().send(large).await.unwrap();
        assert_eq!(outbox.room.available_permits(), 0);
        drop(sent);
        assert_eq!(outbox.room.available_permits(), ROOM);
    }

    #[tokio::test]
    async fn work_that_panics_gives_its_seat_back() {
        let outbox = Outbox::default();
        let seat = outbox.seat().await.unwrap();
        let failed = seat.work(|| -> u8 { panic!("expected by the test") }).await;
        assert_eq!(
            failed.unwrap_err().status(),
            StatusCode::INTERNAL_SERVER_ERROR
        );
        assert_eq!(outbox.seats.available_permits(), SEATS);
    }
}
