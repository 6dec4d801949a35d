use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use tidings_http::Problem;
use tokio::time::timeout;

use crate::api::Kind;
use crate::api::hub::Hub;
use crate::api::problems;

/// How long the store may take before it counts as one that does not work.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, Serialize)]
pub(super) struct Health {
    status: &'static str,
}

/// The process answers.
pub(super) async fn live() -> Json<Health> {
    Json(Health { status: "live" })
}

/// Events can be published: a check that goes the way of one has come through.
pub(super) async fn ready(State(hub): State<Hub>) -> Result<Json<Health>, Problem> {
    if hub.broker.is_closed() {
        return Err(problems::draining(&hub));
    }
    let checked = async {
        // One at a time: what a store that hangs is asked for waits until it goes on.
        let _turn = hub.readiness.lock().await;
        hub.broker.check().await
    };
    match timeout(PATIENCE, checked).await {
        Ok(Ok(())) => Ok(Json(Health { status: "ready" })),
        Ok(Err(failed)) => {
            let hope = "nothing can be published until it works again";
            Err(problems::store_failed(&hub, &failed, hope))
        }
        Err(_) => {
            let detail = format!("the store has not answered for {} s", PATIENCE.as_secs());
            Err(Kind::StoreFailed.because(detail).retry_after(hub.later()))
        }
    }
}
