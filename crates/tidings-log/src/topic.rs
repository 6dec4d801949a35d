use std::{borrow::Borrow, fmt, str::FromStr, sync::Arc};

/// The longest topic, in bytes of UTF-8.
pub const MAX_TOPIC_BYTES: usize = 512;

/// The name that events are published under: segments separated by `/`.
///
/// 1 to 512 bytes of UTF-8 without control characters and without `*`, and not ending in `/`. A URL without a
/// trailing slash is a topic, so empty segments inside are allowed. Cloning is cheap.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic(Arc<str>);

/// Why a text is not a [`Topic`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TopicError {
    /// The text is empty.
    #[error("a topic must not be empty")]
    Empty,
    /// The text is longer than [`MAX_TOPIC_BYTES`].
    #[error("a topic has at most {MAX_TOPIC_BYTES} bytes, this one has {0}")]
    TooLong(usize),
    /// The text ends in `/`: its last segment is empty.
    #[error("a topic must not end in '/'")]
    TrailingSlash,
    /// The text holds a control character.
    #[error("a topic must not hold control characters")]
    ControlCharacter,
    /// The text holds `*`, which belongs to selectors.
    #[error("a topic must not hold '*'")]
    Wildcard,
}

impl Topic {
    /// Reads a topic.
    ///
    /// # Errors
    /// [`TopicError`] says which rule the text breaks.
    pub fn new(text: impl AsRef<str>) -> Result<Self, TopicError> {
        let text = text.as_ref();
        if text.is_empty() {
            return Err(TopicError::Empty);
        }
        if text.len() > MAX_TOPIC_BYTES {
            return Err(TopicError::TooLong(text.len()));
        }
        if text.ends_with('/') {
            return Err(TopicError::TrailingSlash);
        }
        if text.chars().any(char::is_control) {
            return Err(TopicError::ControlCharacter);
        }
        if text.contains('*') {
            return Err(TopicError::Wildcard);
        }
        Ok(Self(text.into()))
    }

    /// The topic as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The parts between the slashes, in order; at least one.
    pub fn segments(&self) -> std::str::Split<'_, char> {
        self.0.split('/')
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Topic({:?})", &self.0)
    }
}

impl FromStr for Topic {
    type Err = TopicError;

    fn from_str(text: &str) -> Result<Self, TopicError> {
        Self::new(text)
    }
}

impl AsRef<str> for Topic {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Topic {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_without_trailing_slash_is_a_topic() {
        let topic = Topic::new("https://example.org/users/7").unwrap();
        assert_eq!(
            topic.segments().collect::<Vec<_>>(),
            ["https:", "", "example.org", "users", "7"]
        );
    }

    #[test]
    fn what_is_not_a_topic_is_refused_by_rule() {
        let refused = |text: &str| Topic::new(text).unwrap_err();
        assert_eq!(refused(""), TopicError::Empty);
        assert_eq!(refused("a/"), TopicError::TrailingSlash);
        assert_eq!(refused("/"), TopicError::TrailingSlash);
        assert_eq!(refused("a\nb"), TopicError::ControlCharacter);
        assert_eq!(refused("a\u{85}b"), TopicError::ControlCharacter);
        assert_eq!(refused("a/*"), TopicError::Wildcard);
        assert_eq!(refused(&"x".repeat(513)), TopicError::TooLong(513));
        assert!(Topic::new("é".repeat(256)).is_ok());
    }
}
