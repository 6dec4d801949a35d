//! Events to be published.

use serde::Serialize;

use crate::client::Client;
use crate::random::Keys;

/// An event to be published.
///
/// ```
/// use tidings_client::NewEvent;
///
/// let event = NewEvent::new("done").event("task-complete").last();
/// # let _ = event;
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct NewEvent {
    pub(crate) data: String,
    pub(crate) event: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) is_final: bool,
    pub(crate) idempotency_key: Option<String>,
}

impl NewEvent {
    /// An event with this data, of type `message`.
    pub fn new(data: impl Into<String>) -> Self {
        Self {
            data: data.into(),
            ..Self::default()
        }
    }

    /// An event with this value as JSON, of type `message`.
    ///
    /// # Errors
    ///
    /// Fails if the value cannot be written as JSON.
    pub fn json<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        serde_json::to_string(value).map(Self::new)
    }

    /// Sets the type name.
    pub fn event(mut self, event: impl Into<String>) -> Self {
        self.event = Some(event.into());
        self
    }

    /// Sets the key that conflation goes by.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Makes it the final event: it ends its topic.
    pub fn last(mut self) -> Self {
        self.is_final = true;
        self
    }

    /// Sets the idempotency key: events with the same key are one event. Without it, the client
    /// draws a key of its own, so that its own retries publish once.
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.idempotency_key = Some(key.into());
        self
    }
}

/// Events that are published together: all or none, in their order.
///
/// Encoded as they are added. A hub takes 8 MiB in one batch.
#[derive(Clone, Debug)]
pub struct Batch {
    keys: Keys,
    body: Vec<u8>,
    events: usize,
}

impl Client {
    /// An empty batch.
    pub fn batch(&self) -> Batch {
        Batch {
            keys: self.keys().clone(),
            body: Vec::new(),
            events: 0,
        }
    }
}

impl Batch {
    /// Adds an event for `topic`.
    pub fn push(&mut self, topic: &str, event: &NewEvent) {
        write_line(&mut self.body, topic, event, &self.keys);
        self.events += 1;
    }

    /// Adds an event that is encoded already.
    pub(crate) fn push_line(&mut self, line: &[u8]) {
        self.body.extend_from_slice(line);
        self.events += 1;
    }

    /// How many events were added.
    pub fn len(&self) -> usize {
        self.events
    }

    /// Whether none was added.
    pub fn is_empty(&self) -> bool {
        self.events == 0
    }

    /// The size on the wire, in bytes.
    pub fn bytes(&self) -> usize {
        self.body.len()
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }
}

/// Writes the event as a line of a batch, with a key of its own unless it has one.
pub(crate) fn write_line(to: &mut Vec<u8>, topic: &str, event: &NewEvent, keys: &Keys) {
    #[derive(Serialize)]
    struct Line<'a> {
        topic: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        event: Option<&'a str>,
        data: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        key: Option<&'a str>,
        #[serde(rename = "final", skip_serializing_if = "std::ops::Not::not")]
        is_final: bool,
        idempotency_key: &'a str,
    }
    let drawn;
    let idempotency_key = match &event.idempotency_key {
        Some(key) => key,
        None => {
            drawn = keys.key();
            &drawn
        }
    };
    let line = Line {
        topic,
        event: event.event.as_deref(),
        data: &event.data,
        key: event.key.as_deref(),
        is_final: event.is_final,
        idempotency_key,
    };
    serde_json::to_writer(&mut *to, &line).expect("text and booleans are written into memory");
    to.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch() -> Batch {
        let client = Client::builder("http://127.0.0.1:1").build().unwrap();
        client.batch()
    }

    #[test]
    fn a_line_holds_what_was_set() {
        let mut batch = batch();
        let event = NewEvent::new("a\nb").idempotency_key("k1");
        batch.push("t", &event);
        batch.push("t/2", &event.event("note").key("k").last());
        assert_eq!(
            std::str::from_utf8(batch.body()).unwrap(),
            "{\"topic\":\"t\",\"data\":\"a\\nb\",\"idempotency_key\":\"k1\"}\n\
             {\"topic\":\"t/2\",\"event\":\"note\",\"data\":\"a\\nb\",\"key\":\"k\",\
             \"final\":true,\"idempotency_key\":\"k1\"}\n"
        );
        assert_eq!(batch.len(), 2);
    }

    #[test]
    fn every_line_has_a_key_of_its_own() {
        let mut batch = batch();
        for _ in 0..3 {
            batch.push("t", &NewEvent::new("same"));
        }
        let keys: std::collections::HashSet<String> = batch
            .body()
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| {
                let line: serde_json::Value = serde_json::from_slice(line).unwrap();
                line["idempotency_key"].as_str().unwrap().to_owned()
            })
            .collect();
        assert_eq!(keys.len(), 3);
    }
}
