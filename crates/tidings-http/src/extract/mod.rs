//! What a route is asked, as typed values whose refusals name the parameter.

mod fields;

use axum::extract::{FromRequestParts, RawPathParams};
use http::{StatusCode, request::Parts};
use serde::de::DeserializeOwned;

use self::fields::{Refused, read};
use crate::Problem;

/// The parameters of a query, read into a struct.
///
/// It is what axum's extractor of this name is, except that a refusal is a [`Problem`] that names the parameter, and
/// that it can be compared, so that it can be a key. Parameters that nobody asks for are
/// ignored; one that is asked for must not be repeated.
///
/// ```
/// #[derive(Clone, PartialEq, Eq, Hash, serde::Deserialize)]
/// struct Page {
///     team_id: u64,
///     #[serde(default)]
///     limit: Option<u8>,
/// }
///
/// async fn members(tidings_http::Query(page): tidings_http::Query<Page>) -> String {
///     format!("of team {}", page.team_id)
/// }
/// # let _: axum::Router = axum::Router::new().route("/members", axum::routing::get(members));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Query<T>(pub T);

/// The parameters of a path, read into a struct by their names; otherwise as [`Query`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Path<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs = form_urlencoded::parse(query.as_bytes());
        read(pairs).map(Self).map_err(bad_parameter)
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let parameters = RawPathParams::from_request_parts(parts, state).await;
        let parameters =
            parameters.map_err(|_| Problem::bad_parameter("path", "path: is not UTF-8"))?;
        let pairs = parameters.iter();
        let pairs = pairs.map(|(name, value)| (name.into(), value.into()));
        read(pairs).map(Self).map_err(bad_parameter)
    }
}

fn bad_parameter(Refused { field, detail }: Refused) -> Problem {
    match field {
        Some(field) => Problem::bad_parameter(field.clone(), format!("{field}: {detail}")),
        None => Problem::new(StatusCode::BAD_REQUEST, "bad-parameter", detail),
    }
}
