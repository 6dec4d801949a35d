use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;
use tidings::rfc3339;
use tidings_http::Problem;

use crate::api::access::Caller;
use crate::api::hub::Hub;

#[derive(Debug, Serialize)]
struct Issued {
    /// For the parameter `ticket` of one stream.
    ticket: String,
    expires_at: String,
}

/// `POST /api/tickets`: what opens one stream from a place that cannot send headers, such as a browser's EventSource.
pub(super) async fn issue(State(hub): State<Hub>, caller: Caller) -> Result<Response, Problem> {
    caller.may_subscribe_at_all()?;
    let ticket = hub.gate.ticket(&caller)?;
    let issued = Issued {
        ticket: ticket.text,
        expires_at: rfc3339(ticket.expires_at),
    };
    Ok((StatusCode::CREATED, Json(issued)).into_response())
}
