use std::sync::Arc;

use tidings_log::Topic;

use crate::{Selector, matcher::Matcher};

/// Which topics somebody may do something with. Cloning is cheap.
///
/// ```
/// use tidings::{Rights, Selector, Topic};
///
/// let rights = Rights::new([Selector::new("users/7/**")?, Selector::new("news")?]);
/// assert!(rights.allow(&Topic::new("users/7/inbox")?));
/// assert!(!rights.allow(&Topic::new("users/8/inbox")?));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rights(Arc<Box<[Selector]>>);

/// The most selectors that rights may leave of what a subscription asks for.
pub(crate) const MAX_NARROWED: usize = 1024;

/// Rights leave more than [`MAX_NARROWED`] selectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooFragmented;

impl Rights {
    /// Rights to all topics that one of these matches, and to no others.
    pub fn new(selectors: impl IntoIterator<Item = Selector>) -> Self {
        Self(Arc::new(selectors.into_iter().collect()))
    }

    /// Whether they include the topic.
    pub fn allow(&self, topic: &Topic) -> bool {
        self.0.iter().any(|own| own.matches(topic))
    }

    /// Whether one of their selectors alone includes everything that this one matches.
    pub fn cover(&self, selector: &Selector) -> bool {
        self.0.iter().any(|own| own.covers(selector))
    }

    /// What they were made of.
    pub fn selectors(&self) -> &[Selector] {
        &self.0
    }

    /// What they leave of these: selectors none of which covers another. `None` if that is all of it.
    pub(crate) fn narrow(
        &self,
        asked: &[Selector],
    ) -> Result<Option<Vec<Selector>>, TooFragmented> {
        if asked.iter().all(|asked| self.cover(asked)) {
            return Ok(None);
        }
        let mut left = Vec::new();
        for asked in asked {
            left.extend(self.0.iter().filter_map(|own| own.intersect(asked)));
        }
        reduce(left).map(Some)
    }
}

impl FromIterator<Selector> for Rights {
    fn from_iter<I: IntoIterator<Item = Selector>>(selectors: I) -> Self {
        Self::new(selectors)
    }
}

/// Drops those that are covered by others.
fn reduce(mut selectors: Vec<Selector>) -> Result<Vec<Selector>, TooFragmented> {
    Selector::widest_first(&mut selectors);
    let mut kept = Matcher::default();
    let mut needed = Vec::new();
    for selector in selectors {
        if kept.covers(&selector) {
            continue;
        }
        if needed.len() == MAX_NARROWED {
            return Err(TooFragmented);
        }
        kept.insert(&selector, 0);
        needed.push(selector);
    }
    Ok(needed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selectors(texts: &[&str]) -> Vec<Selector> {
        let selectors = texts.iter().map(|text| Selector::new(text).unwrap());
        selectors.collect()
    }

    fn narrowed(rights: &[&str], asked: &[&str]) -> Option<Vec<String>> {
        let narrowed = Rights::new(selectors(rights)).narrow(&selectors(asked));
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
            Rights::new(texts.map(|text| Selector::new(text).unwrap()))
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
