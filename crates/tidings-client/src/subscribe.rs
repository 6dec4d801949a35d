//! What to subscribe to, and from where.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use url::Url;

use crate::client::Client;
use crate::cursor::CursorStore;
use crate::error::BuildError;
use crate::subscription::Subscription;

/// A subscription to be opened. Made by [`Client::subscribe`] for topics of a hub, and by
/// [`Client::stream`] or [`Client::stream_at`] for any event stream.
#[derive(Clone, Debug)]
#[must_use = "nothing is asked for until the subscription is opened and polled"]
pub struct Subscribe {
    pub(crate) client: Client,
    pub(crate) source: Source,
    pub(crate) method: Method,
    pub(crate) body: Bytes,
    pub(crate) start: Start,
    pub(crate) form: Form,
    pub(crate) on_gap: OnGap,
    pub(crate) cursor: Option<Arc<dyn CursorStore>>,
}

/// What a subscription is to.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    Topics {
        selectors: Vec<String>,
        events: Vec<String>,
    },
    Address(Url),
}

/// What is made of the events that come.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Form {
    pub(crate) enveloped: bool,
    pub(crate) comments: bool,
}

/// What follows when events are missing.
#[derive(Clone, Debug)]
pub(crate) enum OnGap {
    Continue,
    Stop,
    Refetch(Url),
}

impl Subscribe {
    pub(crate) fn to_topics(client: Client, selectors: Vec<String>) -> Self {
        let events = Vec::new();
        Self::new(client, Source::Topics { selectors, events })
    }

    pub(crate) fn to_address(client: Client, url: Url) -> Self {
        Self::new(client, Source::Address(url))
    }

    fn new(client: Client, source: Source) -> Self {
        Self {
            client,
            source,
            method: Method::GET,
            body: Bytes::new(),
            start: Start::Now,
            form: Form::default(),
            on_gap: OnGap::Continue,
            cursor: None,
        }
    }

    /// Where to start; [`Start::Now`] unless told otherwise. Reconnects go on from where the
    /// subscription has got to. Of streams other than a hub's topics, only [`Start::After`] is
    /// told to the server.
    ///
    /// ```no_run
    /// # fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use tidings_client::{Client, Start};
    ///
    /// let client = Client::builder("http://127.0.0.1:8434").build()?;
    /// let seen = "3a7mkjzreq-42".to_owned();
    /// let later = client.subscribe(["orders/*"]).from(Start::After(seen)).open();
    /// # let _ = later;
    /// # Ok(()) }
    /// ```
    pub fn from(mut self, start: Start) -> Self {
        self.start = start;
        self
    }

    /// Asks for events of this type only. Can be called for several types. For topics of a hub;
    /// other streams give all they have.
    pub fn event(mut self, event: impl Into<String>) -> Self {
        if let Source::Topics { events, .. } = &mut self.source {
            events.push(event.into());
        }
        self
    }

    /// Asks for envelopes: every event comes with its topic, its time and whether it is final.
    /// The subscription then ends by itself as soon as the last of its topics has. For topics of
    /// a hub.
    pub fn enveloped(mut self) -> Self {
        self.form.enveloped = matches!(self.source, Source::Topics { .. });
        self
    }

    /// Sends another method than GET, each time it connects. For streams other than a hub's
    /// topics.
    ///
    /// ```no_run
    /// # fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use tidings_client::{Client, Method};
    ///
    /// let client = Client::builder("https://example.org/answers")
    ///     .header("Content-Type", "application/json")
    ///     .build()?;
    /// let question = r#"{"question":"why?","stream":true}"#;
    /// let answer = client.stream().method(Method::POST).body(question).open();
    /// # let _ = answer;
    /// # Ok(()) }
    /// ```
    pub fn method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// Sends this body, each time it connects: as `text/plain` unless the client has a
    /// `Content-Type` among its headers. For streams other than a hub's topics.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Gives comments too, in their place among the events.
    pub fn comments(mut self) -> Self {
        self.form.comments = true;
        self
    }

    /// Begins where the store says that an earlier run was, whatever [`from`](Self::from) says;
    /// if it says nothing, as it would begin without. Only what is acknowledged with
    /// [`Subscription::ack`] is saved.
    pub fn cursor(mut self, store: impl CursorStore + 'static) -> Self {
        self.cursor = Some(Arc::new(store));
        self
    }

    /// Ends the subscription with an error as soon as events are missing. Unless told otherwise,
    /// a gap is an [`Item::Gap`](crate::Item::Gap) and the subscription goes on.
    pub fn stop_at_gap(mut self) -> Self {
        self.on_gap = OnGap::Stop;
        self
    }

    /// After each gap, reads a resource and gives it as an
    /// [`Item::Snapshot`](crate::Item::Snapshot), before whatever comes after the gap: for one
    /// who follows changes, a way to be whole again. A read that fails is tried again like a lost
    /// connection, and the subscription does not go on without it.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use futures_util::StreamExt;
    /// use serde_json::Value;
    /// use tidings_client::{Client, Item};
    ///
    /// let client = Client::builder("http://127.0.0.1:8434").build()?;
    /// let changes = client.subscribe(["orders/*"]).refetch_after_gap("/shop/orders")?;
    /// let mut changes = changes.open();
    /// while let Some(item) = changes.next().await {
    ///     match item? {
    ///         Item::Event(change) => println!("one has changed: {}", change.json::<Value>()?),
    ///         Item::Snapshot(orders) => println!("all there are: {}", orders.json::<Value>()?),
    ///         _ => {}
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails if the reference, taken from the hub's address, is no `http` or `https` address.
    pub fn refetch_after_gap(mut self, reference: &str) -> Result<Self, BuildError> {
        self.on_gap = OnGap::Refetch(self.client.resolve(reference)?);
        Ok(self)
    }

    /// The subscription. Nothing is sent before it is polled.
    pub fn open(self) -> Subscription {
        Subscription::new(self)
    }

    /// The topics that end the subscription once all of them have ended; `None` if it does not
    /// end by itself.
    pub(crate) fn ending_topics(&self) -> Option<&[String]> {
        match &self.source {
            Source::Topics { selectors, .. }
                if self.form.enveloped && !selectors.iter().any(|s| s.contains('*')) =>
            {
                Some(selectors)
            }
            Source::Topics { .. } | Source::Address(_) => None,
        }
    }

    /// The query string of a subscription to topics, or the form if it is too long for one.
    pub(crate) fn query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if let Source::Topics { selectors, events } = &self.source {
            for selector in selectors {
                query.append_pair("topic", selector);
            }
            for event in events {
                query.append_pair("event", event);
            }
        }
        match &self.start {
            Start::Now | Start::After(_) => {}
            start => {
                query.append_pair("from", &start.to_string());
            }
        }
        if self.form.enveloped {
            query.append_pair("format", "envelope");
        }
        query.finish()
    }
}

/// Where a subscription starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// With what is published from now on.
    #[default]
    Now,
    /// With the oldest retained event.
    Oldest,
    /// With the newest so many retained events, over all selectors.
    Last(u64),
    /// After the event with this id.
    After(String),
}

impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now => f.write_str("now"),
            Self::Oldest => f.write_str("start"),
            Self::Last(count) => write!(f, "last:{count}"),
            Self::After(id) => f.write_str(id),
        }
    }
}

impl FromStr for Start {
    type Err = ParseStartError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "now" => Ok(Self::Now),
            "start" => Ok(Self::Oldest),
            _ => match text.strip_prefix("last:") {
                Some(count) => count.parse().map(Self::Last).map_err(|_| ParseStartError),
                None if text.is_empty() || text.bytes().any(|byte| !byte.is_ascii_graphic()) => {
                    Err(ParseStartError)
                }
                None => Ok(Self::After(text.to_owned())),
            },
        }
    }
}

/// The text is no [`Start`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected now, start, last:N or an event id")]
pub struct ParseStartError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_start_reads_back_as_written() {
        for start in [
            Start::Now,
            Start::Oldest,
            Start::Last(20),
            Start::After("e-7".to_owned()),
        ] {
            assert_eq!(start.to_string().parse(), Ok(start));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "last:", "last:-1", "last:many", "an id", "é"] {
            assert_eq!(text.parse::<Start>(), Err(ParseStartError), "{text:?}");
        }
    }

    #[test]
    fn the_query_names_everything_asked_for() {
        let client = Client::builder("http://127.0.0.1:1").build().unwrap();
        let query = client
            .subscribe(["a/b c", "x/**"])
            .event("note")
            .from(Start::Last(5))
            .enveloped()
            .query();
        assert_eq!(
            query,
            "topic=a%2Fb+c&topic=x%2F**&event=note&from=last%3A5&format=envelope"
        );
    }
}
