//! Where a dashboard's events are kept. The topics are the hub's own: nobody publishes there but by a broadcast.

use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tidings::{Durability, LagPolicy, Retention, Selector, Subscription, Topic, TopicSettings};

use crate::settings::Settings;

/// Everything that dashboards follow.
const FEED: &str = "tidings/dashboard/**";
const HEALTH: &str = "tidings/dashboard/health";
const METRICS: &str = "tidings/dashboard/metrics";
const NOTIFICATIONS: &str = "tidings/dashboard/notifications";
const BADGES: &str = "tidings/dashboard/badges";
const EVENTS: &str = "tidings/dashboard/events";

/// How many notifications a page that opens late is given.
pub(super) const NOTIFICATIONS_SHOWN: usize = 50;

/// Bytes of the longest name of a badge: written in full it fits into a topic three times.
pub(super) const BADGE_NAME_BYTES: usize = 128;

/// What is left of a badge's name in its topic.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'~');

/// In place of the name of a badge that has none; a badge of this name has another topic.
const NAMELESS: &str = "_";

const YEAR: Duration = Duration::from_secs(365 * 86_400);

/// All that a dashboard is told, and first what a page that opens late has to know: each badge as it is now, and the last
/// notifications.
pub(super) fn subscription() -> Subscription {
    Subscription::to(selector(FEED))
        .recalling(all_badges(), 1)
        .recalling(topic(NOTIFICATIONS), NOTIFICATIONS_SHOWN)
}

pub(super) fn health() -> Topic {
    topic(HEALTH)
}

pub(super) fn metrics() -> Topic {
    topic(METRICS)
}

pub(super) fn notifications() -> Topic {
    topic(NOTIFICATIONS)
}

/// Every other event.
pub(super) fn events() -> Topic {
    topic(EVENTS)
}

/// Each badge has a topic of its own, so that its newest value stays however often others change.
pub(super) fn badge(name: Option<&str>) -> Topic {
    let name = match name {
        Some(name) => utf8_percent_encode(name, PLAIN).to_string(),
        None => NAMELESS.to_owned(),
    };
    topic(&format!("{BADGES}/{name}"))
}

pub(super) fn all_badges() -> Selector {
    selector(&format!("{BADGES}/*"))
}

/// How long the events of these topics are kept. These settings come before those of others.
pub(crate) fn settings(settings: &Settings) -> Vec<TopicSettings> {
    let kept = |selector: Selector, events, bytes, age| TopicSettings {
        retention: Some(Retention { events, bytes, age }),
        ..TopicSettings::of(selector)
    };
    // A page that was away for less than that gets every figure; one that is too slow, the newest ones.
    let figures = |name| TopicSettings {
        lag: Some(LagPolicy::Conflate),
        durability: Some(Durability::Memory),
        ..kept(
            topic(name).into(),
            6_000,
            16 << 20,
            Duration::from_secs(600),
        )
    };
    let durability = Some(settings.durability);
    vec![
        figures(HEALTH),
        figures(METRICS),
        TopicSettings {
            durability,
            ..kept(topic(NOTIFICATIONS).into(), 1_000, 64 << 20, YEAR)
        },
        TopicSettings {
            durability,
            ..kept(all_badges(), 100, 1 << 20, 10 * YEAR)
        },
    ]
}

fn topic(name: &str) -> Topic {
    Topic::new(name).expect("names of these topics are topics")
}

fn selector(pattern: &str) -> Selector {
    Selector::new(pattern).expect("patterns of these topics are selectors")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_within_the_bound_has_a_topic_of_its_own() {
        let long = "é".repeat(BADGE_NAME_BYTES / 2);
        let names = [
            "a",
            "a/b",
            "a%2Fb",
            "*",
            "**",
            "\n",
            " ",
            "a.b-c_d~e",
            "_",
            &long,
        ];
        let topics = names.map(Some).into_iter().chain([None]).map(badge);
        let topics: Vec<_> = topics.collect();
        for (index, topic) in topics.iter().enumerate() {
            assert!(all_badges().matches(topic), "{topic}");
            assert!(!topics[..index].contains(topic), "{topic}");
        }
    }
}
