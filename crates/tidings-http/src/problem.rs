use std::{borrow::Cow, time::Duration};

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

/// An error as `application/problem+json` (RFC 9457).
///
/// `type` is `urn:tidings:problem:` and the kind; it is stable, so clients can go by it. The response has the problem among its
/// extensions, for layers that keep a record.
///
/// Beside the kinds of an application there are those of this crate: `bad-parameter` (400), `not-acceptable` (406),
/// `too-many-connections` (429), `too-many-views` (429), `internal` (500), `draining`, `store-failed` and
/// `timeout` (503).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status}: {detail}")]
pub struct Problem {
    status: StatusCode,
    kind: &'static str,
    detail: String,
    field: Option<Cow<'static, str>>,
    retry_after: Option<Duration>,
}

impl Problem {
    /// A problem of a kind, such as `topic-ended`, with a sentence for whoever has to mend it.
    pub fn new(status: StatusCode, kind: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            kind,
            detail: detail.into(),
            field: None,
            retry_after: None,
        }
    }

    /// A parameter, header or field has a value that cannot be used: 400 `bad-parameter`.
    pub fn bad_parameter(field: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-parameter", detail).field(field)
    }

    /// The same problem, naming the part of the request that is to blame.
    #[must_use]
    pub fn field(mut self, field: impl Into<Cow<'static, str>>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// The same problem, saying when to try again: rounded up to whole seconds, at least one.
    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    /// What kind of problem it is, for programs.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// What is wrong, for people.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The status it is answered with.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Whether the same request may be granted later: 429 and 503.
    pub fn is_temporary(&self) -> bool {
        matches!(
            self.status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
        )
    }

    /// When to try again, if that was said.
    pub(crate) fn delay(&self) -> Option<Duration> {
        self.retry_after
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Document<'a> {
            r#type: String,
            title: &'a str,
            status: u16,
            detail: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            field: Option<&'a str>,
        }
        let document = Document {
            r#type: format!("urn:tidings:problem:{}", self.kind),
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
            field: self.field.as_deref(),
        };
        let body =
            serde_json::to_vec(&document).expect("texts and a number always have a JSON form");
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(delay) = self.retry_after {
            let seconds = delay
                .as_millis()
                .div_ceil(1000)
                .clamp(1, u128::from(u32::MAX)) as u32;
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(self);
        response
    }
}
