//! What is answered over a cap.

use std::time::Duration;

use axum::Router;
use axum::response::Response;
use http::{HeaderMap, StatusCode};

use crate::{Problem, StreamRequest, accept::is_event_source};

/// Answers every request with `429` and a time to come back, and a browser's `EventSource` with 200 and that time.
pub(super) fn router() -> Router {
    Router::new().fallback(refuse)
}

async fn refuse(headers: HeaderMap) -> Response {
    // Those that were refused together come back apart.
    let delay = Duration::from_secs(fastrand::u64(1..=5));
    let detail = "too many connections are open";
    let status = StatusCode::TOO_MANY_REQUESTS;
    let problem = Problem::new(status, "too-many-connections", detail).retry_after(delay);
    let request = StreamRequest {
        from_browser: is_event_source(&headers),
        ..StreamRequest::default()
    };
    request.refuse(problem)
}
