//! Why somebody is not let in, and how they are told.

use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::WWW_AUTHENTICATE;
use tidings_auth::Denied;
use tidings_http::{Problem, StreamRequest};

use crate::api::Kind;
use crate::api::hub::Hub;

/// What asks for other credentials.
pub(super) const BAD_CREDENTIALS: &str = "Bearer realm=\"tidings\", error=\"invalid_token\"";

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
    #[error("the application refuses them")]
    Application,
    #[error("the application has not said whether they may")]
    Unanswered,
    #[error("what the application said of them does not hold any more")]
    Changed,
}

impl Refusal {
    /// As it is told to whoever asked for a stream, if it was one.
    pub(super) fn into_response(self, hub: &Hub, stream: Option<&StreamRequest>) -> Response {
        let challenge = self.challenge();
        let problem = self.problem(hub);
        match (challenge, stream) {
            (Some(challenge), _) => {
                // RFC 6750, section 3.
                let challenge = [(WWW_AUTHENTICATE, HeaderValue::from_static(challenge))];
                (challenge, problem).into_response()
            }
            (None, Some(stream)) => stream.refuse(problem),
            (None, None) => problem.into_response(),
        }
    }

    pub(super) fn problem(self, hub: &Hub) -> Problem {
        let later = |kind: Kind, detail| kind.because(detail).retry_after(hub.later());
        match self {
            Self::ForeignPage => {
                let detail =
                    "a cookie counts only where the page is the hub's own or its origin is listed";
                Kind::ForeignOrigin.at("Origin", detail)
            }
            Self::Application => {
                Kind::Forbidden.because("the application refuses whoever has these credentials")
            }
            Self::Unanswered => later(
                Kind::AuthorizerUnavailable,
                "the application that decides who may come does not answer for now",
            ),
            Self::Changed => later(
                Kind::AuthorizerUnavailable,
                "what the application said of these credentials has changed meanwhile",
            ),
            Self::Denied(denied) if denied.is_temporary() => later(
                Kind::KeysUnavailable,
                "the keys that tell whether these credentials are good cannot be had for now",
            ),
            Self::Missing => unauthorized(
                "credentials are missing: a token in Authorization: Bearer, or a key in X-API-Key",
            ),
            Self::Denied(_) | Self::QueryElsewhere | Self::TicketElsewhere | Self::QueryToken => {
                unauthorized(Denied::PUBLIC_MESSAGE)
            }
        }
    }

    /// What is said of it where other credentials are asked for.
    fn challenge(&self) -> Option<&'static str> {
        match self {
            Self::ForeignPage | Self::Application | Self::Unanswered | Self::Changed => None,
            Self::Denied(denied) if denied.is_temporary() => None,
            Self::Missing => Some("Bearer realm=\"tidings\""),
            Self::Denied(_) | Self::QueryElsewhere | Self::TicketElsewhere | Self::QueryToken => {
                Some(BAD_CREDENTIALS)
            }
        }
    }
}

pub(super) fn unauthorized(detail: &str) -> Problem {
    Kind::Unauthorized.because(detail)
}
