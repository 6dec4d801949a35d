//! One call of a provider, whatever it does.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt;
use http::StatusCode;
use tokio::time::timeout;
use tracing::{error, warn};

use crate::Problem;

/// Calls a provider, and gives a problem if it panics or takes too long.
pub(super) async fn attempt<T>(
    within: Duration,
    call: impl Future<Output = Result<T, Problem>>,
) -> Result<T, Problem> {
    match timeout(within, guarded(call)).await {
        Ok(outcome) => outcome,
        Err(_) => {
            warn!(?within, "a provider of a live resource took too long");
            let status = StatusCode::SERVICE_UNAVAILABLE;
            let problem = Problem::new(status, "timeout", "the answer took too long to make");
            Err(problem.retry_after(within))
        }
    }
}

/// Does what runs code of the application, and gives a problem if that panics.
pub(super) async fn guarded<T>(
    work: impl Future<Output = Result<T, Problem>>,
) -> Result<T, Problem> {
    let outcome = AssertUnwindSafe(work).catch_unwind().await;
    outcome.unwrap_or_else(|_| {
        // What it said has been printed by the panic hook.
        error!("a provider of a live resource panicked");
        Err(internal("the answer could not be made"))
    })
}

/// The JSON of what a provider gave.
pub(super) fn written(json: serde_json::Result<String>) -> Result<String, Problem> {
    json.map_err(|error| {
        error!(%error, "the answer of a provider has no JSON form");
        internal("the answer has no JSON form")
    })
}

pub(super) fn internal(detail: &str) -> Problem {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
}
