//! The HTTP API of the hub.

mod access;
mod body;
mod codings;
mod connections;
mod cors;
mod dashboard;
mod drain;
mod events;
mod executions;
mod health;
mod hub;
mod namespaces;
mod object;
mod outbox;
mod parameters;
mod problems;
mod revocations;
mod tickets;
mod topics;

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch, post};
use http::{Method, StatusCode, Uri};
use tidings_http::Problem;

use crate::page;

pub(crate) use crate::api::dashboard::settings as dashboard_settings;
pub(crate) use crate::api::hub::{Hub, Shared};
pub(crate) use crate::api::namespaces::{Namespaces, keep};
pub(crate) use crate::api::revocations::settings as revocation_settings;

/// All routes, behind the rules of access.
pub(crate) fn router(hub: &Hub, namespaces: Arc<Namespaces>) -> Router {
    let entrance = access::Entrance::new(hub.clone(), namespaces);
    Router::new()
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .merge(page::router())
        .route_layer(from_fn(codings::refuse))
        .merge(behind_the_gate(hub).route_layer(from_fn_with_state(entrance, access::pass)))
        .method_not_allowed_fallback(other_method)
        .fallback(not_found)
        .layer(from_fn_with_state(hub.clone(), drain::send_away))
        .layer(from_fn_with_state(hub.clone(), cors::tell))
        .layer(from_fn_with_state(hub.clone(), access::guard))
        .with_state(hub.clone())
}

/// The routes of a namespace, for those who have been let in.
fn behind_the_gate(hub: &Hub) -> Router<Hub> {
    let events = post(events::publish).get(events::history);
    let event_stream = get(events::stream).post(events::stream_of_form);
    let (topics, topic_stream) = topics::resource(hub).routes();
    let topics = outbox::bounding(hub, topics).delete(topics::forget);
    let (connections, connection_stream) = connections::resource(hub).routes();
    let connection = patch(connections::change).delete(connections::end);
    let revocations = post(revocations::revoke).get(revocations::list);
    Router::new()
        .route("/api/events", events)
        .route("/api/events/stream", event_stream)
        .route("/api/topics", topics)
        .route("/api/topics/stream", topic_stream)
        .route("/api/connections", outbox::bounding(hub, connections))
        .route("/api/connections/stream", connection_stream)
        .route("/api/connections/{id}", connection)
        .route("/api/dashboard", get(dashboard::snapshot))
        .route("/api/dashboard/stream", get(dashboard::stream))
        .route("/api/dashboard/events", post(dashboard::broadcast))
        .route("/api/tickets", post(tickets::issue))
        .route("/api/revocations", revocations)
        .route("/dashboard/sse", get(dashboard::stream))
        .route("/dashboard/api/sse/status", get(dashboard::status))
        .merge(executions::router(hub))
        .route_layer(from_fn(codings::refuse))
}

/// Answers a method that a route has no handler for. The router adds `Allow`.
async fn other_method(method: Method) -> Response {
    if method == Method::OPTIONS {
        return StatusCode::NO_CONTENT.into_response();
    }
    let detail = format!("{method} is not possible here; the Allow header lists what is");
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail).into_response()
}

async fn not_found(uri: Uri) -> Problem {
    let detail = format!("there is nothing at {}", uri.path());
    Problem::new(StatusCode::NOT_FOUND, "not-found", detail)
}
