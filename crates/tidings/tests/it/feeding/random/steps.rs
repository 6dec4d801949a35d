//! What may happen, in any order.

use proptest::prelude::*;
use tidings::Selector;

use crate::fixture::selector;

use super::super::engine::ENOUGH;

pub(super) const TOPICS: [&str; 4] = ["a", "b", "c/1", "c/2"];
const SELECTORS: [&str; 6] = ["a", "b", "c/1", "c/*", "*", "**"];

#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) topic: usize,
    pub(super) key: bool,
    pub(super) large: bool,
    pub(super) last: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Start {
    Now,
    Oldest,
    Hello,
    Resume,
}

pub(super) type Any = prop::sample::Index;

#[derive(Clone, Debug)]
pub(super) enum Step {
    Publish(Line),
    Open {
        thread: usize,
        selectors: Vec<usize>,
        start: Start,
    },
    /// A stream goes on by itself, and is fed then if it may.
    Look(Any),
    /// The same, but it is not fed.
    LookOnly(Any),
    /// A stream is fed if it may, whatever it has taken.
    Join(Any),
    TakeOwn(Any),
    Leave(Any),
    HandOne(Any),
    Hand(Any),
    /// A feed takes up to so many bytes, after all that it took before has been handed out.
    Take(Any, usize),
    /// Whoever was woken does what there is to do.
    Run,
    Change(Any, Vec<usize>, Vec<usize>),
    Disconnect(Any),
    Drop(Any),
    /// A topic is deleted between small events.
    Delete(usize),
    /// All events become too old, and new ones come.
    Expire,
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let line = (
        0..TOPICS.len(),
        any::<bool>(),
        prop::bool::weighted(0.15),
        prop::bool::weighted(0.03),
    )
        .prop_map(|(topic, key, large, last)| Line {
            topic,
            key,
            large,
            last,
        });
    let selectors =
        |least| prop::sample::subsequence((0..SELECTORS.len()).collect::<Vec<_>>(), least..3);
    let start = prop_oneof![
        5 => Just(Start::Now),
        1 => Just(Start::Oldest),
        1 => Just(Start::Hello),
        1 => Just(Start::Resume),
    ];
    let open = (0..2usize, selectors(1), start).prop_map(|(thread, selectors, start)| Step::Open {
        thread,
        selectors,
        start,
    });
    prop_oneof![
        16 => line.prop_map(Step::Publish),
        4 => open,
        6 => any::<Any>().prop_map(Step::Look),
        2 => any::<Any>().prop_map(Step::LookOnly),
        3 => any::<Any>().prop_map(Step::Join),
        2 => any::<Any>().prop_map(Step::TakeOwn),
        3 => any::<Any>().prop_map(Step::Leave),
        3 => any::<Any>().prop_map(Step::HandOne),
        6 => any::<Any>().prop_map(Step::Hand),
        10 => (any::<Any>(), prop_oneof![Just(1), Just(100), Just(ENOUGH)])
            .prop_map(|(feed, limit)| Step::Take(feed, limit)),
        2 => Just(Step::Run),
        2 => (any::<Any>(), selectors(0), selectors(0))
            .prop_map(|(stream, subscribe, unsubscribe)| Step::Change(stream, subscribe, unsubscribe)),
        1 => any::<Any>().prop_map(Step::Disconnect),
        1 => any::<Any>().prop_map(Step::Drop),
        1 => (0..TOPICS.len()).prop_map(Step::Delete),
        1 => Just(Step::Expire),
    ]
}

impl Line {
    pub(super) fn small(topic: usize) -> Self {
        Self {
            topic,
            key: false,
            large: false,
            last: false,
        }
    }
}

pub(super) fn chosen(places: &[usize]) -> Vec<Selector> {
    places
        .iter()
        .map(|place| selector(SELECTORS[*place]))
        .collect()
}
