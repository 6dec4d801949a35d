//! The console at `/`: one page, built from `packages/console` and part of the binary.

mod asset;
mod coding;

use axum::Router;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::Response;
use axum::routing::get;
use http::HeaderMap;
use tidings_http::Problem;

use crate::api::Kind;
use crate::page::asset::Asset;

/// The page and its parts. Their addresses are relative, so a proxy may put a path in front.
pub(crate) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/", get(index))
        .route("/assets/{name}", get(part))
}

async fn index(headers: HeaderMap) -> Result<Response, Problem> {
    respond("index.html", &headers)
}

async fn part(
    name: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let name = name.map_or_else(|_| String::new(), |Path(name)| name);
    respond(&format!("assets/{name}"), &headers)
}

fn respond(path: &str, headers: &HeaderMap) -> Result<Response, Problem> {
    let asset = Asset::find(path).ok_or_else(|| {
        let detail = "the console has no such part; it may be of another version";
        Kind::NotFound.because(detail)
    })?;
    Ok(asset.respond(headers))
}
