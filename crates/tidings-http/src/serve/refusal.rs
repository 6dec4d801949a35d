//! What is answered over a cap.

use std::time::Duration;

use axum::Router;
use http::StatusCode;

use crate::Problem;

/// Answers every request with `503` and a time to come back.
pub(super) fn router() -> Router {
    Router::new().fallback(refuse)
}

async fn refuse() -> Problem {
    // Those that were refused together come back apart.
    let delay = Duration::from_secs(fastrand::u64(1..=5));
    let detail = "too many connections are open";
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "too-many-connections",
        detail,
    )
    .retry_after(delay)
}
