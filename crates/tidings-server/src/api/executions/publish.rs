use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use tidings::Event;
use tidings_http::Problem;

use crate::api::access::Caller;
use crate::api::events::publish_on;
use crate::api::executions::find;
use crate::api::hub::Hub;
use crate::api::parameters::Parameters;
use crate::executions::{ExecutionId, end};

/// `POST /api/executions/{id}/events`
pub(super) async fn publish(
    State(hub): State<Hub>,
    caller: Caller,
    id: ExecutionId,
    parameters: Parameters,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    caller.may_publish("id", &id.topic())?;
    let entry = find(&hub, &id).await?;
    let topic = entry.execution.id.topic();
    let ending = |event: Event| match end(event.name()) {
        Some(_) => event.ending_topic(),
        None => event,
    };
    publish_on(&hub, &caller, &topic, &parameters, &headers, body, ending).await
}
