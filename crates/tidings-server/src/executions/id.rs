use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use tidings::Topic;

/// The id of an execution: 1 to 128 of `A-Z a-z 0-9 . _ -`, and not `stream`, which is a path of
/// the hub's, nor `.` and `..`, which clients take out of a path (RFC 3986, section 5.2.4).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ExecutionId(Arc<str>);

/// What the topics of executions begin with.
const TOPICS: &str = "executions/";

/// What the topics begin with on which the hub keeps what it knows of them.
const OWN_TOPICS: &str = "tidings/executions/";

impl ExecutionId {
    /// A new id that sorts by time.
    pub(crate) fn draw(now: Timestamp) -> Self {
        let random = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), now);
        let time = now.strftime("%Y%m%d-%H%M%S");
        Self(format!("{time}-{:06x}", random & 0xff_ffff).into())
    }

    /// The execution whose events are on this topic.
    pub(crate) fn of_topic(topic: &Topic) -> Option<Self> {
        topic.as_str().strip_prefix(TOPICS)?.parse().ok()
    }

    /// The execution of which something is kept on this topic.
    pub(super) fn of_own_topic(topic: &Topic) -> Option<Self> {
        topic.as_str().strip_prefix(OWN_TOPICS)?.parse().ok()
    }

    /// The topic of its events.
    pub(crate) fn topic(&self) -> Topic {
        Topic::new(format!("{TOPICS}{self}")).expect("an id is one segment of a topic")
    }

    /// The topic on which the hub keeps what it knows of it.
    pub(super) fn own_topic(&self) -> Topic {
        Topic::new(format!("{OWN_TOPICS}{self}")).expect("an id is one segment of a topic")
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ExecutionId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let is_taken = ["stream", ".", ".."].contains(&text);
        if is_taken || !(1..=128).contains(&text.len()) || !text.bytes().all(allowed) {
            return Err(
                "expected 1 to 128 letters, digits, dots, dashes or underscores, and not stream, . or ..",
            );
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for ExecutionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for ExecutionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ExecutionId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawn_id_is_an_id() {
        let drawn = ExecutionId::draw(Timestamp::now());
        assert_eq!(drawn.to_string().parse::<ExecutionId>().unwrap(), drawn);
    }

    #[test]
    fn what_the_hub_would_not_take_is_refused() {
        for text in ["", "stream", ".", "..", "a/b", "a b", "é", &"x".repeat(129)] {
            assert!(text.parse::<ExecutionId>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn its_topics_name_it() {
        let id: ExecutionId = "deploy-42".parse().unwrap();
        assert_eq!(ExecutionId::of_topic(&id.topic()).unwrap(), id);
        assert_eq!(ExecutionId::of_own_topic(&id.own_topic()).unwrap(), id);
        assert_eq!(ExecutionId::of_topic(&id.own_topic()), None);
        let below = Topic::new("executions/a/b").unwrap();
        assert_eq!(ExecutionId::of_topic(&below), None);
    }
}
