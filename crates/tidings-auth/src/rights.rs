use std::sync::LazyLock;

use tidings::{Selector, Selectors, Topic};

/// What somebody may do: the topics to publish to, the topics to subscribe to, and whether to administrate.
///
/// Equal rights compare and hash equal, in whatever order they were given, so rights can be what a cache goes by.
/// A pattern that begins with a wildcard does not match the hub's own topics under `tidings/`, as in a [`Selector`].
///
/// ```
/// use tidings::{Selector, Topic};
/// use tidings_auth::Rights;
///
/// let rights = Rights::new([Selector::new("orders/*")?], [Selector::new("orders/**")?]);
/// assert!(rights.may_publish(&Topic::new("orders/7")?));
/// assert!(!rights.may_publish(&Topic::new("orders/7/lines")?));
/// assert!(rights.may_subscribe(&Topic::new("orders/7/lines")?));
/// assert!(!rights.is_admin());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rights {
    publish: Selectors,
    subscribe: Selectors,
    admin: bool,
}

impl Rights {
    /// The right to publish to the first, and to subscribe to the second.
    pub fn new(
        publish: impl IntoIterator<Item = Selector>,
        subscribe: impl IntoIterator<Item = Selector>,
    ) -> Self {
        Self {
            publish: publish.into_iter().collect(),
            subscribe: subscribe.into_iter().collect(),
            admin: false,
        }
    }

    /// The same, and the right to administrate.
    #[must_use]
    pub fn with_admin(self) -> Self {
        Self {
            admin: true,
            ..self
        }
    }

    /// The same, and the right to subscribe to what this matches.
    #[must_use]
    pub fn and_subscribe(&self, selector: Selector) -> Self {
        let subscribe = self.subscribe.iter().cloned().chain([selector]);
        Self {
            publish: self.publish.clone(),
            subscribe: subscribe.collect(),
            admin: self.admin,
        }
    }

    /// All rights, those on the hub's own topics included.
    pub fn everything() -> Self {
        // On an open hub every request has them.
        static EVERYTHING: LazyLock<Rights> = LazyLock::new(|| {
            let all = ["**", "tidings/**"].map(|text| Selector::new(text).expect("a selector"));
            Rights::new(all.clone(), all).with_admin()
        });
        EVERYTHING.clone()
    }

    /// What may be published to.
    pub fn publish(&self) -> &Selectors {
        &self.publish
    }

    /// What may be subscribed to.
    pub fn subscribe(&self) -> &Selectors {
        &self.subscribe
    }

    /// Whether an event may be published to the topic.
    pub fn may_publish(&self, topic: &Topic) -> bool {
        self.publish.matches(topic)
    }

    /// Whether events of the topic may be seen.
    pub fn may_subscribe(&self, topic: &Topic) -> bool {
        self.subscribe.matches(topic)
    }

    /// Whether nothing that the selector matches has to be held back: a subscription to it needs no look at each event.
    ///
    /// `false` is no denial: the selectors of the rights may cover it together.
    ///
    /// ```
    /// use tidings::Selector;
    /// use tidings_auth::Rights;
    ///
    /// let rights = Rights::new([], [Selector::new("users/7/**")?]);
    /// assert!(rights.covers(&Selector::new("users/7/*")?));
    /// assert!(!rights.covers(&Selector::new("users/**")?));
    /// # Ok::<(), tidings::SelectorError>(())
    /// ```
    pub fn covers(&self, selector: &Selector) -> bool {
        self.subscribe.covers(selector)
    }

    /// Whether connections may be seen and ended, histories deleted, and dashboards broadcast to.
    pub fn is_admin(&self) -> bool {
        self.admin
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn selectors(texts: &[&str]) -> Vec<Selector> {
        let selectors = texts.iter().map(|text| Selector::new(text).unwrap());
        selectors.collect()
    }

    fn topic(text: &str) -> Topic {
        Topic::new(text).unwrap()
    }

    #[test]
    fn rights_are_equal_in_any_order_and_however_often_said() {
        let one = Rights::new(selectors(&["b", "a/**"]), selectors(&["c"]));
        let other = Rights::new(selectors(&["a/**", "b", "a/**"]), selectors(&["c"]));
        assert_eq!(one, other);
        assert_ne!(one, other.clone().with_admin());
        assert_ne!(
            one,
            Rights::new(selectors(&["c"]), selectors(&["a/**", "b"]))
        );
    }

    #[test]
    fn publishing_and_subscribing_are_separate() {
        let rights = Rights::new(selectors(&["in/*"]), selectors(&["out/*"]));
        assert!(rights.may_publish(&topic("in/1")));
        assert!(!rights.may_publish(&topic("out/1")));
        assert!(rights.may_subscribe(&topic("out/1")));
        assert!(!rights.may_subscribe(&topic("in/1")));
    }

    #[test]
    fn only_everything_and_a_literal_start_reach_the_hubs_own_topics() {
        let own = topic("tidings/dashboard");
        assert!(!Rights::new([], selectors(&["**", "*/dashboard"])).may_subscribe(&own));
        assert!(Rights::new([], selectors(&["tidings/**"])).may_subscribe(&own));
        assert!(Rights::everything().may_subscribe(&own));
        assert!(Rights::everything().may_publish(&own));
        assert!(!Rights::default().may_subscribe(&topic("a")));
    }

    #[test]
    fn a_segment_is_matched_as_it_is() {
        let rights = Rights::new([], selectors(&["a/*"]));
        for other in ["a/b/c", "a/../b", "a", "A/b", "a//b"] {
            assert!(!rights.may_subscribe(&topic(other)), "{other}");
        }
        assert!(rights.may_subscribe(&topic("a/b%2Fc")));
        assert!(!rights.may_subscribe(&topic("a%2Fb")));
    }

    #[test]
    fn a_selector_is_covered_by_one_that_is_wider() {
        let covered = |own: &[&str], asked: &str| {
            let asked = Selector::new(asked).unwrap();
            Rights::new([], selectors(own)).covers(&asked)
        };
        assert!(covered(&["a/**"], "a"));
        assert!(covered(&["a/**"], "a/*/b"));
        assert!(covered(&["a/*"], "a/*"));
        assert!(covered(&["**"], "*/x/**"));
        assert!(!covered(&["a/*"], "a/**"));
        assert!(!covered(&["a/b"], "a/*"));
        assert!(!covered(&["**"], "tidings/*"));
        assert!(covered(&["tidings/**"], "tidings/*"));
    }

    fn segment() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec!["a", "b", "", "_", "{}", "é", "tidings"])
    }

    fn text(last: &'static [&'static str]) -> impl Strategy<Value = String> {
        let wild = prop_oneof![3 => segment(), 1 => Just("*")];
        let end = prop::option::of(prop::sample::select(last));
        (prop::collection::vec(wild, 1..4), end).prop_map(|(mut segments, end)| {
            segments.extend(end);
            segments.join("/")
        })
    }

    proptest! {
        #[test]
        fn what_is_covered_may_be_subscribed_to(
            own in prop::collection::vec(text(&["**", "*"]), 1..4),
            asked in text(&["**", "*"]),
            topics in prop::collection::vec(prop::collection::vec(segment(), 1..5), 50),
        ) {
            let own = own.iter().filter_map(|text| Selector::new(text).ok());
            let rights = Rights::new([], own);
            let Ok(asked) = Selector::new(asked) else { return Ok(()) };
            if rights.covers(&asked) {
                let topics = topics.iter().filter_map(|topic| Topic::new(topic.join("/")).ok());
                for topic in topics.filter(|topic| asked.matches(topic)) {
                    prop_assert!(rights.may_subscribe(&topic), "{topic}");
                }
            }
        }
    }
}
