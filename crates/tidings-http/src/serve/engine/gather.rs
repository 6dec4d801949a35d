//! Taking from a body.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use axum::body::Body;
use http_body::Body as _;

use super::chunks::Chunks;
use crate::stream::Tap;

/// What a body gave.
pub(super) enum Given {
    /// Everything it has; it wakes when there is more.
    All,
    /// As much as is written at one time.
    Some,
    /// Everything, and it has ended.
    End,
    /// An error instead of its end.
    Failure(axum::Error),
}

/// Frames that are taken at one time.
const FRAMES: usize = 64;

/// Asks a body for all it has, up to what is written at one time.
pub(super) fn gather(body: &mut Body, tap: &Tap, waker: &Waker, chunks: &mut Chunks) -> Given {
    let mut context = Context::from_waker(waker);
    for _ in 0..FRAMES {
        match tap.watch(|| Pin::new(&mut *body).poll_frame(&mut context)) {
            Poll::Pending => return Given::All,
            Poll::Ready(None) => {
                chunks.push_end();
                return Given::End;
            }
            Poll::Ready(Some(Err(error))) => return Given::Failure(error),
            Poll::Ready(Some(Ok(frame))) => {
                // Trailers are for readers that have asked for them, and a stream has none.
                if let Ok(data) = frame.into_data() {
                    tap.received(&data);
                    chunks.push(data);
                }
            }
        }
        if chunks.is_full() {
            break;
        }
    }
    Given::Some
}
