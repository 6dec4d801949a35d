//! The client.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method};
use tokio::time;
use url::Url;

use crate::builder::{ClientBuilder, Settings};
use crate::credentials::{TokenReason, Tokens};
use crate::error::BuildError;
use crate::exchange::{self, Outgoing, SendError, is_http};
use crate::random::{Jitter, Keys};
use crate::subscribe::Subscribe;
use crate::transport::{Transport, TransportError};

/// A client of one server. A clone shares its connections and its token.
///
/// The address is that of a hub, or, for [`stream`](Self::stream), of any event stream.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    /// As it was given, without a fragment.
    pub(crate) address: Url,
    /// The same as a folder: with a slash at its end and without a query.
    pub(crate) base: Url,
    pub(crate) transport: Arc<dyn Transport>,
    /// Headers for the server's own origin.
    pub(crate) headers: HeaderMap,
    pub(crate) tokens: Option<Tokens>,
    pub(crate) keys: Keys,
    pub(crate) settings: Settings,
}

/// The whole of an answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Client {
    /// Starts building a client of the server at `url`: a hub, which may have a path of its own,
    /// or a single event stream. A user name and a password in it are sent as `Authorization: Basic`,
    /// to the server's own origin only and where no token is, and are shown nowhere.
    pub fn builder(url: impl Into<String>) -> ClientBuilder {
        ClientBuilder::new(url.into())
    }

    /// A subscription to the topics of a hub that match any of the selectors.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use futures_util::StreamExt;
    /// use tidings_client::{Client, Item, Start};
    ///
    /// let client = Client::builder("http://127.0.0.1:8434").build()?;
    /// let selectors = ["orders/*", "jobs/**"]; // one segment, any number of them
    /// let mut items = client.subscribe(selectors).from(Start::Last(20)).enveloped().open();
    /// while let Some(item) = items.next().await {
    ///     if let Item::Event(event) = item?
    ///         && let Some(envelope) = event.envelope
    ///     {
    ///         println!("{} {}: {}", envelope.time, envelope.topic, event.data);
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    pub fn subscribe<S: Into<String>>(&self, selectors: impl IntoIterator<Item = S>) -> Subscribe {
        let selectors = selectors.into_iter().map(Into::into).collect();
        Subscribe::to_topics(self.clone(), selectors)
    }

    /// A subscription to the event stream at the client's own address, of whatever server.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use futures_util::StreamExt;
    /// use tidings_client::Client;
    ///
    /// let client = Client::builder("https://example.org/prices?of=gold").build()?;
    /// let mut prices = client.stream().open();
    /// while let Some(item) = prices.next().await {
    ///     println!("{:?}", item?);
    /// }
    /// # Ok(()) }
    /// ```
    pub fn stream(&self) -> Subscribe {
        Subscribe::to_address(self.clone(), self.shared.address.clone())
    }

    /// A subscription to the event stream at another address: a URL, or a reference that is taken
    /// from the hub's address, for example `api/dashboard/stream`.
    ///
    /// # Errors
    ///
    /// Fails if that is no `http` or `https` address.
    pub fn stream_at(&self, reference: &str) -> Result<Subscribe, BuildError> {
        Ok(Subscribe::to_address(
            self.clone(),
            self.resolve(reference)?,
        ))
    }

    /// The server's address as a folder, ending with a slash and without credentials.
    pub fn url(&self) -> &str {
        self.shared.base.as_str()
    }

    /// The address that a reference stands for.
    pub(crate) fn resolve(&self, reference: &str) -> Result<Url, BuildError> {
        let url = self.shared.base.join(reference).ok();
        let mut url = url.filter(is_http).ok_or_else(|| BuildError::Url {
            url: reference.to_owned(),
        })?;
        url.set_fragment(None);
        Ok(url)
    }

    pub(crate) fn endpoint(&self, path: &str) -> Url {
        let mut url = self.shared.base.clone();
        url.set_path(&format!("{}{path}", self.shared.base.path()));
        url
    }

    /// A request for `url`, without a body and with the headers that are this client's.
    pub(crate) fn request(&self, method: Method, url: Url) -> Outgoing {
        let at_home = url.origin() == self.shared.base.origin();
        Outgoing {
            method,
            private: match at_home {
                true => self.shared.headers.clone(),
                false => HeaderMap::new(),
            },
            url,
            headers: HeaderMap::new(),
            token: None,
            position: None,
            body: Bytes::new(),
        }
    }

    /// Sends a request of its own, and gives the answer if it is no longer than so many bytes.
    ///
    /// A token that is refused is replaced once.
    pub(crate) async fn call(
        &self,
        request: &Outgoing,
        longest: usize,
    ) -> Result<Answer, SendError> {
        let call = self.call_patiently(request, longest);
        match time::timeout(self.settings().request_timeout, call).await {
            Ok(called) => called,
            Err(_) => Err(TransportError::timeout().into()),
        }
    }

    async fn call_patiently(
        &self,
        request: &Outgoing,
        longest: usize,
    ) -> Result<Answer, SendError> {
        let Some(tokens) = self.tokens_for(&request.url) else {
            return self.exchange(request, longest).await;
        };
        let mut request = request.clone();
        request.token = Some(tokens.for_request().await?);
        let answer = self.exchange(&request, longest).await?;
        let Some(reason) = TokenReason::of_status(answer.status) else {
            return Ok(answer);
        };
        request.token = Some(tokens.ask(reason).await?);
        self.exchange(&request, longest).await
    }

    async fn exchange(&self, request: &Outgoing, longest: usize) -> Result<Answer, SendError> {
        let landed = exchange::send(self.transport(), request).await?;
        let (head, body) = landed.answer.into_parts();
        Ok(Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            body: body.whole(longest).await?,
        })
    }

    pub(crate) fn transport(&self) -> &dyn Transport {
        &*self.shared.transport
    }

    /// The provider of tokens, for addresses that may see them.
    pub(crate) fn tokens_for(&self, url: &Url) -> Option<&Tokens> {
        let at_home = url.origin() == self.shared.base.origin();
        self.shared.tokens.as_ref().filter(|_| at_home)
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.shared.keys
    }

    /// Jitter of its own for one subscription or one publish.
    pub(crate) fn jitter(&self) -> Jitter {
        match &self.shared.settings.jitter {
            Some(given) => Jitter::Given(Arc::clone(&given.0)),
            None => self.shared.keys.jitter(),
        }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.shared.settings
    }
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
    fn a_reference_is_taken_from_the_hub() {
        let client = Client::builder("http://127.0.0.1:1/hub").build().unwrap();
        let resolve = |reference| client.resolve(reference).map(String::from).ok();
        let at = |path: &str| Some(format!("http://127.0.0.1:1/{path}"));
        assert_eq!(resolve("api/x/stream?a=1#b"), at("hub/api/x/stream?a=1"));
        assert_eq!(resolve("/x"), at("x"));
        assert_eq!(resolve("https://other/"), Some("https://other/".to_owned()));
        assert_eq!(resolve("ftp://other/"), None);
        assert_eq!(resolve("http://[::1"), None);
    }

    #[test]
    fn another_origin_is_asked_without_the_headers_of_this_one() {
        let builder = Client::builder("http://127.0.0.1:1/hub").bearer_token("secret");
        let client = builder.build().unwrap();
        let private = |reference| {
            let url = client.resolve(reference).unwrap();
            client.request(Method::GET, url).private
        };
        assert_eq!(private("api/x").len(), 1);
        assert_eq!(private("http://127.0.0.1:2/hub").len(), 0);
    }
}
