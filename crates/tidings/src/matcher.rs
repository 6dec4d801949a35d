use std::collections::HashMap;

use tidings_log::Topic;

use crate::{Selector, selector::is_reserved};

/// Finds the groups whose selectors match a topic: a trie over segments.
///
/// The cost of a match depends on the segments of the topic and on the patterns that share them, not on how many
/// other selectors there are.
#[derive(Debug, Default)]
pub(crate) struct Matcher {
    root: Node,
}

/// The selectors that have the path to this node as their beginning.
#[derive(Debug, Default)]
struct Node {
    segments: HashMap<Box<str>, Self>,
    any: Option<Box<Self>>,
    /// Groups with a selector that ends exactly here.
    here: Vec<usize>,
    /// Groups with a selector that goes on with `**`.
    below: Vec<usize>,
}

impl Matcher {
    pub(crate) fn insert(&mut self, selector: &Selector, group: usize) {
        self.root
            .walk(&path(selector), &mut |groups| groups.push(group));
    }

    pub(crate) fn remove(&mut self, selector: &Selector, group: usize) {
        self.root.walk(&path(selector), &mut |groups| {
            groups.retain(|other| *other != group)
        });
    }

    /// The groups with a selector that matches the topic, each once, in ascending order.
    pub(crate) fn matches(&self, topic: &Topic) -> Vec<usize> {
        let segments: Vec<&str> = topic.segments().collect();
        let mut found = Vec::new();
        self.root
            .collect(&segments, !is_reserved(topic), &mut found);
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Whether some group names the topic itself.
    pub(crate) fn names(&self, topic: &Topic) -> bool {
        let mut node = &self.root;
        for segment in topic.segments() {
            match node.segments.get(segment) {
                Some(next) => node = next,
                None => return false,
            }
        }
        !node.here.is_empty()
    }
}

impl Node {
    /// Changes the groups at the end of a path, making nodes on the way and dropping those left empty.
    fn walk(&mut self, path: &[&str], change: &mut dyn FnMut(&mut Vec<usize>)) {
        match path {
            [] => change(&mut self.here),
            ["**"] => change(&mut self.below),
            ["*", rest @ ..] => {
                let next = self.any.get_or_insert_default();
                next.walk(rest, change);
                if next.is_empty() {
                    self.any = None;
                }
            }
            [segment, rest @ ..] => {
                let next = self.segments.entry((*segment).into()).or_default();
                next.walk(rest, change);
                if next.is_empty() {
                    self.segments.remove(*segment);
                }
            }
        }
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

    fn is_empty(&self) -> bool {
        self.segments.is_empty()
            && self.any.is_none()
            && self.here.is_empty()
            && self.below.is_empty()
    }
}

/// The segments of a selector; only a pattern has wildcards among them.
fn path(selector: &Selector) -> Vec<&str> {
    match selector {
        Selector::Topic(topic) => topic.segments().collect(),
        Selector::Pattern(pattern) => pattern.segments().collect(),
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
        fn removing_everything_leaves_nothing(selectors in prop::collection::vec(selector(), 0..12)) {
            let mut matcher = Matcher::default();
            for selector in &selectors {
                matcher.insert(selector, 7);
            }
            for selector in &selectors {
                matcher.remove(selector, 7);
            }
            prop_assert!(matcher.root.is_empty());
        }
    }
}
