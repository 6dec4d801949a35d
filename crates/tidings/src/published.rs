use std::{fmt, sync::Arc};

use serde::de::DeserializeOwned;
use tidings_log::{Position, Record, Timestamp, Topic};

/// An event as it was published. Cloning is cheap.
#[derive(Clone, PartialEq, Eq)]
pub struct Published(Arc<Record>);

impl Published {
    pub(crate) fn new(record: Arc<Record>) -> Self {
        Self(record)
    }

    /// Its id.
    pub fn id(&self) -> Position {
        self.0.position()
    }

    /// What it was published on.
    pub fn topic(&self) -> &Topic {
        &self.0.topic
    }

    /// Its type name.
    pub fn name(&self) -> &str {
        self.0.event.as_deref().unwrap_or("message")
    }

    /// Its payload.
    pub fn data(&self) -> &str {
        &self.0.data
    }

    /// Its payload, read as JSON.
    ///
    /// # Errors
    /// If the payload is not JSON of this shape.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.data())
    }

    /// What conflation goes by.
    pub fn key(&self) -> Option<&str> {
        self.0.key.as_deref()
    }

    /// When it was accepted.
    pub fn time(&self) -> Timestamp {
        self.0.time
    }

    /// Whether it ended its topic.
    pub fn ends_topic(&self) -> bool {
        self.0.ends_topic
    }
}

impl fmt::Debug for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Published")
            .field("id", &self.id().to_string())
            .field("topic", &self.topic())
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}
