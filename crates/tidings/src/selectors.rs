use std::{slice, sync::Arc};

use tidings_log::Topic;

use crate::{Selector, matcher::Matcher};

/// A set of topics, as selectors. Cloning shares them; in whatever order they were given, equal ones compare and hash equal.
///
/// ```
/// use tidings::{Selector, Selectors, Topic};
///
/// let own = Selectors::new([Selector::new("users/7/**")?, Selector::new("news")?]);
/// assert!(own.matches(&Topic::new("users/7/inbox")?));
/// assert!(!own.matches(&Topic::new("users/8/inbox")?));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Selectors(
    /// Sorted, without repetition. Each reader has one of these: a thin pointer.
    Arc<Box<[Selector]>>,
);

/// The most selectors that rights may leave of what a subscription asks for.
pub(crate) const MAX_NARROWED: usize = 1024;

/// Rights leave more than [`MAX_NARROWED`] selectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooFragmented;

impl Selectors {
    /// The topics that one of these matches.
    pub fn new(selectors: impl IntoIterator<Item = Selector>) -> Self {
        let mut selectors: Vec<_> = selectors.into_iter().collect();
        selectors.sort_unstable();
        selectors.dedup();
        Self(Arc::new(selectors.into()))
    }

    /// Whether the topic is among them.
    pub fn matches(&self, topic: &Topic) -> bool {
        self.iter().any(|own| own.matches(topic))
    }

    /// Whether one of these alone matches everything that the other one does.
    ///
    /// `false` does not say that there are more: they may cover it together.
    pub fn covers(&self, selector: &Selector) -> bool {
        self.iter().any(|own| own.covers(selector))
    }

    /// Whether there are no topics.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What they were made of, sorted, each once.
    pub fn iter(&self) -> slice::Iter<'_, Selector> {
        self.0.iter()
    }

    /// What is left of others within these: selectors none of which covers another. `None` if that is all of it.
    pub(crate) fn narrow(
        &self,
        asked: &[Selector],
    ) -> Result<Option<Vec<Selector>>, TooFragmented> {
        if asked.iter().all(|asked| self.covers(asked)) {
            return Ok(None);
        }
        let mut left = Vec::with_capacity(self.0.len());
        for asked in asked {
            left.extend(self.iter().filter_map(|own| own.intersect(asked)));
        }
        reduce(left).map(Some)
    }
}

impl<'a> IntoIterator for &'a Selectors {
    type Item = &'a Selector;
    type IntoIter = slice::Iter<'a, Selector>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl FromIterator<Selector> for Selectors {
    fn from_iter<I: IntoIterator<Item = Selector>>(selectors: I) -> Self {
        Self::new(selectors)
    }
}

/// Drops those that are covered by others.
fn reduce(mut selectors: Vec<Selector>) -> Result<Vec<Selector>, TooFragmented> {
    selectors.sort_unstable();
    selectors.dedup();
    // Topics come first, and cover nothing else.
    let is_topic = |selector: &Selector| matches!(selector, Selector::Topic(_));
    let mut patterns = selectors.split_off(selectors.partition_point(is_topic));
    if !patterns.is_empty() {
        Selector::widest_first(&mut patterns);
        let mut kept = Matcher::default();
        let mut needed = Vec::new();
        for pattern in patterns {
            if kept.covers(&pattern) {
                continue;
            }
            if needed.len() == MAX_NARROWED {
                return Err(TooFragmented);
            }
            kept.insert(&pattern, 0);
            needed.push(pattern);
        }
        selectors.retain(|topic| !kept.covers(topic));
        selectors.append(&mut needed);
    }
    if selectors.len() > MAX_NARROWED {
        return Err(TooFragmented);
    }
    Ok(selectors)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selectors(texts: &[&str]) -> Vec<Selector> {
        let selectors = texts.iter().map(|text| Selector::new(text).unwrap());
        selectors.collect()
    }

    fn narrowed(rights: &[&str], asked: &[&str]) -> Option<Vec<String>> {
        let narrowed = Selectors::new(selectors(rights)).narrow(&selectors(asked));
        let texts = |selectors: Vec<Selector>| selectors.iter().map(ToString::to_string).collect();
        narrowed.unwrap().map(texts)
    }

    #[test]
    fn what_is_covered_stays_as_it_is() {
        assert_eq!(narrowed(&["a/**", "b"], &["a/*", "b", "a/x"]), None);
        assert_eq!(narrowed(&["**", "tidings/**"], &["**", "tidings/x"]), None);
    }

    #[test]
    fn what_is_left_covers_nothing_else_that_is_left() {
        let left = narrowed(&["a/*", "*/x", "a/**"], &["**", "a/x", "b/*"]);
        assert_eq!(left.unwrap(), ["a/**", "*/x"]);
        assert_eq!(narrowed(&["a"], &["b", "c/**"]).unwrap(), [""; 0]);
        assert_eq!(narrowed(&[], &["**"]).unwrap(), [""; 0]);
    }

    #[test]
    fn what_is_left_is_limited() {
        let rights = |count| {
            let texts = (0..count).map(|number| format!("*/{number}"));
            Selectors::new(texts.map(|text| Selector::new(text).unwrap()))
        };
        let asked = selectors(&["a/**", "b/**"]);
        let left = rights(MAX_NARROWED / 2).narrow(&asked).unwrap();
        assert_eq!(left.map(|left| left.len()), Some(MAX_NARROWED));
        let left = rights(MAX_NARROWED / 2 + 1).narrow(&asked);
        assert_eq!(left, Err(TooFragmented));
        // What is dropped does not count.
        let covered = [&asked[..], &selectors(&["a/*", "b/*", "a/1"])].concat();
        assert!(rights(MAX_NARROWED / 2).narrow(&covered).is_ok());
    }
}
