//! Tokens that are asked for when they are needed.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use tokio::time::Instant;

/// Whatever an issuer says of a token, the end of its time is one that a clock can tell.
const LONGEST_LIFETIME: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A bearer token, as a provider gives it.
#[derive(Clone)]
pub struct Token {
    value: String,
    lifetime: Option<Duration>,
}

impl Token {
    /// A token of which nobody knows how long it lasts: a subscription asks for another one each
    /// time it connects.
    pub fn new(value: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            lifetime: None,
        }
    }

    /// A token that lasts so long from now, a year at most. Until then it is used for whatever is
    /// sent, and no other one is asked for unless it is refused.
    #[must_use]
    pub fn expires_in(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime.min(LONGEST_LIFETIME));
        self
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}

/// Why a token is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenReason {
    /// There has been none.
    First,
    /// A subscription connects again, and nobody knows whether the last token still holds.
    Reconnect,
    /// The last token's time is over.
    Expired,
    /// The last token was refused with 401.
    Unauthorized,
    /// The last token was refused with 403.
    Forbidden,
    /// The hub ended a stream on purpose, perhaps because of its token.
    Goodbye {
        /// The reason given.
        reason: String,
    },
    /// The provider failed when it was last asked.
    Failed,
}

impl TokenReason {
    /// The reason that a refusal with this status is, if it is about the token.
    pub(crate) fn of_status(status: u16) -> Option<Self> {
        match status {
            401 => Some(Self::Unauthorized),
            403 => Some(Self::Forbidden),
            _ => None,
        }
    }
}

/// The provider of tokens gave none, or one that cannot be sent.
#[derive(Clone, Debug, thiserror::Error)]
#[error("no token")]
pub struct CredentialsError {
    source: Arc<dyn Error + Send + Sync>,
}

pub(crate) type Asked =
    Pin<Box<dyn Future<Output = Result<Token, Box<dyn Error + Send + Sync>>> + Send>>;

/// The provider of a client, and the token that it gave last.
pub(crate) struct Tokens {
    provider: Box<dyn Fn(TokenReason) -> Asked + Send + Sync>,
    /// Guards the kept token alone; never held while the provider is asked.
    kept: Mutex<Option<Kept>>,
    /// Whether the provider failed when it was last asked.
    failed: AtomicBool,
}

#[derive(Clone)]
struct Kept {
    header: HeaderValue,
    expires: Option<Instant>,
}

impl Tokens {
    pub(crate) fn new(provider: Box<dyn Fn(TokenReason) -> Asked + Send + Sync>) -> Self {
        Self {
            provider,
            kept: Mutex::new(None),
            failed: AtomicBool::new(false),
        }
    }

    /// A token for a stream that is to be opened for this reason.
    pub(crate) async fn for_stream(
        &self,
        reason: TokenReason,
    ) -> Result<HeaderValue, CredentialsError> {
        let kept = match reason {
            TokenReason::First | TokenReason::Reconnect => self.kept(),
            _ => None,
        };
        match kept {
            Some(Kept {
                header,
                expires: Some(end),
            }) if end > Instant::now() => Ok(header),
            Some(Kept {
                expires: Some(_), ..
            }) => self.ask(TokenReason::Expired).await,
            _ => self.ask(reason).await,
        }
    }

    /// A token for a request of its own: the last one, unless its time is over.
    pub(crate) async fn for_request(&self) -> Result<HeaderValue, CredentialsError> {
        let reason = match self.kept() {
            Some(kept) if kept.expires.is_none_or(|end| end > Instant::now()) => {
                return Ok(kept.header);
            }
            _ if self.failed.load(Ordering::Relaxed) => TokenReason::Failed,
            Some(_) => TokenReason::Expired,
            None => TokenReason::First,
        };
        self.ask(reason).await
    }

    /// Another token, for this reason.
    pub(crate) async fn ask(&self, reason: TokenReason) -> Result<HeaderValue, CredentialsError> {
        let token = (self.provider)(reason).await;
        self.failed.store(token.is_err(), Ordering::Relaxed);
        let token = token.map_err(|error| CredentialsError {
            source: Arc::from(error),
        })?;
        let header = HeaderValue::try_from(format!("Bearer {}", token.value));
        let mut header = header.map_err(|error| CredentialsError {
            source: Arc::new(error),
        })?;
        header.set_sensitive(true);
        let kept = Kept {
            header: header.clone(),
            expires: token.lifetime.map(|lifetime| Instant::now() + lifetime),
        };
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
        Ok(header)
    }

    fn kept(&self) -> Option<Kept> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.clone()
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens")
    }
}
