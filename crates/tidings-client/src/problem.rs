//! What a server says about a refusal.

use std::fmt;

use serde::Deserialize;

use crate::transport::Body;

/// A longer answer is not read as a problem.
const LONGEST_BODY: usize = 64 * 1024;

/// A refusal: the status, and the hub's `application/problem+json` (RFC 9457) where it sent one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// The stable type that tells problems of one status apart, for example `topic-ended`.
    pub kind: Option<String>,
    /// What went wrong, in words.
    pub detail: Option<String>,
}

impl Problem {
    /// Reads the answer's body, as far as it is short and a problem.
    pub(crate) async fn read(status: u16, body: Body) -> Self {
        match body.whole(LONGEST_BODY).await {
            Ok(body) => Self::parse(status, &body),
            Err(_) => Self::of(status),
        }
    }

    /// A refusal of which no more than the status is known.
    pub(crate) fn of(status: u16) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }

    /// What the body of an answer says, if it is a problem.
    pub(crate) fn parse(status: u16, body: &[u8]) -> Self {
        #[derive(Default, Deserialize)]
        struct Body {
            r#type: Option<String>,
            title: Option<String>,
            detail: Option<String>,
        }
        // A body that is no problem leaves the status to speak for itself.
        let body: Body = serde_json::from_slice(body).unwrap_or_default();
        Self {
            status,
            kind: body.r#type,
            detail: body.detail.or(body.title),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.detail {
            Some(detail) => write!(f, "{detail} (HTTP {})", self.status),
            None => write!(f, "HTTP {}", self.status),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expected: &str) {
        assert_eq!(Problem::parse(400, body.as_bytes()).to_string(), expected);
    }

    #[test]
    fn the_detail_is_told_with_the_status() {
        check(
            r#"{"type":"/problems/bad-topic","title":"bad topic","detail":"topic: empty segment"}"#,
            "topic: empty segment (HTTP 400)",
        );
    }

    #[test]
    fn the_title_stands_in_for_a_missing_detail() {
        check(r#"{"title":"bad topic"}"#, "bad topic (HTTP 400)");
    }

    #[test]
    fn a_body_that_is_no_problem_leaves_the_status() {
        check("<html>nope</html>", "HTTP 400");
        check("", "HTTP 400");
    }
}
