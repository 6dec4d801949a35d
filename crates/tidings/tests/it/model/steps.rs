use proptest::prelude::*;

use super::{KEYS, SELECTORS, TOPICS};

#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) topic: usize,
    pub(super) key: Option<usize>,
    /// Of the type that filters ask for.
    pub(super) named: bool,
    /// So large that a group holds no second one.
    pub(super) large: bool,
    pub(super) last: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Start {
    Now,
    Oldest,
    Newest(usize),
    At(f64),
    /// Where another reader is.
    AsFarAs(prop::sample::Index),
    UnknownId,
    OtherEpoch,
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Publish(Vec<Line>),
    Delete(usize),
    Subscribe {
        selectors: Vec<usize>,
        filtered: bool,
        start: Start,
    },
    TakeOne(prop::sample::Index),
    TakeAll(prop::sample::Index),
    Change {
        reader: prop::sample::Index,
        subscribe: Vec<usize>,
        unsubscribe: Vec<usize>,
    },
    Disconnect(prop::sample::Index),
    Drop(prop::sample::Index),
}

pub(super) fn line() -> impl Strategy<Value = Line> {
    let key = prop::option::weighted(0.5, 0..KEYS.len());
    let flags = (
        prop::bool::weighted(0.7),
        prop::bool::weighted(0.3),
        prop::bool::weighted(0.12),
    );
    (0..TOPICS.len(), key, flags).prop_map(|(topic, key, (named, large, last))| Line {
        topic,
        key,
        named,
        large,
        last,
    })
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let any_reader = any::<prop::sample::Index>;
    let selectors =
        |least| prop::sample::subsequence((0..SELECTORS.len()).collect::<Vec<_>>(), least..3);
    let start = prop_oneof![
        3 => Just(Start::Now),
        2 => Just(Start::Oldest),
        2 => (0..6usize).prop_map(Start::Newest),
        3 => (0.0..=1.0f64).prop_map(Start::At),
        3 => any_reader().prop_map(Start::AsFarAs),
        1 => Just(Start::UnknownId),
        1 => Just(Start::OtherEpoch),
    ];
    let subscribe = (selectors(1), prop::bool::weighted(0.2), start).prop_map(
        |(selectors, filtered, start)| Step::Subscribe {
            selectors,
            filtered,
            start,
        },
    );
    let change =
        (any_reader(), selectors(0), selectors(0)).prop_map(|(reader, subscribe, unsubscribe)| {
            Step::Change {
                reader,
                subscribe,
                unsubscribe,
            }
        });
    prop_oneof![
        8 => line().prop_map(|line| Step::Publish(vec![line])),
        3 => prop::collection::vec(line(), 2..5).prop_map(Step::Publish),
        1 => (0..TOPICS.len()).prop_map(Step::Delete),
        4 => subscribe,
        3 => any_reader().prop_map(Step::TakeOne),
        4 => any_reader().prop_map(Step::TakeAll),
        2 => change,
        1 => any_reader().prop_map(Step::Disconnect),
        1 => any_reader().prop_map(Step::Drop),
    ]
}
