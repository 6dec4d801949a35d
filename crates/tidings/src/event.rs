use std::sync::Arc;

use serde::Serialize;
use tidings_log::{Durability, Topic};
use tidings_sse::{EventName, EventNameError};

/// Something that has happened, to be published on a topic.
///
/// ```
/// use tidings::Event;
///
/// let event = Event::json("task-start", &serde_json::json!({ "taskId": "t1" }))?;
/// assert_eq!(event.data(), r#"{"taskId":"t1"}"#);
/// # Ok::<_, tidings::EventError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub(crate) name: Option<EventName>,
    pub(crate) data: Arc<str>,
    pub(crate) key: Option<Arc<str>>,
    pub(crate) ends_topic: bool,
}

/// An [`Event`] could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EventError {
    /// The type name breaks a rule of the wire format.
    #[error("bad event type")]
    Name(#[from] EventNameError),
    /// The value has no JSON form.
    #[error("data cannot be serialised as JSON")]
    Data(#[from] serde_json::Error),
}

impl Event {
    /// An event of the default type `message` with this text.
    ///
    /// Event streams have one kind of line end, so CRLF and CR become LF here, once, and every reader and every answer
    /// has the same data.
    pub fn new(data: impl Into<Arc<str>>) -> Self {
        let mut data = data.into();
        if data.contains('\r') {
            data = data.replace("\r\n", "\n").replace('\r', "\n").into();
        }
        Self {
            name: None,
            data,
            key: None,
            ends_topic: false,
        }
    }

    /// What readers are told of an error inside an open stream: `tidings.error`, with a word for programs, a sentence
    /// for people, and whether it may pass by itself. The stream stays open, unless the event also ends its topic. Only the
    /// broker's owner [publishes](crate::Broker::publish_own) it.
    ///
    /// ```
    /// use tidings::Event;
    ///
    /// let event = Event::error("timeout", "the answer took too long", true);
    /// assert_eq!(event.name(), "tidings.error");
    /// ```
    pub fn error(code: &str, message: &str, retryable: bool) -> Self {
        let data = serde_json::json!({ "code": code, "message": message, "retryable": retryable });
        let name = EventName::new("tidings.error").expect("it is an event name");
        Self::new(data.to_string()).named(name)
    }

    /// An event of a type, with the value as compact JSON, serialised here and never again.
    ///
    /// # Errors
    /// [`EventError`] if the name is not an event type name or the value cannot be serialised.
    pub fn json(name: &str, data: &impl Serialize) -> Result<Self, EventError> {
        let name = EventName::new(name)?;
        Ok(Self::new(serde_json::to_string(data)?).named(name))
    }

    /// The same event with this type.
    #[must_use]
    pub fn named(mut self, name: EventName) -> Self {
        self.name = (name.as_str() != "message").then_some(name);
        self
    }

    /// The same event with this key: to a reader that is behind on a conflated topic, only the newest event of a key
    /// is of interest.
    #[must_use]
    pub fn keyed(mut self, key: impl Into<Arc<str>>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// The same event, as the final one: it ends its topic.
    #[must_use]
    pub fn ending_topic(mut self) -> Self {
        self.ends_topic = true;
        self
    }

    /// Its type name.
    pub fn name(&self) -> &str {
        self.name.as_ref().map_or("message", EventName::as_str)
    }

    /// Its payload.
    pub fn data(&self) -> &str {
        &self.data
    }
}

/// An event together with where it goes: one line of a batch.
#[derive(Clone, Debug)]
pub struct Publication {
    /// The topic it is published on.
    pub topic: Topic,
    /// The event.
    pub event: Event,
    /// Publishing again with the same key gives the first receipt and no second event.
    pub idempotency_key: Option<Arc<str>>,
    /// What the event is to survive once it is acknowledged; `None` is as the broker is set up for the topic.
    pub durability: Option<Durability>,
}
