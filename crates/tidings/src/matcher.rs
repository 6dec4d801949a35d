use std::collections::HashMap;

use tidings_log::Topic;

use crate::{
    Selector,
    selector::{RESERVED, is_reserved},
};

/// The most nodes that the patterns of all groups make together; about 0.6 KiB each.
const MAX_NODES: usize = 500_000;

/// Finds the groups whose selectors match a topic: literal topics by name, patterns by a trie over segments.
///
/// The cost of a match depends on the segments of the topic and on the patterns that share them, not on how many
/// other selectors there are.
#[derive(Debug, Default)]
pub(crate) struct Matcher {
    topics: HashMap<Topic, Vec<usize>>,
    patterns: Node,
    nodes: usize,
}

/// The patterns that have the path to this node as their beginning.
#[derive(Debug, Default)]
struct Node {
    segments: HashMap<Box<str>, Self>,
    any: Option<Box<Self>>,
    /// Groups with a pattern that ends exactly here.
    here: Vec<usize>,
    /// Groups with a pattern that goes on with `**`.
    below: Vec<usize>,
}

impl Matcher {
    /// One that has these selectors, for a single group.
    pub(crate) fn of(selectors: &[Selector]) -> Self {
        let mut matcher = Self::default();
        for selector in selectors {
            matcher.insert(selector, 0);
        }
        matcher
    }

    /// Whether there is no room for further patterns.
    pub(crate) fn is_full(&self) -> bool {
        self.nodes >= MAX_NODES
    }

    pub(crate) fn insert(&mut self, selector: &Selector, group: usize) {
        match selector {
            Selector::Topic(topic) => self.topics.entry(topic.clone()).or_default().push(group),
            Selector::Pattern(pattern) => {
                let path: Vec<&str> = pattern.segments().collect();
                self.nodes += self.patterns.insert(&path, group);
            }
        }
    }

    pub(crate) fn remove(&mut self, selector: &Selector, group: usize) {
        match selector {
            Selector::Topic(topic) => {
                if let Some(groups) = self.topics.get_mut(topic) {
                    groups.retain(|other| *other != group);
                    if groups.is_empty() {
                        self.topics.remove(topic);
                    }
                }
            }
            Selector::Pattern(pattern) => {
                let path: Vec<&str> = pattern.segments().collect();
                self.nodes -= self.patterns.remove(&path, group);
            }
        }
    }

    /// The groups with a selector that matches the topic, each once, in ascending order.
    pub(crate) fn matches(&self, topic: &Topic) -> Vec<usize> {
        let segments: Vec<&str> = topic.segments().collect();
        let mut found = self.topics.get(topic).cloned().unwrap_or_default();
        self.patterns
            .collect(&segments, !is_reserved(topic), &mut found);
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Whether one of the selectors alone matches everything that this one does.
    pub(crate) fn covers(&self, selector: &Selector) -> bool {
        match selector {
            Selector::Topic(topic) => self.matches_any(topic),
            Selector::Pattern(pattern) => {
                let mut path: Vec<&str> = pattern.segments().collect();
                // No topic ends in an empty segment, or has none: what goes on with `**` goes on with one segment at least.
                if let ["**"] | [.., "", "**"] = path[..] {
                    path.insert(path.len() - 1, "*");
                }
                self.patterns.covers(&path, path[0] != RESERVED)
            }
        }
    }

    /// Whether one of the selectors matches the topic.
    pub(crate) fn matches_any(&self, topic: &Topic) -> bool {
        if self.topics.contains_key(topic) {
            return true;
        }
        let segments: Vec<&str> = topic.segments().collect();
        self.patterns.covers(&segments, !is_reserved(topic))
    }

    /// Whether a group names the topic itself.
    pub(crate) fn names(&self, topic: &Topic) -> bool {
        self.topics.contains_key(topic)
    }
}

impl Node {
    /// Adds a group at the end of a path. Gives the number of nodes made on the way.
    fn insert(&mut self, path: &[&str], group: usize) -> usize {
        let (next, rest, made) = match path {
            [] => {
                self.here.push(group);
                return 0;
            }
            ["**"] => {
                self.below.push(group);
                return 0;
            }
            ["*", rest @ ..] => {
                let made = usize::from(self.any.is_none());
                (&mut **self.any.get_or_insert_default(), rest, made)
            }
            [segment, rest @ ..] => {
                let made = usize::from(!self.segments.contains_key(*segment));
                (
                    self.segments.entry((*segment).into()).or_default(),
                    rest,
                    made,
                )
            }
        };
        made + next.insert(rest, group)
    }

    /// Removes a group from the end of a path. Gives the number of nodes that were left empty and dropped.
    fn remove(&mut self, path: &[&str], group: usize) -> usize {
        let dropped;
        match path {
            [] => {
                self.here.retain(|other| *other != group);
                return 0;
            }
            ["**"] => {
                self.below.retain(|other| *other != group);
                return 0;
            }
            ["*", rest @ ..] => {
                let Some(next) = &mut self.any else {
                    return 0;
                };
                dropped = next.remove(rest, group);
                if !next.is_empty() {
                    return dropped;
                }
                self.any = None;
            }
            [segment, rest @ ..] => {
                let Some(next) = self.segments.get_mut(*segment) else {
                    return 0;
                };
                dropped = next.remove(rest, group);
                if !next.is_empty() {
                    return dropped;
                }
                self.segments.remove(*segment);
            }
        }
        dropped + 1
    }

    /// `wild` is false where a wildcard must not match: at the first segment of the hub's own topics.
    fn collect(&self, segments: &[&str], wild: bool, found: &mut Vec<usize>) {
        if wild {
            found.extend_from_slice(&self.below);
        }
        let Some((segment, rest)) = segments.split_first() else {
            found.extend_from_slice(&self.here);
            return;
        };
        if let Some(next) = self.segments.get(*segment) {
            next.collect(rest, true, found);
        }
        if let Some(next) = self.any.as_ref().filter(|_| wild) {
            next.collect(rest, true, found);
        }
    }

    /// Whether a pattern that begins with the path to this node covers what goes on with these segments. `wild` as in
    /// [`collect`](Self::collect).
    fn covers(&self, segments: &[&str], wild: bool) -> bool {
        if wild && !self.below.is_empty() {
            return true;
        }
        let any = || self.any.as_ref().filter(|_| wild);
        match segments {
            [] => !self.here.is_empty(),
            ["**"] => false,
            ["*", rest @ ..] => any().is_some_and(|next| next.covers(rest, true)),
            [segment, rest @ ..] => {
                let next = self.segments.get(*segment);
                next.is_some_and(|next| next.covers(rest, true))
                    || any().is_some_and(|next| next.covers(rest, true))
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.segments.is_empty()
            && self.any.is_none()
            && self.here.is_empty()
            && self.below.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn segment() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec!["a", "b", "", "tidings"])
    }

    fn topic() -> impl Strategy<Value = Topic> {
        let joined = prop::collection::vec(segment(), 1..5).prop_map(|segments| segments.join("/"));
        joined.prop_filter_map("not a topic", |text| Topic::new(text).ok())
    }

    fn selector() -> impl Strategy<Value = Selector> {
        let segment = prop::sample::select(vec!["a", "b", "", "tidings", "*", "**"]);
        let joined = prop::collection::vec(segment, 1..5).prop_map(|segments| segments.join("/"));
        joined.prop_filter_map("not a selector", |text| Selector::new(text).ok())
    }

    #[test]
    fn no_topic_ends_where_an_open_pattern_has_nothing_or_an_empty_segment() {
        let covers = |own: &str, other: &str| {
            let [own, other] = [own, other].map(|text| Selector::new(text).unwrap());
            let covers = own.covers(&other);
            assert_eq!(Matcher::of(&[own]).covers(&other), covers);
            covers
        };
        assert!(covers("*/**", "**"));
        assert!(covers("a//*/**", "a//**"));
        assert!(covers("a/*/*/**", "a//**"));
        assert!(!covers("*/*/**", "**"));
        assert!(!covers("a/*/*/**", "a/*/**"));
    }

    proptest! {
        #[test]
        fn the_trie_agrees_with_matching_one_by_one(
            selectors in prop::collection::vec(selector(), 0..12),
            removed in prop::collection::vec(any::<bool>(), 12),
            topic in topic(),
        ) {
            let mut matcher = Matcher::default();
            for (group, selector) in selectors.iter().enumerate() {
                matcher.insert(selector, group);
            }
            let kept = |group: &usize| !removed[*group];
            for (group, selector) in selectors.iter().enumerate().filter(|(group, _)| !kept(group)) {
                matcher.remove(selector, group);
            }
            let expected: Vec<usize> =
                (0..selectors.len()).filter(kept).filter(|group| selectors[*group].matches(&topic)).collect();
            prop_assert_eq!(matcher.matches(&topic), expected);
        }

        #[test]
        fn the_trie_covers_what_one_of_its_selectors_covers(
            selectors in prop::collection::vec(selector(), 0..6),
            other in selector(),
            topic in topic(),
        ) {
            let mut matcher = Matcher::default();
            for selector in &selectors {
                matcher.insert(selector, 7);
            }
            let is_covered = selectors.iter().any(|selector| selector.covers(&other));
            prop_assert_eq!(matcher.covers(&other), is_covered);
            prop_assert_eq!(matcher.matches_any(&topic), !matcher.matches(&topic).is_empty());
        }

        #[test]
        fn removing_everything_leaves_nothing(selectors in prop::collection::vec(selector(), 0..12)) {
            let mut matcher = Matcher::default();
            for selector in &selectors {
                matcher.insert(selector, 7);
            }
            for selector in &selectors {
                matcher.remove(selector, 7);
            }
            prop_assert!(matcher.patterns.is_empty() && matcher.topics.is_empty());
            prop_assert_eq!(matcher.nodes, 0);
        }
    }
}
