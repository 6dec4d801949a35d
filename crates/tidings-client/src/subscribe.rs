//! What to subscribe to, and from where.

use std::fmt;
use std::str::FromStr;

use crate::client::Client;
use crate::subscription::Subscription;

/// A subscription to be opened. Made by [`Client::subscribe`].
#[derive(Clone, Debug)]
#[must_use = "nothing is asked for until the subscription is opened and polled"]
pub struct Subscribe {
    pub(crate) client: Client,
    pub(crate) selectors: Vec<String>,
    pub(crate) events: Vec<String>,
    pub(crate) start: Start,
    pub(crate) enveloped: bool,
}

impl Subscribe {
    pub(crate) fn new(client: Client, selectors: Vec<String>) -> Self {
        Self {
            client,
            selectors,
            events: Vec::new(),
            start: Start::Now,
            enveloped: false,
        }
    }

    /// Where to start; [`Start::Now`] unless told otherwise. Reconnects go on from where the
    /// subscription has got to.
    pub fn from(mut self, start: Start) -> Self {
        self.start = start;
        self
    }

    /// Asks for events of this type only. Can be called for several types.
    pub fn event(mut self, event: impl Into<String>) -> Self {
        self.events.push(event.into());
        self
    }

    /// Asks for envelopes: every event comes with its topic, its time and whether it is final.
    /// The subscription then ends by itself as soon as the last of its topics has.
    pub fn enveloped(mut self) -> Self {
        self.enveloped = true;
        self
    }

    /// The subscription. Nothing is sent before it is polled.
    pub fn open(self) -> Subscription {
        Subscription::new(self)
    }

    /// The query string, or the form if it is too long for one.
    pub(crate) fn query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for selector in &self.selectors {
            query.append_pair("topic", selector);
        }
        for event in &self.events {
            query.append_pair("event", event);
        }
        match &self.start {
            Start::Now | Start::After(_) => {}
            start => {
                query.append_pair("from", &start.to_string());
            }
        }
        if self.enveloped {
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
