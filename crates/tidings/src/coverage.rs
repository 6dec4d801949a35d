//! Selectors as sets of topics: which holds all of another, and what two have in common.

use std::iter::{from_fn, repeat};

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
            own.length <= other.least()
        } else {
            !other.is_open && own.length == other.length
        };
        if !has_its_length || (own.begins_wild() && other.first() == RESERVED) {
            return false;
        }
        let mut segments = own.segments().zip(other.segments().chain(repeat(ANY)));
        segments.all(|(own, other)| own == ANY || own == other)
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
        let length = one.length.max(two.length);
        let has_its_length = |shape: &Shape<'_>| shape.is_open || shape.length == length;
        if !has_its_length(&one) || !has_its_length(&two) {
            return None;
        }
        let mut text = String::with_capacity(one.text.len() + two.text.len());
        let [of_one, of_two] = [&one, &two].map(|shape| shape.segments().chain(repeat(ANY)));
        for (place, pair) in of_one.zip(of_two).take(length).enumerate() {
            let segment = match pair {
                (ANY, segment) | (segment, ANY) => segment,
                (segment, same) if segment == same => segment,
                _ => return None,
            };
            text.push_str(if place == 0 { "" } else { "/" });
            text.push_str(segment);
        }
        let common = Shape {
            text: &text,
            length,
            is_open: one.is_open && two.is_open,
        };
        let begins_wild = one.begins_wild() || two.begins_wild();
        if begins_wild && common.first() == RESERVED {
            return None;
        }
        common.selector()
    }

    /// Sorts selectors so that none covers one before it, unless that covers it too.
    pub(crate) fn widest_first(selectors: &mut [Self]) {
        selectors.sort_by_cached_key(|selector| {
            let shape = Shape::of(selector);
            let literal = shape.segments().filter(|segment| *segment != ANY);
            (literal.count(), shape.length, !shape.is_open)
        });
    }
}

/// The segment that is anything. No topic has it.
const ANY: &str = "*";

/// What a selector says of the segments of its topics.
#[derive(Debug)]
struct Shape<'a> {
    /// The first ones, with slashes between them.
    text: &'a str,
    /// How many these are: an empty text may be none or one.
    length: usize,
    /// Others may follow.
    is_open: bool,
}

impl<'a> Shape<'a> {
    fn of(selector: &'a Selector) -> Self {
        let text = selector.as_str();
        let (text, is_open) = match text.strip_suffix("**") {
            None => (Some(text), false),
            // Without a slash before it there is nothing else.
            Some(rest) => (rest.strip_suffix('/'), true),
        };
        Self {
            text: text.unwrap_or_default(),
            length: text.map_or(0, |text| segments(text).count()),
            is_open,
        }
    }

    fn segments(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        segments(self.text).take(self.length)
    }

    /// What the first segment of its topics is.
    fn first(&self) -> &'a str {
        self.segments().next().unwrap_or(ANY)
    }

    fn begins_wild(&self) -> bool {
        self.first() == ANY
    }

    /// How many segments a topic of it has at least: no topic has none, and no topic ends in an empty one.
    fn least(&self) -> usize {
        let may_end = self.segments().last().is_some_and(|last| !last.is_empty());
        self.length + usize::from(self.is_open && !may_end)
    }

    /// How many bytes the shortest topic of it has.
    fn shortest(&self) -> usize {
        let least = self.least();
        let bytes = |(place, segment)| match segment {
            // Whatever it is, but not empty at the end.
            ANY => usize::from(place + 1 == least),
            segment => segment.len(),
        };
        let segments = self.segments().chain(repeat(ANY)).take(least);
        let segments: usize = segments.enumerate().map(bytes).sum();
        segments + least.saturating_sub(1)
    }

    /// The selector of this shape, if it matches any topic.
    fn selector(&self) -> Option<Selector> {
        if !self.is_open && self.segments().all(|segment| segment != ANY) {
            return Topic::new(self.text).ok().map(Selector::Topic);
        }
        let has_end = self.is_open || self.segments().last() != Some("");
        if !has_end || self.shortest() > MAX_TOPIC_BYTES {
            return None;
        }
        let pattern = match (self.is_open, self.length) {
            (false, _) => Pattern::of(self.text),
            (true, 0) => Pattern::of("**"),
            (true, _) => Pattern::of(&format!("{}/**", self.text)),
        };
        Some(Selector::Pattern(pattern))
    }
}

/// The parts between the slashes. `str::split` takes several times as long for segments as short as these, and rights
/// are compared with what is asked for at every connect.
fn segments(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    from_fn(move || {
        let text = rest?;
        let slash = text.bytes().position(|byte| byte == b'/');
        rest = slash.map(|slash| &text[slash + 1..]);
        Some(&text[..slash.unwrap_or(text.len())])
    })
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
