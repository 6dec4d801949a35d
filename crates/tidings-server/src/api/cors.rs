use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{
    ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, ORIGIN, RETRY_AFTER,
    VARY,
};
use http::{HeaderName, HeaderValue, Method};
use tower::{Layer, ServiceExt};
use tower_http::cors::CorsLayer;

use crate::api::entrance::Entrance;
use crate::settings::Origin;

/// What pages of these origins may do, and of no others: everything.
pub(super) fn layer(origins: &[Origin]) -> CorsLayer {
    let origins = origins.iter().map(|origin| origin.header().clone());
    CorsLayer::new()
        .allow_origin(origins.collect::<Vec<_>>())
        .allow_credentials(true)
        .allow_methods([
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PATCH,
            Method::DELETE,
        ])
        .allow_headers([
            AUTHORIZATION,
            CACHE_CONTROL,
            CONTENT_TYPE,
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static("last-event-id"),
            HeaderName::from_static("x-api-key"),
        ])
        .expose_headers([RETRY_AFTER])
}

/// The middleware that tells browsers so. Pages of other origins are told nothing.
pub(super) async fn tell(
    State(entrance): State<Entrance>,
    request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    let is_listed = headers
        .get(ORIGIN)
        .is_some_and(|origin| entrance.access().lists(origin));
    // The layer takes every OPTIONS request for a preflight; those that are not go to the routes.
    let is_for_route =
        request.method() == Method::OPTIONS && !headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = if is_listed && !is_for_route {
        match entrance.hub().cors.layer(next).oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    } else {
        next.run(request).await
    };
    response
        .headers_mut()
        .append(VARY, HeaderValue::from_static("Origin"));
    response
}
