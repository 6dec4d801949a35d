//! What can be wrong, for programs.

use std::borrow::Cow;
use std::fmt::Display;

use http::StatusCode;
use tidings_http::Problem;

/// Declares the kinds: by what name, with which status, and by which word programs know them.
macro_rules! kinds {
    ($($kind:ident $status:ident $word:literal)*) => {
        /// What can be wrong. `docs/api.md` says what each word means, and promises that it stays.
        #[derive(Clone, Copy, Debug)]
        pub(crate) enum Kind {
            $($kind),*
        }

        impl Kind {
            /// A problem of this kind, with a sentence for whoever has to mend it.
            pub(crate) fn because(self, detail: impl Into<String>) -> Problem {
                match self {
                    $(Self::$kind => Problem::new(StatusCode::$status, $word, detail)),*
                }
            }
        }

        #[cfg(test)]
        const KINDS: &[(&str, StatusCode)] = &[$(($word, StatusCode::$status)),*];
    };
}

kinds! {
    BadParameter BAD_REQUEST "bad-parameter"
    BadRequest BAD_REQUEST "bad-request"
    NotRunning BAD_REQUEST "not-running"
    Unauthorized UNAUTHORIZED "unauthorized"
    Forbidden FORBIDDEN "forbidden"
    ForeignOrigin FORBIDDEN "foreign-origin"
    ReservedTopic FORBIDDEN "reserved-topic"
    NotFound NOT_FOUND "not-found"
    MethodNotAllowed METHOD_NOT_ALLOWED "method-not-allowed"
    Timeout REQUEST_TIMEOUT "timeout"
    Exists CONFLICT "exists"
    KeyReused CONFLICT "key-reused"
    NotChangeable CONFLICT "not-changeable"
    TopicEnded CONFLICT "topic-ended"
    TooLarge PAYLOAD_TOO_LARGE "too-large"
    UnsupportedCoding UNSUPPORTED_MEDIA_TYPE "unsupported-coding"
    UnsupportedTransfer NOT_IMPLEMENTED "unsupported-coding"
    UnsupportedMediaType UNSUPPORTED_MEDIA_TYPE "unsupported-media-type"
    UnlistedHost MISDIRECTED_REQUEST "unlisted-host"
    PublishRate TOO_MANY_REQUESTS "publish-rate"
    TooManyBadges TOO_MANY_REQUESTS "too-many-badges"
    TooManyChanges TOO_MANY_REQUESTS "too-many-changes"
    TooManyNamespaces TOO_MANY_REQUESTS "too-many-namespaces"
    TooManyRevocations TOO_MANY_REQUESTS "too-many-revocations"
    TooManyTickets TOO_MANY_REQUESTS "too-many-tickets"
    TooManyTopics TOO_MANY_REQUESTS "too-many-topics"
    Internal INTERNAL_SERVER_ERROR "internal"
    AuthorizerUnavailable SERVICE_UNAVAILABLE "authorizer-unavailable"
    Busy SERVICE_UNAVAILABLE "busy"
    Draining SERVICE_UNAVAILABLE "draining"
    KeysUnavailable SERVICE_UNAVAILABLE "keys-unavailable"
    StoreFailed SERVICE_UNAVAILABLE "store-failed"
}

impl Kind {
    /// A problem of this kind for which a parameter, header or field is to blame.
    pub(crate) fn at(self, field: impl Into<Cow<'static, str>>, detail: impl Display) -> Problem {
        let field = field.into();
        self.because(format!("{field}: {detail}")).field(field)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// What is answered below, by the server loop, for streams and for live resources, and not here.
    const OF_TIDINGS_HTTP: [(&str, StatusCode); 4] = [
        ("not-acceptable", StatusCode::NOT_ACCEPTABLE),
        ("timeout", StatusCode::SERVICE_UNAVAILABLE),
        ("too-many-connections", StatusCode::TOO_MANY_REQUESTS),
        ("too-many-views", StatusCode::TOO_MANY_REQUESTS),
    ];

    #[test]
    fn the_contract_lists_every_kind_and_no_other() {
        let contract = include_str!("../../../../docs/api.md");
        let section = contract.split("### Problems").nth(1).unwrap();
        let table = section.split("\n## ").next().unwrap();
        let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
        let listed: BTreeSet<_> = rows
            .flat_map(|row| {
                let (word, row) = row.split_once("` | ").unwrap();
                let statuses = row.split(" | ").next().unwrap().split(", ");
                statuses.map(move |status| (word, status.parse().unwrap()))
            })
            .collect();
        let known: BTreeSet<_> = KINDS
            .iter()
            .chain(&OF_TIDINGS_HTTP)
            .map(|(word, status)| (*word, status.as_u16()))
            .collect();
        assert_eq!(listed, known);
    }
}
