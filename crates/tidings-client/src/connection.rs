//! What a subscription's connection is doing.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use tidings_sse::DecodeError;

use crate::credentials::CredentialsError;
use crate::problem::Problem;
use crate::transport::TransportError;

/// The state of a subscription's connection, as [`Subscription::connection`] shows it.
///
/// [`Subscription::connection`]: crate::Subscription::connection
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Connection {
    /// A request is on its way.
    Connecting,
    /// The stream is open.
    Open,
    /// The connection was lost or not made; the next attempt comes after `delay`.
    Waiting {
        /// Why there is no connection.
        reason: Loss,
        /// The wait from the loss to the next attempt.
        delay: Duration,
    },
    /// The stream has ended for good, by itself or with an error.
    Ended,
}

/// Why a connection was lost or not made, though trying again can heal it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Loss {
    /// The server ended the stream.
    Closed,
    /// The hub ended the stream and said why.
    Goodbye {
        /// The reason given.
        reason: String,
    },
    /// No byte came for the idle timeout.
    Idle,
    /// The connection was not made, or broke.
    Transport(TransportError),
    /// The server answered that it cannot serve now.
    Unavailable(Problem),
    /// The stream went over a limit of the decoder.
    Undecodable(DecodeError),
    /// The provider of tokens gave none.
    Credentials(CredentialsError),
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the server ended the stream"),
            Self::Goodbye { reason } => write!(f, "the hub ended the stream: {reason}"),
            Self::Idle => f.write_str("the server went silent"),
            Self::Transport(error) => with_cause(error, f),
            Self::Credentials(error) => with_cause(error, f),
            Self::Unavailable(problem) => write!(f, "{problem}"),
            Self::Undecodable(error) => write!(f, "{error}"),
        }
    }
}

fn with_cause(error: &dyn Error, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match error.source() {
        Some(cause) => write!(f, "{error}: {cause}"),
        None => write!(f, "{error}"),
    }
}
