use axum::Json;
use axum::extract::State;
use serde::Serialize;
use tidings_http::Problem;

use crate::api::hub::Hub;
use crate::api::problems;

#[derive(Debug, Serialize)]
pub(super) struct Health {
    status: &'static str,
}

/// The process answers.
pub(super) async fn live() -> Json<Health> {
    Json(Health { status: "live" })
}

/// Events can be published.
pub(super) async fn ready(State(hub): State<Hub>) -> Result<Json<Health>, Problem> {
    if hub.broker.is_closed() {
        return Err(problems::draining(&hub));
    }
    Ok(Json(Health { status: "ready" }))
}
