//! The HTTP API of the hub.

mod access;
mod body;
mod codings;
mod connections;
mod cors;
mod dashboard;
mod drain;
mod entrance;
mod events;
mod executions;
mod health;
mod hub;
mod kind;
mod namespaces;
mod object;
mod outbox;
mod parameters;
mod problems;
mod revocations;
mod streams;
mod tickets;
mod topics;

use axum::Router;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, delete, get, patch, post};
use http::{Method, StatusCode, Uri};
use tidings_http::Problem;

pub(crate) use crate::api::access::Ledger;
pub(crate) use crate::api::dashboard::settings as dashboard_settings;
pub(crate) use crate::api::entrance::{Audience, Entrance};
pub(crate) use crate::api::hub::{Hub, Shared};
pub(crate) use crate::api::kind::Kind;
pub(crate) use crate::api::namespaces::{Namespaces, keep};

/// The routes of a namespace for an audience, for those who have been let in.
fn behind_the_gate(hub: &Hub, audience: Audience) -> Router<Hub> {
    let routes = match audience {
        // It would be a connection of that name.
        Audience::Everybody => routes(hub).route("/api/connections/stream", any(not_found)),
        Audience::Administrators => routes(hub).merge(admin_routes(hub)),
    };
    routes
        .route_layer(from_fn(codings::refuse))
        .method_not_allowed_fallback(other_method)
        .fallback(not_found)
}

/// What publishers and readers need.
fn routes(hub: &Hub) -> Router<Hub> {
    let events = post(events::publish).get(events::history);
    let event_stream = get(events::stream).post(events::stream_of_form);
    let (topics, topic_stream) = topics::resource(hub).routes();
    Router::new()
        .route("/api/events", events)
        .route("/api/events/stream", event_stream)
        .route("/api/topics", outbox::bounding(hub, topics))
        .route("/api/topics/stream", topic_stream)
        .route("/api/connections/{id}", patch(connections::change))
        .route("/api/tickets", post(tickets::issue))
        .merge(executions::router(hub))
}

/// What tells of others, and what changes what is theirs.
fn admin_routes(hub: &Hub) -> Router<Hub> {
    let (connections, connection_stream) = connections::resource(hub).routes();
    let revocations = post(revocations::revoke)
        .get(revocations::list)
        .delete(revocations::lift);
    Router::new()
        .route("/api/topics", delete(topics::forget))
        .route("/api/connections", outbox::bounding(hub, connections))
        .route("/api/connections/stream", connection_stream)
        .route("/api/connections/{id}", delete(connections::end))
        .route("/api/dashboard", get(dashboard::snapshot))
        .route("/api/dashboard/stream", get(dashboard::stream))
        .route("/api/dashboard/events", post(dashboard::broadcast))
        .route("/api/revocations", revocations)
        .route("/metrics", get(dashboard::exposition))
        .route("/dashboard/sse", get(dashboard::stream))
        .route("/dashboard/api/sse/status", get(dashboard::status))
}

/// Answers a method that a route has no handler for. The router adds `Allow`.
async fn other_method(method: Method) -> Response {
    if method == Method::OPTIONS {
        return StatusCode::NO_CONTENT.into_response();
    }
    let detail = format!("{method} is not possible here; the Allow header lists what is");
    Kind::MethodNotAllowed.because(detail).into_response()
}

async fn not_found(uri: Uri) -> Problem {
    Kind::NotFound.because(format!("there is nothing at {}", uri.path()))
}
