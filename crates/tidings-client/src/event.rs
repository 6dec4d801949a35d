//! What a subscription gives.

use std::fmt;

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// One item of a subscription: an event, or what the hub says about the stream itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Item {
    /// A published event.
    Event(Event),
    /// The first event of a stream that was asked to say hello.
    Connected(Connected),
    /// What was missed has been replayed; live events follow.
    Resumed(Resumed),
    /// Events are missing here.
    Gap(Gap),
    /// Something went wrong inside an open stream.
    Error(StreamError),
    /// The hub is about to end the stream; the subscription reconnects.
    Goodbye(Goodbye),
    /// What there is after a gap, if the subscription was to read it: see
    /// [`Subscribe::refetch_after_gap`](crate::Subscribe::refetch_after_gap).
    Snapshot(Snapshot),
    /// The text of a comment, if the subscription asked for them: see
    /// [`Subscribe::comments`](crate::Subscribe::comments).
    Comment(String),
}

/// A published event as received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The event id, from which a subscription can be resumed. Empty if the stream has none.
    pub id: String,
    /// The type name; `message` unless the publisher gave another.
    pub event: String,
    /// The data as published, with every line end as LF.
    pub data: String,
    /// The rest, if the subscription asked for envelopes.
    pub envelope: Option<Envelope>,
}

impl Event {
    /// Reads the data as JSON.
    ///
    /// ```
    /// use tidings_client::Event;
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Order {
    ///     state: String,
    /// }
    ///
    /// let event = Event {
    ///     id: "3a7mkjzreq-42".to_owned(),
    ///     event: "order-paid".to_owned(),
    ///     data: r#"{"state":"paid"}"#.to_owned(),
    ///     envelope: None,
    /// };
    /// assert_eq!(event.json::<Order>()?.state, "paid");
    /// # Ok::<_, serde_json::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Fails if the data is not JSON of that type.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.data)
    }
}

/// What an envelope adds to an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The topic it was published on.
    pub topic: String,
    /// When it was published: RFC 3339, UTC, milliseconds.
    pub time: String,
    /// Whether it ended its topic.
    pub is_final: bool,
    /// The whole envelope as the hub sent it: one JSON object.
    pub raw: String,
}

/// The stream is open, and this is who the reader is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Connected {
    /// The hub's name for the connection.
    pub connection_id: String,
    /// The topics subscribed to.
    #[serde(default)]
    pub topics: Vec<String>,
}

/// The end of a replay.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Resumed {
    /// The id the replay followed.
    pub from: Option<String>,
    /// How many events were replayed.
    pub count: u64,
}

/// Events may be missing at this place of the stream.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Gap {
    /// Why.
    pub reason: GapReason,
    /// The id that was asked for.
    pub requested: Option<String>,
    /// The oldest id that is still there.
    pub oldest: Option<String>,
}

/// Why events may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum GapReason {
    /// Events after the requested id were forgotten; the retained ones follow.
    Evicted,
    /// The requested id is none of the hub's; only live events follow. So it is as well where a
    /// redirect led to another origin, which is not told an id that it has not given.
    UnknownId,
    /// The hub lost the history that the requested id belongs to.
    EpochChanged,
    /// The reader fell too far behind.
    Lagged,
    /// History was deleted on purpose.
    Deleted,
    /// A reason that this version does not know.
    #[serde(other)]
    Other,
}

impl fmt::Display for GapReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Evicted => "the hub no longer has all of them",
            Self::UnknownId => "the hub does not know the id to go on from",
            Self::EpochChanged => "the hub has lost its history",
            Self::Lagged => "this reader fell too far behind",
            Self::Deleted => "history was deleted",
            Self::Other => "the hub cannot tell why",
        })
    }
}

impl GapReason {
    /// Whether sequences start over, so that ids of before say nothing about those to come.
    pub(crate) fn restarts_ids(self) -> bool {
        match self {
            Self::UnknownId | Self::EpochChanged | Self::Other => true,
            Self::Evicted | Self::Lagged | Self::Deleted => false,
        }
    }
}

/// A resource as it was when it was read. After a gap, what follows in the stream may be part of it
/// already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The body of the answer.
    pub body: String,
}

impl Snapshot {
    /// Reads the body as JSON.
    ///
    /// # Errors
    ///
    /// Fails if the body is not JSON of that type.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.body)
    }
}

/// An error inside a stream that stays open.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct StreamError {
    /// A stable code.
    pub code: String,
    /// What went wrong, in words.
    #[serde(default)]
    pub message: String,
    /// Whether it can heal.
    #[serde(default)]
    pub retryable: bool,
}

/// The hub ends the stream on purpose.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Goodbye {
    /// Why.
    pub reason: String,
    /// How long to stay away.
    pub retry_after_ms: Option<u64>,
}
