use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tidings_http::StreamRequest;

use crate::api::hub::Hub;
use crate::api::problems::draining;
use crate::api::streams::asks_for_stream;

/// The middleware that sends everybody away while the hub shuts down, liveness checks aside.
pub(super) async fn send_away(State(hub): State<Hub>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if !hub.is_draining() || path == "/healthz" {
        return next.run(request).await;
    }
    let is_for_stream = asks_for_stream(&request);
    let (parts, _) = request.into_parts();
    match StreamRequest::read(&parts) {
        Ok(stream) if is_for_stream => stream.refuse(draining(&hub)),
        _ => draining(&hub).into_response(),
    }
}
