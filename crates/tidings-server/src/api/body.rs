use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use bytes::BytesMut;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tidings_http::Problem;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::api::Kind;

/// How long a body may take to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many KiB of bodies are in memory at one time; further ones wait.
const ROOM: usize = 256 * 1024;

/// Where request bodies are received, within a bound for all of them together.
#[derive(Clone, Debug)]
pub(crate) struct Inbox {
    room: Arc<Semaphore>,
}

/// A body that has come, and holds its room until it is dropped.
#[derive(Debug)]
pub(crate) struct Received {
    pub(super) bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

impl Default for Inbox {
    fn default() -> Self {
        Self {
            room: Arc::new(Semaphore::new(ROOM)),
        }
    }
}

impl Inbox {
    /// Receives a body of up to `limit` bytes.
    ///
    /// # Errors
    ///
    /// 413 if it is larger, 408 if it takes too long, 503 if too many others are being received,
    /// 400 if it breaks off.
    pub(super) async fn receive(&self, body: Body, limit: usize) -> Result<Received, Problem> {
        if body.size_hint().lower() > limit as u64 {
            return Err(too_large(limit));
        }
        match timeout(PATIENCE, self.collect(body, limit)).await {
            Ok(received) => received,
            Err(_) => {
                let detail = format!("did not come within {} s", PATIENCE.as_secs());
                Err(Kind::Timeout.at("body", detail))
            }
        }
    }

    /// Takes room for what has come, not for what was announced: an upload that stands still holds nothing.
    async fn collect(&self, body: Body, limit: usize) -> Result<Received, Problem> {
        let mut body = Limited::new(body, limit);
        let mut bytes = BytesMut::new();
        let mut room = self.room(0).await?;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| broken_off(&*error, limit))?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            bytes.extend_from_slice(&data);
            let missing = bytes
                .len()
                .div_ceil(1024)
                .saturating_sub(room.num_permits());
            room.merge(self.room(missing).await?);
        }
        Ok(Received {
            bytes: bytes.freeze(),
            _room: room,
        })
    }

    async fn room(&self, kibibytes: usize) -> Result<OwnedSemaphorePermit, Problem> {
        let permits = u32::try_from(kibibytes.min(ROOM)).unwrap_or(u32::MAX);
        match timeout(PATIENCE, self.room.clone().acquire_many_owned(permits)).await {
            Ok(Ok(room)) => Ok(room),
            Ok(Err(_)) | Err(_) => {
                let problem = Kind::Busy.because("too many bodies are being received");
                Err(problem.retry_after(Duration::from_secs(5)))
            }
        }
    }
}

/// The media type of a body, in lower case and without its parameters.
pub(super) fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?;
    let value = String::from_utf8_lossy(value.as_bytes());
    let essence = value.split(';').next().unwrap_or_default();
    Some(essence.trim().to_ascii_lowercase())
}

/// Refuses a body that is something else.
pub(super) fn expect_media_type(headers: &HeaderMap, expected: &str) -> Result<(), Problem> {
    match media_type(headers) {
        Some(given) if given != expected => {
            let detail = format!("must be {expected}");
            Err(Kind::UnsupportedMediaType.at("Content-Type", detail))
        }
        _ => Ok(()),
    }
}

fn broken_off(error: &(dyn Error + Send + Sync + 'static), limit: usize) -> Problem {
    if error.is::<LengthLimitError>() {
        return too_large(limit);
    }
    Kind::BadRequest.at("body", "broke off")
}

fn too_large(limit: usize) -> Problem {
    Kind::TooLarge.at("body", format_args!("is larger than {limit} bytes"))
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use http::StatusCode;

    use super::*;

    fn chunked(chunks: &'static [&'static str]) -> Body {
        Body::from_stream(stream::iter(
            chunks.iter().map(|chunk| Ok::<_, std::io::Error>(*chunk)),
        ))
    }

    #[tokio::test]
    async fn a_body_within_its_limit_is_received_whole() {
        let inbox = Inbox::default();
        assert_eq!(
            inbox.receive(Body::from("abc"), 3).await.unwrap().bytes,
            "abc"
        );
        assert_eq!(
            inbox.receive(chunked(&["a", "bc"]), 3).await.unwrap().bytes,
            "abc"
        );
        assert_eq!(inbox.receive(Body::empty(), 3).await.unwrap().bytes, "");
    }

    #[tokio::test]
    async fn a_larger_one_is_refused_announced_or_not() {
        let inbox = Inbox::default();
        for body in [Body::from("abcd"), chunked(&["ab", "cd"])] {
            assert_eq!(inbox.receive(body, 3).await.unwrap_err(), too_large(3));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_is_given_up() {
        let body = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        let problem = Inbox::default().receive(body, 3).await.unwrap_err();
        assert_eq!(problem.status(), StatusCode::REQUEST_TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    async fn beyond_the_room_for_all_bodies_one_waits_and_is_sent_away() {
        let inbox = Inbox::default();
        let held = inbox.room(ROOM).await.unwrap();
        let problem = inbox.receive(Body::from("abc"), 3).await.unwrap_err();
        let given_up = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::REQUEST_TIMEOUT];
        assert!(given_up.contains(&problem.status()));
        drop(held);
        assert!(inbox.receive(Body::from("abc"), 3).await.is_ok());
    }
}
