//! Why somebody is not let in, and how they are told.

use axum::response::{IntoResponse, Response};
use http::header::WWW_AUTHENTICATE;
use http::{HeaderValue, StatusCode};
use tidings_auth::Denied;
use tidings_http::Problem;

use crate::api::hub::Hub;

/// Why somebody is not let in.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("no credentials")]
    Missing,
    #[error("{0}")]
    Denied(#[from] Denied),
    #[error("credentials in the URL of something other than a stream")]
    QueryElsewhere,
    #[error("a ticket that is not in the URL of a stream")]
    TicketElsewhere,
    #[error("a token in the URL, and auth.query_tokens is not set")]
    QueryToken,
    #[error("a cookie that a page of another origin had sent")]
    ForeignPage,
}

impl Refusal {
    pub(super) fn into_response(self, hub: &Hub) -> Response {
        let (problem, challenge) = match self {
            Self::ForeignPage => {
                let detail = "Origin: a cookie counts only where the page is the hub's own or its origin is listed";
                let problem = Problem::new(StatusCode::FORBIDDEN, "foreign-origin", detail);
                return problem.field("Origin").into_response();
            }
            Self::Denied(denied) if denied.is_temporary() => {
                let detail =
                    "the keys that tell whether these credentials are good cannot be had for now";
                let status = StatusCode::SERVICE_UNAVAILABLE;
                let problem = Problem::new(status, "keys-unavailable", detail);
                return problem.retry_after(hub.later()).into_response();
            }
            Self::Missing => {
                let detail = "credentials are missing: a token in Authorization: Bearer, or a key in X-API-Key";
                (unauthorized(detail), "Bearer realm=\"tidings\"")
            }
            _ => {
                let challenge = "Bearer realm=\"tidings\", error=\"invalid_token\"";
                (unauthorized(Denied::PUBLIC_MESSAGE), challenge)
            }
        };
        // RFC 6750, section 3.
        let challenge = [(WWW_AUTHENTICATE, HeaderValue::from_static(challenge))];
        (challenge, problem).into_response()
    }
}

pub(super) fn unauthorized(detail: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
}
