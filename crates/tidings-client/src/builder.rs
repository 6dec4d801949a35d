//! The settings of a client.

use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;
use tidings_sse::Limits;
use url::Url;

use crate::client::{Client, Shared};
use crate::credentials::{Token, TokenReason, Tokens};
use crate::error::{BuildError, PublishError};
use crate::exchange::is_http;
use crate::random::{Fractions, Keys};
use crate::transport::{ReqwestTransport, Transport};

/// The settings of a [`Client`].
///
/// ```
/// use std::time::Duration;
/// use tidings_client::{Client, Limits};
///
/// # fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let mut limits = Limits::default();
/// limits.event = 64 * 1024;
/// let client = Client::builder("https://hub.example/team-a")
///     .bearer_token("k3v9x1m7.secret")
///     .header("X-Request-From", "billing")
///     .max_delay(Duration::from_secs(10))
///     .idle_timeout(Duration::from_secs(30))
///     .limits(limits)
///     .build()?;
/// # let _ = client;
/// # Ok(()) }
/// # example().unwrap();
/// ```
///
/// `https` is TLS by rustls and goes by the system's root certificates; on Linux the variables
/// `SSL_CERT_FILE` and `SSL_CERT_DIR` name others. Proxies are those of `HTTPS_PROXY`, `HTTP_PROXY`
/// and `NO_PROXY`; none leads to a loopback address that is asked without TLS. Whatever else there
/// is to set of connections is set in a [`Transport`] of one's own.
#[derive(Debug)]
#[must_use]
pub struct ClientBuilder {
    url: String,
    headers: Vec<(String, String)>,
    tokens: Option<Tokens>,
    transport: Option<Arc<dyn Transport>>,
    connect_timeout: Duration,
    settings: Settings,
}

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) base_delay: Duration,
    pub(crate) max_delay: Duration,
    pub(crate) attempts: Option<u32>,
    pub(crate) idle_timeout: Duration,
    pub(crate) request_timeout: Duration,
    pub(crate) limits: Limits,
    pub(crate) jitter: Option<Hook<Fractions>>,
    pub(crate) publish_attempts: u32,
    pub(crate) on_publish_retry: Hook<Arc<OnRetry>>,
}

type OnRetry = dyn Fn(&PublishError, Duration) + Send + Sync;

/// A function that was given.
#[derive(Clone)]
pub(crate) struct Hook<F>(pub(crate) F);

impl<F> fmt::Debug for Hook<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hook")
    }
}

impl ClientBuilder {
    pub(crate) fn new(url: String) -> Self {
        Self {
            url,
            headers: Vec::new(),
            tokens: None,
            transport: None,
            connect_timeout: Duration::from_secs(10),
            settings: Settings {
                base_delay: Duration::from_secs(1),
                max_delay: Duration::from_secs(60),
                attempts: None,
                idle_timeout: Duration::from_secs(45),
                request_timeout: Duration::from_secs(30),
                limits: Limits::default(),
                jitter: None,
                publish_attempts: 5,
                on_publish_retry: Hook(Arc::new(|_, _| {})),
            },
        }
    }

    /// Sends `Authorization: Bearer` with this token, to the server's own origin only.
    pub fn bearer_token(self, token: impl AsRef<str>) -> Self {
        let value = format!("Bearer {}", token.as_ref());
        self.header(AUTHORIZATION.as_str(), value)
    }

    /// Asks `provider` for the token that is sent as `Authorization: Bearer`, to the server's own
    /// origin only, and tells it why. It is asked whenever a subscription connects and whenever a
    /// token was refused, unless the last token is known to hold; see [`Token::expires_in`]. It is
    /// asked once at a time: whoever needs a token meanwhile shares what it gives.
    ///
    /// A refusal with 401 or 403 is met with one other token, at once, and with an error if that
    /// is refused too. A provider that fails is asked again after a wait that grows.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tidings_client::{Client, Token, TokenReason};
    ///
    /// # async fn log_in(_: bool) -> std::io::Result<String> { Ok("t".into()) }
    /// let client = Client::builder("https://hub.example").token_provider(|reason| async move {
    ///     let anew = reason == TokenReason::Unauthorized;
    ///     let token = log_in(anew).await?;
    ///     Ok::<_, std::io::Error>(Token::new(token).expires_in(Duration::from_secs(600)))
    /// });
    /// # let _ = client;
    /// ```
    pub fn token_provider<P, F, E>(mut self, provider: P) -> Self
    where
        P: Fn(TokenReason) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Token, E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        self.tokens = Some(Tokens::new(Box::new(move |reason| {
            let asked = provider(reason);
            Box::pin(async { asked.await.map_err(Into::into) })
        })));
        self
    }

    /// Sends this header with every request, to the server's own origin only.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Uses this HTTP stack instead of the one that a client brings.
    pub fn transport(mut self, transport: impl Transport + 'static) -> Self {
        self.transport = Some(Arc::new(transport));
        self
    }

    /// The shortest wait before a reconnect. Default: 1 s. The server's `retry:` and
    /// `Retry-After` can make it longer, never shorter.
    pub fn base_delay(mut self, delay: Duration) -> Self {
        self.settings.base_delay = delay;
        self
    }

    /// The longest wait before a reconnect, unless the server asks for a longer one.
    /// Default: 60 s.
    pub fn max_delay(mut self, delay: Duration) -> Self {
        self.settings.max_delay = delay;
        self
    }

    /// How many attempts in a row to open a stream, or to keep it open, may fail; the last one
    /// ends the subscription with an error. At least one. An event, or ten seconds with an open
    /// stream, give all of them back. Default: any number.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.settings.attempts = Some(attempts.max(1));
        self
    }

    /// Takes the random part of each wait from here, as a number from 0 to 1, so that a test
    /// knows what the waits are. Default: random numbers.
    pub fn jitter(mut self, fraction: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        self.settings.jitter = Some(Hook(Arc::new(fraction)));
        self
    }

    /// The time to make a connection, by the stack that a client brings. Default: 10 s, so that
    /// an address that swallows packets is given up.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// A stream on which no byte comes for so long is taken for dead, and so is a server that
    /// does not answer. A machine's sleep counts. Default: 45 s, three times the hub's keep-alive.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.settings.idle_timeout = timeout;
        self
    }

    /// The time for one attempt to publish or to read retained events. Default: 30 s.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.settings.request_timeout = timeout;
        self
    }

    /// The longest line, event, id and event name that are read, and the bounds of the server's
    /// `retry:`. A stream that goes over one is closed and resumed after the last good event; at
    /// the second time in one place it ends with an error.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.settings.limits = limits;
        self
    }

    /// How often a publish is tried in all before its error is returned; at least once.
    /// Default: 5.
    pub fn publish_attempts(mut self, attempts: u32) -> Self {
        self.settings.publish_attempts = attempts.max(1);
        self
    }

    /// Calls this whenever an attempt to publish has failed and another one follows: with why it
    /// failed, and the wait before the next. It runs within the publish, so it must not block.
    pub fn on_publish_retry(
        mut self,
        hook: impl Fn(&PublishError, Duration) + Send + Sync + 'static,
    ) -> Self {
        self.settings.on_publish_retry = Hook(Arc::new(hook));
        self
    }

    /// Builds the client. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// Fails if the address is no `http` or `https` URL, if a header cannot be sent, or if the
    /// HTTP stack cannot be set up.
    pub fn build(self) -> Result<Client, BuildError> {
        let mut address = match Url::parse(&self.url) {
            Ok(url) if is_http(&url) => url,
            _ => return Err(BuildError::Url { url: self.url }),
        };
        address.set_fragment(None);
        let mut headers = headers(self.headers)?;
        if let Some(basic) = basic(&address)
            && self.tokens.is_none()
        {
            headers.entry(AUTHORIZATION).or_insert(basic);
        }
        // An http address can always be without them.
        let _ = address.set_username("");
        let _ = address.set_password(None);
        let mut base = address.clone();
        base.set_query(None);
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let transport: Arc<dyn Transport> = match self.transport {
            Some(transport) => transport,
            None => {
                let transport = ReqwestTransport::new(&base, self.connect_timeout);
                Arc::new(transport.map_err(BuildError::Http)?)
            }
        };
        Ok(Client {
            shared: Arc::new(Shared {
                transport,
                headers,
                tokens: self.tokens,
                keys: Keys::draw().map_err(|error| BuildError::Random(io::Error::from(error)))?,
                settings: self.settings,
                address,
                base,
            }),
        })
    }
}

/// What the user name and the password in an address are sent as.
fn basic(address: &Url) -> Option<HeaderValue> {
    let (name, password) = (address.username(), address.password());
    if name.is_empty() && password.is_none() {
        return None;
    }
    let mut pair: Vec<u8> = percent_decode_str(name).collect();
    pair.push(b':');
    pair.extend(percent_decode_str(password.unwrap_or_default()));
    let value = HeaderValue::try_from(format!("Basic {}", BASE64.encode(pair)));
    let mut value = value.expect("letters and digits make a header");
    value.set_sensitive(true);
    Some(value)
}

fn headers(given: Vec<(String, String)>) -> Result<HeaderMap, BuildError> {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let (Ok(parsed), Ok(mut value)) = (
            HeaderName::try_from(name.as_str()),
            HeaderValue::try_from(value),
        ) else {
            return Err(BuildError::Header { name });
        };
        value.set_sensitive(true);
        headers.append(parsed, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_schemes_are_refused() {
        for url in ["", "hub", "ftp://hub/", "localhost:8434", "unix:/run/hub"] {
            let error = Client::builder(url).build().unwrap_err();
            assert!(matches!(error, BuildError::Url { .. }), "{url:?}");
        }
    }

    #[test]
    fn a_header_that_cannot_be_sent_is_refused() {
        let builder = Client::builder("http://127.0.0.1:1").bearer_token("a\nb");
        assert!(matches!(
            builder.build().unwrap_err(),
            BuildError::Header { name } if name == "authorization"
        ));
    }
}
