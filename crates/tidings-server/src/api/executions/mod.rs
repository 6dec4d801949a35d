//! Executions: runs whose progress nobody misses.

mod cancel;
mod create;
mod earlier;
mod follow;
mod opening;
mod publish;
mod read;

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::routing::{get, post};
use tidings_http::Problem;

use crate::api::hub::Hub;
use crate::api::{Kind, outbox, problems};
use crate::executions::{Entry, ExecutionId};

/// The id in the path of a request.
type GivenId = Result<Path<String>, PathRejection>;

pub(super) fn router(hub: &Hub) -> Router<Hub> {
    let (list, list_stream) = read::list(hub).routes();
    let list = outbox::bounding(hub, list).post(create::create);
    let (one, one_stream) = read::one(hub).routes();
    let one = outbox::bounding(hub, one);
    let events = post(publish::publish).get(follow::events);
    Router::new()
        .route("/api/executions", list)
        .route("/api/executions/stream", list_stream)
        .route("/api/executions/{id}", one)
        .route("/api/executions/{id}/stream", one_stream)
        .route("/api/executions/{id}/events", events)
        .route("/api/executions/{id}/cancel", post(cancel::cancel))
        .route("/api/execution-stream/{id}", get(follow::earlier))
        .route("/api/execution-state/{id}", get(earlier::state))
        .route("/api/cancel-execution/{id}", post(cancel::earlier))
}

/// The execution that a request is about, as it is after everything that has been published.
async fn find(hub: &Hub, id: &ExecutionId) -> Result<Arc<Entry>, Problem> {
    settle(hub).await?;
    hub.executions.find(id).ok_or_else(unknown)
}

async fn settle(hub: &Hub) -> Result<(), Problem> {
    let settled = hub.executions.settle().await;
    settled.map_err(|unsettled| problems::unsettled(hub, unsettled))
}

fn parse(id: GivenId) -> Option<ExecutionId> {
    let Path(id) = id.ok()?;
    id.parse().ok()
}

fn unknown() -> Problem {
    Kind::NotFound.because("there is no such execution")
}
