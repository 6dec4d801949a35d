//! The pages that show the resources.

use axum::Router;
use axum::handler::HandlerWithoutStateExt;
use axum::response::Html;
use axum::routing::get;
use http::header::SET_COOKIE;
use http::{HeaderValue, StatusCode, Uri};
use tidings_http::Problem;
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::Store;

/// Where `npm run build` puts the pages of Vue and of React.
const BUILT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/pages/dist");

/// In place of a sign-in: whoever opens a page is ann.
const SESSION: HeaderValue =
    HeaderValue::from_static("session=ann; Path=/; HttpOnly; SameSite=Strict");

/// The plain page, those that are built, and a problem for everything else.
pub(crate) fn router() -> Router<Store> {
    let built = ServeDir::new(BUILT)
        .call_fallback_on_method_not_allowed(true)
        .fallback(not_found.into_service());
    Router::new()
        .route("/", get(Html(include_str!("../pages/plain.html"))))
        .fallback_service(built)
        .layer(SetResponseHeaderLayer::overriding(SET_COOKIE, SESSION))
}

async fn not_found(uri: Uri) -> Problem {
    let detail = match uri.path() {
        "/vue/" | "/react/" => {
            "this page has to be built: npm ci && npm run build in examples/activity/pages".into()
        }
        path => format!("there is nothing at {path}"),
    };
    Problem::new(StatusCode::NOT_FOUND, "not-found", detail)
}
