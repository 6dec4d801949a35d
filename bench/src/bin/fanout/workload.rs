use std::time::Duration;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// What is done to each contender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Workload {
    /// 15,000 readers to whom nothing happens but what keeps their connections alive
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
    /// 10,000 readers, 1,000 events a second
    #[value(name = "rate-1k-10k")]
    #[serde(rename = "rate-1k-10k")]
    Rate1k10k,
    /// 1,000 readers, 10,000 events a second in batches
    #[value(name = "rate-10k")]
    #[serde(rename = "rate-10k")]
    Rate10k,
    /// 1,000 topics with 10 readers each, 1,000 events a second on all of them in turn
    Topics,
    /// 10,000 topics with one reader each, 5,000 events a second on all of them in turn
    #[value(name = "topics-10k")]
    #[serde(rename = "topics-10k")]
    Topics10k,
    /// 1,000 readers, each on 100 topics of 1,000, no two on the same ones; 500 events a second on all of them in turn
    TopicsEach,
    /// 10,000 readers, each on one of 100 patterns that match ten topics each; 500 events a second on all of them in turn
    Patterns,
    /// 1,000 readers who stay while 2,000 others a second come and go, 100 events a second
    Churn,
    /// What a publication costs that nobody reads, beside 10,000 readers of other topics or none, on one topic or on 10,000
    Publishing,
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

impl Workload {
    /// How long idle readers are watched who get a sign of life so often.
    pub(crate) fn idle_span(size: Size, keep_alive: Duration) -> Duration {
        match size {
            Size::Smoke => Duration::from_millis(200),
            Size::Medium => 2 * keep_alive,
            Size::Full => 4 * keep_alive,
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
