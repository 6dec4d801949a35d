use axum::extract::State;
use axum::response::IntoResponse;
use http::header::CONTENT_TYPE;

use crate::api::access::Watcher;
use crate::api::hub::Hub;
use crate::metrics::OPEN_METRICS;

/// `GET /metrics`
pub(crate) async fn exposition(State(hub): State<Hub>, _: Watcher) -> impl IntoResponse {
    ([(CONTENT_TYPE, OPEN_METRICS)], hub.exposition())
}
