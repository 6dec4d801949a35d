//! Callers that may do what not everybody may.

use axum::extract::FromRequestParts;
use http::request::Parts;
use tidings::Selector;
use tidings_http::Problem;

use crate::api::access::caller::{Caller, forbidden};

/// What dashboards are told on.
const DASHBOARDS: &str = "tidings/dashboard/**";

/// A caller that has the admin right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Admin;

/// A caller that may see dashboards, and so may read their topics.
#[derive(Clone, Debug)]
pub(crate) struct Watcher(pub(crate) Caller);

impl<S: Sync> FromRequestParts<S> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, state).await?;
        if caller.grant().is_admin() {
            return Ok(Self);
        }
        Err(forbidden(
            "this needs the admin right, which these credentials do not give",
        ))
    }
}

impl<S: Sync> FromRequestParts<S> for Watcher {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, state).await?;
        let rights = &caller.grant().rights;
        let all = [DASHBOARDS, "**"].map(|text| Selector::new(text).expect("a selector"));
        if rights.is_admin() || all.iter().any(|all| rights.covers(all)) {
            let [dashboards, _] = all;
            return Ok(Self(caller.and_reading(dashboards)));
        }
        let detail =
            "dashboards need the admin right, or that to subscribe to ** or tidings/dashboard/**";
        Err(forbidden(detail))
    }
}
