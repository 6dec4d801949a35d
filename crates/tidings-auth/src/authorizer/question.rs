use std::sync::Arc;

use serde::Serialize;
use tidings::{Timestamp, rfc3339};

use crate::{Credential, Grant};

/// Whom an application is asked about: credentials that were found good. Equal ones are one question.
///
/// ```
/// use tidings_auth::{Credential, Grant, Question};
///
/// let grant = Grant {
///     identity: Some("7".into()),
///     credential: Credential::Key { id: "k3v9x1m7".into() },
///     ..Grant::everything()
/// };
/// let question = Question::about(&grant).expect("it is somebody's");
/// assert_eq!(question.identity.as_deref(), Some("7"));
/// assert_eq!(question.key.as_deref(), Some("k3v9x1m7"));
///
/// assert_eq!(Question::about(&Grant::everything()), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    /// Where they count; `None` is the default namespace.
    pub namespace: Option<Arc<str>>,
    /// Whose they are.
    pub identity: Option<Arc<str>>,
    /// Who issued the token (`iss`).
    pub issuer: Option<Arc<str>>,
    /// The token's name (`jti`).
    pub token: Option<Arc<str>>,
    /// The API key's id.
    pub key: Option<Arc<str>>,
}

/// A question as it is written down, in the form that Standard Webhooks recommends.
#[derive(Serialize)]
struct Written<'a> {
    r#type: &'static str,
    timestamp: String,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    namespace: Option<&'a str>,
    identity: Option<&'a str>,
    issuer: Option<&'a str>,
    token: Option<&'a str>,
    key: Option<&'a str>,
}

impl Question {
    /// What is to be asked about whoever has this; nothing, if nobody has proved anything. With a ticket it is what it was
    /// asked for with.
    pub fn about(grant: &Grant) -> Option<Self> {
        let (issuer, token, key) = match grant.credential.original() {
            Credential::Token { issuer, jti } => (issuer.clone(), jti.clone(), None),
            Credential::Key { id } => (None, None, Some(Arc::clone(id))),
            Credential::Anonymous | Credential::Ticket { .. } => return None,
        };
        Some(Self {
            namespace: grant.namespace.clone(),
            identity: grant.identity.clone(),
            issuer,
            token,
            key,
        })
    }

    pub(super) fn json(&self, now: Timestamp) -> String {
        let written = Written {
            r#type: "access.check",
            timestamp: rfc3339(now),
            data: Data {
                namespace: self.namespace.as_deref(),
                identity: self.identity.as_deref(),
                issuer: self.issuer.as_deref(),
                token: self.token.as_deref(),
                key: self.key.as_deref(),
            },
        };
        serde_json::to_string(&written).expect("texts always have a JSON form")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tickets;

    const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);

    fn grant() -> Grant {
        Grant {
            identity: Some("\"7\"".into()),
            namespace: Some("shop".into()),
            credential: Credential::Token {
                issuer: Some("https://id.example".into()),
                jti: Some("t1".into()),
            },
            ..Grant::everything()
        }
    }

    #[test]
    fn it_says_who_comes_where_and_with_what() {
        let question = Question::about(&grant()).unwrap();
        assert_eq!(
            question.json(NOW),
            r#"{"type":"access.check","timestamp":"2026-01-01T00:00:00.000Z","data":{"namespace":"shop","identity":"\"7\"","issuer":"https://id.example","token":"t1","key":null}}"#
        );
    }

    #[test]
    fn a_ticket_asks_what_its_owner_would() {
        let tickets = Tickets::new();
        let ticket = tickets.issue(&grant(), NOW).unwrap();
        let taken = tickets.take(&ticket.text, NOW).unwrap();
        assert_eq!(Question::about(taken.grant()), Question::about(&grant()));
    }

    #[test]
    fn nothing_is_asked_of_who_shows_nothing() {
        assert_eq!(Question::about(&Grant::everything()), None);
    }
}
