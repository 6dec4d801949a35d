//! What is answered over a cap.

use std::time::Duration;

use axum::Router;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};

use crate::{Problem, accept::is_event_source, come_back_after};

/// Answers every request with `503` and a time to come back, and a browser's `EventSource` with 200 and that time.
pub(super) fn router() -> Router {
    Router::new().fallback(refuse)
}

async fn refuse(headers: HeaderMap) -> Response {
    // Those that were refused together come back apart.
    let delay = Duration::from_secs(fastrand::u64(1..=5));
    if is_event_source(&headers) {
        return come_back_after(delay);
    }
    let detail = "too many connections are open";
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "too-many-connections",
        detail,
    )
    .retry_after(delay)
    .into_response()
}
