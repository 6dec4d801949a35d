//! Selectors as sets of topics: which holds all of another, and what two have in common.

use tidings_log::{MAX_TOPIC_BYTES, Topic};

use crate::{
    Selector,
    selector::{Pattern, RESERVED},
};

impl Selector {
    /// Whether it matches everything that the other one does.
    ///
    /// ```
    /// use tidings::Selector;
    ///
    /// let jobs = Selector::new("jobs/**")?;
    /// assert!(jobs.covers(&Selector::new("jobs/*/log")?));
    /// assert!(!jobs.covers(&Selector::new("*/7")?));
    /// # Ok::<_, tidings::SelectorError>(())
    /// ```
    pub fn covers(&self, other: &Self) -> bool {
        let (own, other) = (Shape::of(self), Shape::of(other));
        let has_its_length = if own.is_open {
            own.segments.len() <= other.least()
        } else {
            !other.is_open && own.segments.len() == other.segments.len()
        };
        if !has_its_length || (own.begins_wild() && other.segment(0) == Some(RESERVED)) {
            return false;
        }
        let mut segments = own.segments.iter().enumerate();
        segments.all(|(place, own)| *own == ANY || other.segment(place) == Some(own))
    }

    /// The topics that both match, which is always one selector; `None` if there are none.
    ///
    /// Its text may be longer than that of a selector that can be [read](Self::new).
    ///
    /// ```
    /// use tidings::Selector;
    ///
    /// let common = |one: &str, two: &str| {
    ///     let common = Selector::new(one)?.intersect(&Selector::new(two)?);
    ///     Ok::<_, tidings::SelectorError>(common.map(|common| common.to_string()))
    /// };
    /// assert_eq!(common("users/*/inbox", "users/7/**")?.as_deref(), Some("users/7/inbox"));
    /// assert_eq!(common("jobs/*", "users/**")?, None);
    /// # Ok::<_, tidings::SelectorError>(())
    /// ```
    pub fn intersect(&self, other: &Self) -> Option<Self> {
        let (one, two) = (Shape::of(self), Shape::of(other));
        let length = match (one.is_open, two.is_open) {
            (true, true) => one.segments.len().max(two.segments.len()),
            (false, _) => one.segments.len(),
            (true, false) => two.segments.len(),
        };
        if one.segments.len().max(two.segments.len()) > length {
            return None;
        }
        let common = |place| match (one.segment(place)?, two.segment(place)?) {
            (ANY, segment) | (segment, ANY) => Some(segment),
            (segment, same) => (segment == same).then_some(segment),
        };
        let common = Shape {
            segments: (0..length).map(common).collect::<Option<_>>()?,
            is_open: one.is_open && two.is_open,
        };
        let begins_wild = one.begins_wild() || two.begins_wild();
        if begins_wild && common.segment(0) == Some(RESERVED) {
            return None;
        }
        common.selector()
    }

    /// Sorts selectors so that none covers one before it, unless that covers it too.
    pub(crate) fn widest_first(selectors: &mut [Self]) {
        selectors.sort_by_cached_key(|selector| {
            let shape = Shape::of(selector);
            let literal = shape.segments.iter().filter(|segment| **segment != ANY);
            (literal.count(), shape.segments.len(), !shape.is_open)
        });
    }
}

/// The segment that is anything. No topic has it.
const ANY: &str = "*";

/// What a selector says of the segments of its topics.
#[derive(Debug)]
struct Shape<'a> {
    /// The first ones.
    segments: Vec<&'a str>,
    /// Others may follow.
    is_open: bool,
}

impl<'a> Shape<'a> {
    fn of(selector: &'a Selector) -> Self {
        let mut segments: Vec<&str> = selector.as_str().split('/').collect();
        let is_open = segments.pop_if(|last| *last == "**").is_some();
        Self { segments, is_open }
    }

    fn segment(&self, place: usize) -> Option<&'a str> {
        let any = self.is_open.then_some(ANY);
        self.segments.get(place).copied().or(any)
    }

    fn begins_wild(&self) -> bool {
        self.segment(0) == Some(ANY)
    }

    /// How many segments a topic of it has at least: no topic has none, and no topic ends in an empty one.
    fn least(&self) -> usize {
        let may_end = self.segments.last().is_some_and(|last| !last.is_empty());
        self.segments.len() + usize::from(self.is_open && !may_end)
    }

    /// How many bytes the shortest topic of it has.
    fn shortest(&self) -> usize {
        let least = self.least();
        let bytes = |place| match self.segment(place) {
            // Whatever it is, but not empty at the end.
            Some(ANY) => usize::from(place + 1 == least),
            segment => segment.map_or(0, str::len),
        };
        let segments: usize = (0..least).map(bytes).sum();
        segments + least.saturating_sub(1)
    }

    /// The selector of this shape, if it matches any topic.
    fn selector(mut self) -> Option<Selector> {
        if !self.is_open && !self.segments.contains(&ANY) {
            let topic = Topic::new(self.segments.join("/"));
            return topic.ok().map(Selector::Topic);
        }
        let has_end = self.is_open || self.segments.last() != Some(&"");
        if !has_end || self.shortest() > MAX_TOPIC_BYTES {
            return None;
        }
        self.segments.extend(self.is_open.then_some("**"));
        Some(Selector::Pattern(Pattern::of(&self.segments)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    const LITERALS: [&str; 6] = ["_", "%.", "{}", "é", "", RESERVED];

    /// All texts of up to so many of these segments that can be read as something.
    fn all<T>(segments: &[&str], longest: usize, read: impl Fn(&str) -> Option<T>) -> Vec<T> {
        let (mut texts, mut of_a_length) = (Vec::new(), vec![String::new()]);
        for length in 1..=longest {
            let separator = if length == 1 { "" } else { "/" };
            let longer = of_a_length.iter().flat_map(|text| {
                let texts = segments.iter();
                texts.map(move |segment| format!("{text}{separator}{segment}"))
            });
            of_a_length = longer.collect();
            texts.extend(of_a_length.iter().cloned());
        }
        texts.iter().filter_map(|text| read(text)).collect()
    }

    fn all_topics() -> Vec<Topic> {
        all(&LITERALS, 4, |text| Topic::new(text).ok())
    }

    fn all_selectors() -> Vec<Selector> {
        let segments = [&LITERALS[..], &["*", "**"]].concat();
        all(&segments, 3, |text| Selector::new(text).ok())
    }

    /// The rules of the language, one by one, without anything of the code that they are about.
    fn is_match(selector: &str, topic: &str) -> bool {
        fn rest(pattern: &[&str], topic: &[&str]) -> bool {
            match (pattern, topic) {
                ([], []) => true,
                (["**"], _) => true,
                (["*", pattern @ ..], [_, topic @ ..]) => rest(pattern, topic),
                ([own, pattern @ ..], [segment, topic @ ..]) => {
                    own == segment && rest(pattern, topic)
                }
                _ => false,
            }
        }
        let pattern: Vec<&str> = selector.split('/').collect();
        let topic: Vec<&str> = topic.split('/').collect();
        let is_hidden = topic[0] == "tidings" && pattern[0].starts_with('*');
        !is_hidden && rest(&pattern, &topic)
    }

    /// Which of the topics it matches, a bit for each.
    fn matched(selector: &Selector, topics: &[Topic]) -> Vec<u64> {
        let mut bits = vec![0; topics.len().div_ceil(64)];
        for (place, topic) in topics.iter().enumerate() {
            let is_match = is_match(selector.as_str(), topic.as_str());
            assert_eq!(selector.matches(topic), is_match, "{selector} {topic}");
            bits[place / 64] |= u64::from(is_match) << (place % 64);
        }
        bits
    }

    #[test]
    fn all_pairs_of_a_small_alphabet_agree_with_the_rules() {
        let (topics, selectors) = (all_topics(), all_selectors());
        let matched: HashMap<&Selector, Vec<u64>> = selectors
            .iter()
            .map(|selector| (selector, matched(selector, &topics)))
            .collect();
        let nothing = vec![0; topics.len().div_ceil(64)];
        for (one, of_one) in &matched {
            for (two, of_two) in &matched {
                let both: Vec<u64> = of_one.iter().zip(of_two).map(|(a, b)| a & b).collect();
                let common = one.intersect(two);
                let of_common = common.as_ref().map_or(&nothing, |common| &matched[common]);
                assert_eq!(*of_common, both, "{one} and {two} have {common:?}");
                assert_eq!(common.is_none(), both == nothing, "{one} and {two}");
                assert_eq!(one.covers(two), both == **of_two, "{one} covers {two}");
            }
        }
    }

    #[test]
    fn none_covers_what_is_wider() {
        let mut selectors = all_selectors();
        Selector::widest_first(&mut selectors);
        for (place, narrow) in selectors.iter().enumerate() {
            let covered = selectors[..place].iter().filter(|wide| narrow.covers(wide));
            for wide in covered {
                assert!(wide.covers(narrow), "{narrow} before {wide}");
            }
        }
    }

    fn common(one: &str, two: &str) -> Option<String> {
        let [one, two] = [one, two].map(|text| Selector::new(text).unwrap());
        let common = one.intersect(&two);
        assert_eq!(common, two.intersect(&one));
        common.map(|common| common.to_string())
    }

    #[test]
    fn a_leading_wildcard_has_nothing_in_common_with_the_hubs_own_topics() {
        assert_eq!(common("**", "tidings/**"), None);
        assert_eq!(common("*/x", "tidings/x"), None);
        assert_eq!(
            common("tidings/*", "tidings/**").as_deref(),
            Some("tidings/*")
        );
    }

    #[test]
    fn no_topic_has_more_bytes_than_allowed() {
        let (a, b) = ("a".repeat(255), "b".repeat(255));
        let (ab, longer) = (format!("{a}/{b}"), format!("{b}bb"));
        assert_eq!(
            common(&format!("{a}/*"), &format!("*/{b}")),
            Some(ab.clone())
        );
        assert_eq!(common(&format!("{a}/*"), &format!("*/{longer}")), None);
        // One topic is short enough, and its pattern is longer than it.
        let below = common(&format!("{a}/*/**"), &format!("*/{b}/**")).unwrap();
        assert_eq!(below.len(), 514);
        assert!(Selector::new(&below).is_err());
        let below = Selector::new(format!("{a}/*/**"))
            .unwrap()
            .intersect(&Selector::new(format!("*/{b}/**")).unwrap());
        assert!(below.unwrap().matches(&Topic::new(ab).unwrap()));
        assert_eq!(
            common(&format!("{a}/*/**"), &format!("*/{longer}/**")),
            None
        );
        assert_eq!(common(&format!("{a}/*/*/**"), &format!("*/{b}/**")), None);
    }

    fn segments() -> impl Strategy<Value = Vec<&'static str>> {
        let long = "x".repeat(170).leak();
        let segment = prop::sample::select(vec!["a", "b", "", "é", "{}", RESERVED, long]);
        prop::collection::vec(segment, 1..5)
    }

    /// A selector that matches the topic of these segments, or nearly.
    fn selector() -> impl Strategy<Value = Selector> {
        let choices = prop::collection::vec(0..4_u8, 5);
        let made = (segments(), choices, any::<bool>()).prop_map(|(segments, choices, is_open)| {
            let chosen = segments.iter().zip(choices);
            let mut chosen: Vec<&str> = chosen
                .map(|(segment, choice)| if choice == 0 { "*" } else { segment })
                .collect();
            chosen.extend(is_open.then_some("**"));
            chosen.join("/")
        });
        made.prop_filter_map("not a selector", |text| Selector::new(text).ok())
    }

    fn topic() -> impl Strategy<Value = Topic> {
        segments().prop_filter_map("not a topic", |segments| {
            Topic::new(segments.join("/")).ok()
        })
    }

    proptest! {
        #[test]
        fn both_match_what_their_intersection_matches(
            one in selector(),
            two in selector(),
            topics in prop::collection::vec(topic(), 20),
        ) {
            let common = one.intersect(&two);
            for topic in &topics {
                let is_match = common.as_ref().is_some_and(|common| common.matches(topic));
                prop_assert_eq!(one.matches(topic) && two.matches(topic), is_match);
                prop_assert!(!(one.covers(&two) && two.matches(topic)) || one.matches(topic));
            }
            if let Some(common) = &common {
                prop_assert!(one.covers(common) && two.covers(common));
            }
        }
    }
}
