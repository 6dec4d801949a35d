use proptest::prelude::*;

use super::{KEYS, TOPICS};

#[derive(Debug, Clone)]
pub(super) enum Step {
    Append {
        topic: usize,
        key: Option<usize>,
        bytes: usize,
        last: bool,
        in_use: Vec<usize>,
    },
    Forget(usize),
    Expire(u64),
    /// The log is closed and, so long after it, opened again, if it outlives that.
    Restart(u64),
    Page {
        topics: Vec<usize>,
        after: f64,
        until: f64,
        records: usize,
        bytes: u64,
    },
    Newest {
        topics: Vec<usize>,
        n: usize,
        until: f64,
    },
    Losses {
        topics: Vec<usize>,
        after: f64,
        since: f64,
    },
}

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let topic = prop_oneof![1 => 0..TOPICS.len(), 1 => Just(3)];
    let topics = || prop::sample::subsequence((0..TOPICS.len()).collect::<Vec<_>>(), 1..4);
    let few = prop::sample::subsequence((0..TOPICS.len()).collect::<Vec<_>>(), 0..3);
    let place = || 0.0..=1.0f64;
    let append = (
        topic.clone(),
        prop::option::weighted(0.8, 0..KEYS.len()),
        0..300usize,
        prop::bool::weighted(0.1),
        few,
    )
        .prop_map(|(topic, key, bytes, last, in_use)| Step::Append {
            topic,
            key,
            bytes,
            last,
            in_use,
        });
    let page = (topics(), place(), place(), 1..5usize, 1..900u64).prop_map(
        |(topics, after, until, records, bytes)| Step::Page {
            topics,
            after,
            until,
            records,
            bytes,
        },
    );
    let newest = (topics(), 0..5usize, place()).prop_map(|(topics, n, until)| Step::Newest {
        topics,
        n,
        until,
    });
    let losses = (topics(), place(), place()).prop_map(|(topics, after, since)| Step::Losses {
        topics,
        after,
        since,
    });
    let step = prop_oneof![
        8 => append,
        1 => topic.prop_map(Step::Forget),
        1 => (0..60u64).prop_map(Step::Expire),
        1 => (0..60u64).prop_map(Step::Restart),
        1 => page,
        1 => newest,
        4 => losses,
    ];
    prop::collection::vec(step, 1..80)
}
