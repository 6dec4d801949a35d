use std::time::Duration;

use serde::Serialize;
use tidings_log::Position;

use crate::ConnectionId;

/// What the broker itself says on a stream, between the events.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Control {
    /// The first item, if the subscription asked for it.
    Connected {
        /// The name of this stream.
        connection_id: ConnectionId,
        /// The selectors it follows, as they were asked for.
        topics: Vec<String>,
    },
    /// Everything after the id that was asked for has been given; what follows is live.
    Resumed {
        /// The id that was asked for.
        from: String,
        /// How many events were replayed.
        count: u64,
    },
    /// Some events may be missing at this place.
    Gap(Gap),
    /// The broker ends the stream on purpose; it is the last item.
    Goodbye {
        /// Why.
        reason: GoodbyeReason,
        /// When to come back; different for each connection, so that they do not all come at once.
        retry_after: Duration,
    },
}

/// History that was asked for is not all there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// Why it is not.
    pub reason: GapReason,
    /// The id that was asked for, or that the reader had reached.
    pub requested: String,
    /// The oldest event that is still there, if there is any.
    pub oldest: Option<String>,
}

/// Why history is not all there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum GapReason {
    /// Retention has removed some of it.
    Evicted,
    /// The id is malformed or was never given out.
    UnknownId,
    /// The id belongs to a run of the log that is not known here.
    EpochChanged,
    /// The reader was too slow.
    Lagged,
    /// A topic was deleted.
    Deleted,
}

/// Why the broker ends a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum GoodbyeReason {
    /// The broker is closing.
    Drain,
    /// The reader was behind what is retained.
    TooSlow,
    /// A topic that the stream names was deleted.
    TopicDeleted,
    /// Somebody with the right to do so ended it.
    Disconnected,
    /// The credentials it was opened with have expired. With new ones it can be resumed.
    TokenExpired,
    /// The credentials it was opened with are not accepted any more.
    Revoked,
}

impl Control {
    /// The type name it has on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Connected { .. } => "tidings.connected",
            Self::Resumed { .. } => "tidings.resumed",
            Self::Gap(_) => "tidings.gap",
            Self::Goodbye { .. } => "tidings.goodbye",
        }
    }

    /// The data it has on the wire.
    pub fn json(&self) -> serde_json::Value {
        match self {
            Self::Connected {
                connection_id,
                topics,
            } => {
                serde_json::json!({ "connection_id": connection_id.to_string(), "topics": topics })
            }
            Self::Resumed { from, count } => serde_json::json!({ "from": from, "count": count }),
            Self::Gap(gap) => serde_json::json!(gap),
            Self::Goodbye {
                reason,
                retry_after,
            } => {
                serde_json::json!({ "reason": reason, "retry_after_ms": retry_after.as_millis() as u64 })
            }
        }
    }

    pub(crate) fn gap(reason: GapReason, requested: String, oldest: Option<Position>) -> Self {
        Self::Gap(Gap {
            reason,
            requested,
            oldest: oldest.map(|position| position.to_string()),
        })
    }
}
