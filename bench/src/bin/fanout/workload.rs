use std::time::Duration;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// What is done to each contender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Workload {
    /// 10,000 readers to whom nothing happens but what keeps their connections alive
    Idle,
    /// 1,000 readers of one topic, 5 events a second
    #[value(name = "paced-1k")]
    #[serde(rename = "paced-1k")]
    Paced1k,
    /// 10,000 readers of one topic, 5 events a second
    #[value(name = "paced-10k")]
    #[serde(rename = "paced-10k")]
    Paced10k,
    /// 1,000 readers, a publisher that sends the next event as soon as the last one is answered
    Burst,
    /// 1,000 readers, 1,000 events a second
    #[value(name = "rate-1k")]
    #[serde(rename = "rate-1k")]
    Rate1k,
    /// 1,000 readers, 10,000 events a second in batches
    #[value(name = "rate-10k")]
    #[serde(rename = "rate-10k")]
    Rate10k,
    /// 1,000 topics with 10 readers each, 1,000 events a second on all of them in turn
    Topics,
    /// 1,000 readers and one that reads nothing, 2,000 events a second
    Stalled,
    /// All readers are cut, miss some events and come back at once
    Resume,
}

/// How much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Size {
    /// 50 readers: only counts mean something
    Smoke,
    /// A few seconds each
    Medium,
    /// What is to be quoted, on a quiet machine
    Full,
}

/// What a workload comes to at a size.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) readers: usize,
    pub(crate) topics: usize,
    pub(crate) events: u64,
    pub(crate) pace: Pace,
}

/// When the publisher sends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// So many events a second, those that are due in each `tick` together.
    PerSecond { events: f64, tick: Duration },
    /// The next when the last is answered.
    Singly,
}

impl Workload {
    pub(crate) fn plan(self, size: Size) -> Plan {
        let per_second = |events: u32, tick| Pace::PerSecond {
            events: f64::from(events),
            tick: Duration::from_millis(tick),
        };
        let (readers, topics, events, pace) = match self {
            Self::Idle => (10_000, 1, [0; 3], Pace::Singly),
            Self::Paced1k => (1_000, 1, [10, 20, 100], per_second(5, 1)),
            Self::Paced10k => (10_000, 1, [10, 20, 100], per_second(5, 1)),
            Self::Burst => (1_000, 1, [100, 300, 1_000], Pace::Singly),
            Self::Rate1k => (1_000, 1, [200, 2_500, 10_000], per_second(1_000, 1)),
            Self::Rate10k => (1_000, 1, [1_000, 25_000, 100_000], per_second(10_000, 5)),
            Self::Topics => (10_000, 1_000, [500, 3_000, 10_000], per_second(1_000, 1)),
            Self::Stalled => (1_000, 1, [500, 8_000, 20_000], per_second(2_000, 2)),
            Self::Resume => (10_000, 1, [10, 10, 20], per_second(100, 10)),
        };
        let [smoke, medium, full] = events;
        let plan = Plan {
            readers,
            topics,
            events: full,
            pace,
        };
        match (size, self) {
            (Size::Full, _) => plan,
            (Size::Medium, Self::Resume) => Plan {
                readers: 5_000,
                events: medium,
                ..plan
            },
            (Size::Medium, _) => Plan {
                events: medium,
                ..plan
            },
            (Size::Smoke, _) => Plan {
                readers: 50,
                topics: topics.min(25),
                events: smoke,
                pace: match pace {
                    Pace::PerSecond { events, tick } => Pace::PerSecond {
                        events: events.max(50.0),
                        tick,
                    },
                    Pace::Singly => Pace::Singly,
                },
            },
        }
    }

    /// How long idle readers are watched: two keep-alives of most contenders, and what is left of a third.
    pub(crate) fn idle_span(size: Size) -> Duration {
        match size {
            Size::Smoke => Duration::from_secs(1),
            Size::Medium | Size::Full => Duration::from_secs(40),
        }
    }

    /// As it is named on the command line.
    pub(crate) fn key(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// What it is, as the command line says it.
    pub(crate) fn describe(self) -> String {
        let value = self.to_possible_value();
        let help = value.and_then(|value| value.get_help().map(ToString::to_string));
        help.unwrap_or_default()
    }
}
