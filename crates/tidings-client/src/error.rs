//! Why an operation failed. One type per operation.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use tidings_sse::DecodeError;

use crate::problem::Problem;

/// Why a [`ClientBuilder`](crate::ClientBuilder) builds no client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The base address is no `http` or `https` URL.
    #[error("{url:?} is not an http or https address")]
    Url {
        /// The address as given.
        url: String,
    },
    /// A header's name or value cannot be sent.
    #[error("header {name:?} cannot be sent")]
    Header {
        /// The name as given.
        name: String,
    },
    /// The HTTP stack could not be set up, most likely for want of TLS root certificates.
    #[error("cannot set up the HTTP client")]
    Http(#[source] TransportError),
    /// The system gave no random bytes.
    #[error("cannot draw random bytes")]
    Random(#[source] io::Error),
}

/// Why a subscription ended for good. What heals by itself is never an error, see
/// [`Connection`](crate::Connection).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubscribeError {
    /// The server refused the request with a status that will not change by asking again.
    #[error("the server refused the subscription: {0}")]
    Refused(Problem),
    /// The answer was no event stream; most likely the address is wrong.
    #[error("the server answered with {found:?} instead of an event stream")]
    NotAStream {
        /// The `Content-Type`, empty if there was none.
        found: String,
    },
    /// A redirect could not be followed.
    #[error(transparent)]
    Redirect(#[from] RedirectError),
    /// An event was asked for in an envelope and came without.
    #[error("event {id:?} came without the envelope that was asked for")]
    NoEnvelope {
        /// The id of the event.
        id: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The stream went over a limit of the decoder twice at the same place.
    #[error("the stream cannot be read on after event {last_event_id:?}")]
    Undecodable {
        /// The id after which the stream cannot be read.
        last_event_id: String,
        /// The limit that was passed.
        source: DecodeError,
    },
}

/// Why events were not published, or are not known to be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The hub refused; nothing was published, and asking again changes nothing.
    #[error("the hub refused: {0}")]
    Refused(Problem),
    /// The hub cannot take events now. The outcome may be unknown; publishing again with the
    /// same idempotency key is safe.
    #[error("the hub cannot take events now: {problem}")]
    Unavailable {
        /// What the hub said.
        problem: Problem,
        /// How long it asked to be left alone.
        retry_after: Option<Duration>,
    },
    /// No answer came. Unless [`TransportError::is_connect`], the outcome is unknown; publishing
    /// again with the same idempotency key is safe.
    #[error("no answer from the hub")]
    NoAnswer(#[source] TransportError),
    /// The idempotency key cannot be sent in a header; nothing was published.
    #[error("the idempotency key is not visible text")]
    Key,
    /// The answer said that it worked, but is no receipt; most likely the address is wrong.
    #[error("the hub's answer cannot be understood")]
    Answer(#[source] serde_json::Error),
    /// A redirect could not be followed; nothing was published.
    #[error(transparent)]
    Redirect(#[from] RedirectError),
}

impl PublishError {
    /// Whether publishing the same again, with the same idempotency key, can work later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::NoAnswer(_))
    }
}

/// Why retained events could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The hub refused, or cannot answer now.
    #[error("the hub refused: {0}")]
    Refused(Problem),
    /// No answer came.
    #[error("no answer from the hub")]
    NoAnswer(#[source] TransportError),
    /// The answer is not of the form expected; most likely the address is wrong.
    #[error("the hub's answer cannot be understood")]
    Answer(#[source] serde_json::Error),
    /// A redirect could not be followed.
    #[error(transparent)]
    Redirect(#[from] RedirectError),
}

/// Why a redirect was not followed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RedirectError {
    /// The answer names no address to go to, or one that is not `http` or `https`.
    #[error("redirected to no usable address: {location:?}")]
    Location {
        /// The `Location` header, empty if there was none.
        location: String,
    },
    /// More redirects in a row than anyone means to send.
    #[error("redirected more than {limit} times")]
    TooMany {
        /// The number that is followed.
        limit: usize,
    },
    /// The redirect would turn a request with a body into one without.
    #[error("a request with a body was redirected with HTTP {status}")]
    Method {
        /// The status of the redirect.
        status: u16,
    },
}

/// A failure below HTTP: no connection, a connection that broke, or an answer that did not come.
#[derive(Clone)]
pub struct TransportError {
    error: Arc<reqwest::Error>,
}

impl TransportError {
    pub(crate) fn new(error: reqwest::Error) -> Self {
        // The address carries topics and belongs to whoever made the request.
        Self {
            error: Arc::new(error.without_url()),
        }
    }

    /// Whether no connection was made, so that nothing was sent.
    pub fn is_connect(&self) -> bool {
        self.error.is_connect()
    }

    /// Whether the server was silent for too long.
    pub fn is_timeout(&self) -> bool {
        self.error.is_timeout()
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_connect() {
            "cannot connect"
        } else if self.is_timeout() {
            "timed out"
        } else if self.error.is_builder() {
            "bad settings"
        } else {
            "the connection broke"
        })
    }
}

impl fmt::Debug for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.error, f)
    }
}

impl Error for TransportError {
    /// The innermost cause: the layers between only forward. A wait that ended has none.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        if self.is_timeout() && !self.is_connect() {
            return None;
        }
        std::iter::successors(self.error.source(), |&cause| cause.source()).last()
    }
}
