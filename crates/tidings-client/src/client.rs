//! The client and its settings.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;

use crate::error::{BuildError, PublishError, TransportError};
use crate::random::Keys;
use crate::subscribe::Subscribe;
use crate::transport;

/// The time to make a connection, so that an address that swallows packets is given up.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A client of one hub. A clone shares its connections.
#[derive(Clone, Debug)]
pub struct Client {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    base: Url,
    http: reqwest::Client,
    credentials: HeaderMap,
    keys: Keys,
    settings: Settings,
}

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) base_delay: Duration,
    pub(crate) max_delay: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) request_timeout: Duration,
    pub(crate) publish_attempts: u32,
    pub(crate) on_publish_retry: RetryHook,
}

/// What is called before a publish is tried again.
#[derive(Clone)]
pub(crate) struct RetryHook(pub(crate) Arc<OnRetry>);

type OnRetry = dyn Fn(&PublishError, Duration) + Send + Sync;

impl fmt::Debug for RetryHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RetryHook")
    }
}

impl Client {
    /// Starts building a client of the hub at `url`, which may have a path of its own.
    pub fn builder(url: impl Into<String>) -> ClientBuilder {
        ClientBuilder {
            url: url.into(),
            headers: Vec::new(),
            settings: Settings {
                base_delay: Duration::from_secs(1),
                max_delay: Duration::from_secs(60),
                idle_timeout: Duration::from_secs(45),
                request_timeout: Duration::from_secs(30),
                publish_attempts: 5,
                on_publish_retry: RetryHook(Arc::new(|_, _| {})),
            },
        }
    }

    /// A subscription to the topics that match any of the selectors.
    pub fn subscribe<S: Into<String>>(&self, selectors: impl IntoIterator<Item = S>) -> Subscribe {
        let selectors = selectors.into_iter().map(Into::into).collect();
        Subscribe::new(self.clone(), selectors)
    }

    /// The hub's address, ending with a slash.
    pub fn url(&self) -> &str {
        self.shared.base.as_str()
    }

    pub(crate) fn endpoint(&self, path: &str) -> Url {
        let mut url = self.shared.base.clone();
        url.set_path(&format!("{}{path}", self.shared.base.path()));
        url
    }

    pub(crate) fn http(&self) -> &reqwest::Client {
        &self.shared.http
    }

    pub(crate) fn credentials(&self) -> &HeaderMap {
        &self.shared.credentials
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.shared.keys
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.shared.settings
    }
}

/// The settings of a [`Client`].
#[derive(Debug)]
#[must_use]
pub struct ClientBuilder {
    url: String,
    headers: Vec<(String, String)>,
    settings: Settings,
}

impl ClientBuilder {
    /// Sends `Authorization: Bearer` with this token, to the hub's own origin only.
    pub fn bearer_token(self, token: impl AsRef<str>) -> Self {
        let value = format!("Bearer {}", token.as_ref());
        self.header(AUTHORIZATION.as_str(), value)
    }

    /// Sends this header with every request, to the hub's own origin only.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
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

    /// A stream on which no byte comes for so long is taken for dead. Default: 45 s, three times
    /// the hub's keep-alive.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.settings.idle_timeout = timeout;
        self
    }

    /// The time for one attempt to publish or to read retained events. Default: 30 s.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.settings.request_timeout = timeout;
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
        self.settings.on_publish_retry = RetryHook(Arc::new(hook));
        self
    }

    /// Builds the client. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// Fails if the address is no `http` or `https` URL, if a header cannot be sent, or if the
    /// HTTP stack cannot be set up.
    pub fn build(self) -> Result<Client, BuildError> {
        let mut base = match Url::parse(&self.url) {
            Ok(url) if transport::is_http(&url) => url,
            _ => return Err(BuildError::Url { url: self.url }),
        };
        base.set_query(None);
        base.set_fragment(None);
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        Ok(Client {
            shared: Arc::new(Shared {
                http: http(&base).map_err(|error| BuildError::Http(TransportError::new(error)))?,
                credentials: credentials(self.headers)?,
                keys: Keys::draw().map_err(|error| BuildError::Random(io::Error::from(error)))?,
                settings: self.settings,
                base,
            }),
        })
    }
}

fn credentials(headers: Vec<(String, String)>) -> Result<HeaderMap, BuildError> {
    let mut credentials = HeaderMap::new();
    for (name, value) in headers {
        let (Ok(parsed), Ok(mut value)) = (
            HeaderName::try_from(name.as_str()),
            HeaderValue::try_from(value),
        ) else {
            return Err(BuildError::Header { name });
        };
        value.set_sensitive(true);
        credentials.append(parsed, value);
    }
    Ok(credentials)
}

fn http(base: &Url) -> Result<reqwest::Client, reqwest::Error> {
    let builder = || {
        reqwest::Client::builder()
            .user_agent(concat!("tidings-client/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
    };
    // Reading the system's root certificates takes longer than a publish, and no proxy leads to
    // this machine.
    if base.scheme() == "http" && is_loopback(base) {
        return builder().no_proxy().tls_certs_only([]).build();
    }
    match builder().build() {
        // A container without root certificates can still speak plain HTTP.
        Err(_) if base.scheme() == "http" => builder().tls_certs_only([]).build(),
        built => built,
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_stay_below_the_base_path() {
        for base in ["http://127.0.0.1:1/hub", "http://127.0.0.1:1/hub/?x=1#y"] {
            let client = Client::builder(base).build().unwrap();
            let endpoint = client.endpoint("api/events");
            assert_eq!(endpoint.as_str(), "http://127.0.0.1:1/hub/api/events");
        }
    }

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
