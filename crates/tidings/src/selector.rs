use std::{fmt, str::FromStr, sync::Arc};

use tidings_log::{Topic, TopicError};

/// Which topics a subscription is about: one topic, or a pattern over segments.
///
/// In a pattern a segment may be `*` (exactly one segment, whatever it is) and the last one may be `**` (zero or more).
/// A pattern that starts with a wildcard does not match the hub's own topics under `tidings/`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Selector {
    /// Exactly this topic.
    Topic(Topic),
    /// Every topic that the pattern matches.
    Pattern(Pattern),
}

/// The text of a [`Selector`] with at least one wildcard.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern(Arc<str>);

/// Why a text is not a [`Selector`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SelectorError {
    /// Apart from its wildcards the text is not a topic.
    #[error("not a topic or a pattern: {0}")]
    Topic(TopicError),
    /// `*` stands beside other characters.
    #[error("a wildcard must be a whole segment: '*' or '**'")]
    PartialWildcard,
    /// `**` stands before the end.
    #[error("'**' must be the last segment")]
    DeepWildcardInside,
}

impl Selector {
    /// Reads a selector.
    ///
    /// # Errors
    /// [`SelectorError`] says which rule the text breaks.
    pub fn new(text: impl AsRef<str>) -> Result<Self, SelectorError> {
        let text = text.as_ref();
        if !text.contains('*') {
            return Topic::new(text)
                .map(Self::Topic)
                .map_err(SelectorError::Topic);
        }
        // Everything but the wildcards obeys the rules of topics, length included.
        Topic::new(text.replace('*', "_")).map_err(SelectorError::Topic)?;
        let mut segments = text.split('/').peekable();
        while let Some(segment) = segments.next() {
            match segment {
                "**" if segments.peek().is_some() => return Err(SelectorError::DeepWildcardInside),
                "*" | "**" => {}
                _ if segment.contains('*') => return Err(SelectorError::PartialWildcard),
                _ => {}
            }
        }
        Ok(Self::Pattern(Pattern(text.into())))
    }

    /// The selector as text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Topic(topic) => topic.as_str(),
            Self::Pattern(pattern) => &pattern.0,
        }
    }

    /// Whether events on the topic are selected.
    pub fn matches(&self, topic: &Topic) -> bool {
        match self {
            Self::Topic(own) => own == topic,
            Self::Pattern(pattern) => pattern.matches(topic),
        }
    }
}

impl Pattern {
    /// The pattern of this text, which need not be as short as one that is read.
    pub(crate) fn of(text: &str) -> Self {
        Self(text.into())
    }

    /// The parts between the slashes, in order.
    pub(crate) fn segments(&self) -> std::str::Split<'_, char> {
        self.0.split('/')
    }

    fn matches(&self, topic: &Topic) -> bool {
        if self.0.starts_with('*') && is_reserved(topic) {
            return false;
        }
        let mut segments = topic.segments();
        for own in self.segments() {
            match (own, segments.next()) {
                ("**", _) => return true,
                (_, None) => return false,
                ("*", Some(_)) => {}
                (own, Some(segment)) if own == segment => {}
                _ => return false,
            }
        }
        segments.next().is_none()
    }
}

/// The first segment of the hub's own topics.
pub(crate) const RESERVED: &str = "tidings";

/// Whether the topic is one of the hub's own.
pub(crate) fn is_reserved(topic: &Topic) -> bool {
    topic.segments().next() == Some(RESERVED)
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Selector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        Self::new(text)
    }
}

impl From<Topic> for Selector {
    fn from(topic: Topic) -> Self {
        Self::Topic(topic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(selector: &str, topic: &str) -> bool {
        Selector::new(selector)
            .unwrap()
            .matches(&Topic::new(topic).unwrap())
    }

    #[test]
    fn one_star_is_one_segment_and_two_are_the_rest() {
        assert!(matches("a/*", "a/b"));
        assert!(!matches("a/*", "a/b/c"));
        assert!(!matches("a/*", "a"));
        assert!(matches("a/**", "a"));
        assert!(matches("a/**", "a/b/c"));
        assert!(!matches("a/**", "ab"));
        assert!(matches("*/b/**", "a/b"));
        assert!(matches("**", "a/b"));
        assert!(matches("a/*/c", "a//c"));
    }

    #[test]
    fn a_leading_wildcard_leaves_the_hubs_own_topics_out() {
        assert!(!matches("**", "tidings/x"));
        assert!(!matches("*/x", "tidings/x"));
        assert!(matches("tidings/*", "tidings/x"));
    }

    #[test]
    fn bad_patterns_are_refused_by_rule() {
        let refused = |text: &str| Selector::new(text).unwrap_err();
        assert_eq!(refused("a*"), SelectorError::PartialWildcard);
        assert_eq!(refused("a/***"), SelectorError::PartialWildcard);
        assert_eq!(refused("**/a"), SelectorError::DeepWildcardInside);
        assert_eq!(
            refused("*/"),
            SelectorError::Topic(TopicError::TrailingSlash)
        );
        assert_eq!(refused(""), SelectorError::Topic(TopicError::Empty));
    }
}
