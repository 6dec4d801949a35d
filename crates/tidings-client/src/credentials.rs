//! Tokens that are asked for when they are needed.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use tokio::sync::Semaphore;
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

    fn kept(self) -> Result<Kept, Box<dyn Error + Send + Sync>> {
        let mut header = HeaderValue::try_from(format!("Bearer {}", self.value))?;
        header.set_sensitive(true);
        let expires = self.lifetime.map(|lifetime| Instant::now() + lifetime);
        Ok(Kept { header, expires })
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
    /// Guards what is known alone; never held while the provider is asked.
    known: Mutex<Known>,
    /// Taken by whoever asks the provider, so that those who wait meanwhile share what it gives:
    /// many an issuer takes a second question at once for a theft.
    asking: Semaphore,
}

#[derive(Default)]
struct Known {
    kept: Option<Kept>,
    /// How often the provider has been asked.
    asked: u64,
    /// What it gave when it was last asked.
    given: Option<Result<HeaderValue, CredentialsError>>,
}

#[derive(Clone)]
struct Kept {
    header: HeaderValue,
    expires: Option<Instant>,
}

impl Known {
    /// What the provider gave to somebody else, if it has been asked more often than so.
    fn given_since(&self, asked: u64) -> Option<Result<HeaderValue, CredentialsError>> {
        self.given.clone().filter(|_| self.asked > asked)
    }
}

impl Tokens {
    pub(crate) fn new(provider: Box<dyn Fn(TokenReason) -> Asked + Send + Sync>) -> Self {
        Self {
            provider,
            known: Mutex::default(),
            asking: Semaphore::new(1),
        }
    }

    /// A token for a stream that is to be opened for this reason.
    pub(crate) async fn for_stream(
        &self,
        reason: TokenReason,
    ) -> Result<HeaderValue, CredentialsError> {
        let kept = match reason {
            TokenReason::First | TokenReason::Reconnect => self.known().kept.clone(),
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
        let reason = match &*self.known() {
            Known {
                kept: Some(kept), ..
            } if kept.expires.is_none_or(|end| end > Instant::now()) => {
                return Ok(kept.header.clone());
            }
            Known {
                given: Some(Err(_)),
                ..
            } => TokenReason::Failed,
            Known { kept: Some(_), .. } => TokenReason::Expired,
            Known { kept: None, .. } => TokenReason::First,
        };
        self.ask(reason).await
    }

    /// Another token, for this reason; or what somebody else was given who has asked meanwhile.
    pub(crate) async fn ask(&self, reason: TokenReason) -> Result<HeaderValue, CredentialsError> {
        let before = self.known().asked;
        // It is never closed.
        let _asking = self.asking.acquire().await;
        if let Some(given) = self.known().given_since(before) {
            return given;
        }
        let kept = (self.provider)(reason).await.and_then(Token::kept);
        let mut known = self.known();
        known.asked += 1;
        let given = kept.map(|kept| known.kept.insert(kept).header.clone());
        let given = given.map_err(|error| CredentialsError {
            source: Arc::from(error),
        });
        known.given.insert(given).clone()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens")
    }
}
