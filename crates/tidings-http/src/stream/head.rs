//! The head of a stream, and streams that end at once.

use std::{convert::Infallible, time::Duration};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderName, HeaderValue, header};
use tidings_sse::Preamble;

use super::spread;

/// The head of every stream, with an empty body of unannounced length: the answer to HEAD.
pub(crate) fn stream_head() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-cache, no-transform"),
        // nginx and those that follow it buffer a response unless told not to.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    let mut response = Response::new(unannounced(Bytes::new()));
    for (name, value) in headers {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A stream that tells the reader when to come back, and ends. A browser's `EventSource` gives up for good on any
/// status but 200, so this is its answer where others get 503 or 429.
pub(crate) fn come_back_after(delay: Duration) -> Response {
    let mut first = Vec::new();
    Preamble {
        retry: Some(spread(delay)),
        id: None,
    }
    .encode(&mut first);
    let mut response = stream_head();
    *response.body_mut() = unannounced(first.into());
    response
}

/// A body whose length is not told beforehand, as that of any stream.
fn unannounced(bytes: Bytes) -> Body {
    Body::from_stream(stream::once(std::future::ready(Ok::<_, Infallible>(bytes))))
}
