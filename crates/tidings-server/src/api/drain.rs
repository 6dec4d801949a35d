use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::Method;
use tidings_http::StreamRequest;

use crate::api::hub::Hub;
use crate::api::problems;

/// The middleware that sends everybody away while the hub shuts down, liveness checks aside.
pub(super) async fn send_away(State(hub): State<Hub>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if !hub.is_draining() || path == "/healthz" {
        return next.run(request).await;
    }
    let is_for_stream = asks_for_stream(&request);
    let (parts, _) = request.into_parts();
    match StreamRequest::read(&parts) {
        Ok(stream) if is_for_stream => {
            problems::refuse_stream(&hub, &stream, problems::draining(&hub))
        }
        _ => problems::draining(&hub).into_response(),
    }
}

/// Whether what is asked for is a stream of events.
pub(super) fn asks_for_stream(request: &Request) -> bool {
    let path = request.uri().path();
    let is_of_events = path.starts_with("/api/executions/") && path.ends_with("/events");
    let is_of_earlier_name = path.starts_with("/api/execution-stream/") || path == "/dashboard/sse";
    let is_get = request.method() == Method::GET;
    path.ends_with("/stream") || is_get && (is_of_events || is_of_earlier_name)
}
