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
mod object;
mod outbox;
mod parameters;
mod problems;
mod topics;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch, post};
use http::{Method, StatusCode, Uri};
use tidings_http::Problem;

use crate::page;

pub(crate) use crate::api::dashboard::{feed, settings as dashboard_settings};
pub(crate) use crate::api::hub::Hub;

/// All routes, behind the rules of access.
pub(crate) fn router(hub: Hub) -> Router {
    let events = post(events::publish).get(events::history);
    let event_stream = get(events::stream).post(events::stream_of_form);
    let (topics, topic_stream) = topics::resource(&hub).routes();
    let topics = outbox::bounding(&hub, topics).delete(topics::forget);
    let (connections, connection_stream) = connections::resource(&hub).routes();
    let connection = patch(connections::change).delete(connections::end);
    Router::new()
        .route("/api/events", events)
        .route("/api/events/stream", event_stream)
        .route("/api/topics", topics)
        .route("/api/topics/stream", topic_stream)
        .route("/api/connections", outbox::bounding(&hub, connections))
        .route("/api/connections/stream", connection_stream)
        .route("/api/connections/{id}", connection)
        .route("/api/dashboard", get(dashboard::snapshot))
        .route("/api/dashboard/stream", get(dashboard::stream))
        .route("/api/dashboard/events", post(dashboard::broadcast))
        .route("/dashboard/sse", get(dashboard::stream))
        .route("/dashboard/api/sse/status", get(dashboard::status))
        .merge(executions::router(&hub))
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .merge(page::router())
        .route_layer(from_fn(codings::refuse))
        .method_not_allowed_fallback(other_method)
        .fallback(not_found)
        .layer(from_fn_with_state(hub.clone(), drain::send_away))
        .layer(from_fn_with_state(hub.clone(), cors::tell))
        .layer(from_fn_with_state(hub.clone(), access::guard))
        .with_state(hub)
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
