//! Why an operation failed. One type per operation.

use std::io;
use std::time::Duration;

use tidings_sse::DecodeError;

use crate::connection::Loss;
use crate::credentials::CredentialsError;
use crate::event::Gap;
use crate::exchange::SendError;
use crate::problem::Problem;
use crate::transport::TransportError;

/// Why a [`ClientBuilder`](crate::ClientBuilder) builds no client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The address is no `http` or `https` URL.
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
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use futures_util::StreamExt;
/// use tidings_client::{Client, SubscribeError};
///
/// let client = Client::builder("http://127.0.0.1:8434").build()?;
/// let mut orders = client.subscribe(["orders/*"]).open();
/// while let Some(item) = orders.next().await {
///     match item {
///         Ok(item) => println!("{item:?}"),
///         Err(SubscribeError::Refused(problem)) if problem.status == 403 => {
///             println!("not for us: {problem}");
///         }
///         Err(error) => return Err(error.into()),
///     }
/// }
/// # Ok(()) }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubscribeError {
    /// The server refused the request with a status that will not change by asking again.
    #[error("the server refused the subscription: {0}")]
    Refused(Problem),
    /// The answer was no event stream; most likely the address is wrong.
    #[error("the server answered with {found:?} instead of an event stream")]
    NotAStream {
        /// The `Content-Type`, empty if there was none, with the `Content-Encoding` that cannot be
        /// read.
        found: String,
    },
    /// A redirect could not be followed.
    #[error(transparent)]
    Redirect(#[from] RedirectError),
    /// The request cannot be sent as it is.
    #[error("the request cannot be sent")]
    Request(#[source] TransportError),
    /// An event was asked for in an envelope and came without.
    #[error("event {id:?} came without the envelope that was asked for")]
    NoEnvelope {
        /// The id of the event.
        id: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// As many attempts in a row have failed as may, see
    /// [`ClientBuilder::attempts`](crate::ClientBuilder::attempts).
    #[error("gave up after {attempts} attempts: {loss}")]
    Exhausted {
        /// How many.
        attempts: u32,
        /// Why the last one did.
        loss: Loss,
    },
    /// Events are missing, and the subscription was to stop there, see
    /// [`Subscribe::stop_at_gap`](crate::Subscribe::stop_at_gap).
    #[error("events are missing: {}", .0.reason)]
    Gap(Gap),
    /// The snapshot that was to be read after a gap was refused.
    #[error("the server refused the snapshot: {0}")]
    Snapshot(Problem),
    /// The id to begin after cannot be sent: it has a control character.
    #[error("there is no beginning after id {id:?}: it cannot be sent")]
    Start {
        /// The id as given.
        id: String,
    },
    /// It cannot be told where to begin.
    #[error("cannot load the cursor")]
    Cursor(#[source] io::Error),
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
    /// The provider of tokens gave none; nothing was published.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
}

impl PublishError {
    /// Whether publishing the same again, with the same idempotency key, can work later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::NoAnswer(error) => !error.is_settings(),
            Self::Unavailable { .. } | Self::Credentials(_) => true,
            Self::Refused(_) | Self::Key | Self::Answer(_) | Self::Redirect(_) => false,
        }
    }
}

impl From<SendError> for PublishError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Transport(error) => Self::NoAnswer(error),
            SendError::Redirect(error) => Self::Redirect(error),
            SendError::Credentials(error) => Self::Credentials(error),
        }
    }
}

/// Why a [`Publisher`](crate::Publisher) does not take an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnqueueError {
    /// The event alone needs more memory than the publisher may use.
    #[error("an event of {bytes} bytes is larger than the {limit} bytes of the publisher")]
    TooLarge {
        /// The event's size as it is sent.
        bytes: usize,
        /// What all events that wait may take.
        limit: usize,
    },
    /// There is no room now.
    #[error("the publisher has no room for another event")]
    Full,
    /// The publisher has ended with its runtime.
    #[error("the publisher has ended")]
    Gone,
}

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// What was asked for is no `http` or `https` address.
    #[error("{url:?} is not an http or https address")]
    Url {
        /// The reference as given.
        url: String,
    },
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
    /// The provider of tokens gave none.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
}

impl From<SendError> for ReadError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Transport(error) => Self::NoAnswer(error),
            SendError::Redirect(error) => Self::Redirect(error),
            SendError::Credentials(error) => Self::Credentials(error),
        }
    }
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
    /// The redirect would take a request that is encrypted to where nothing is.
    #[error("redirected from https to http: {location:?}")]
    Downgrade {
        /// The `Location` header.
        location: String,
    },
    /// The redirect would turn a request that is no GET into one.
    #[error("a request that is no GET was redirected with HTTP {status}")]
    Method {
        /// The status of the redirect.
        status: u16,
    },
}
