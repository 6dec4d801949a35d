//! Whoever leaves a feed goes on by itself exactly, wherever the feed is.

use tidings::{Broker, Fed};

use crate::fixture::{Now, keeping, publish, selector};

use super::{
    engine::{ENOUGH, Engine, Stream, large},
    streams,
};

/// What a feed and those about it do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    Publish(&'static str),
    Take,
    /// One event of the batch is handed out to the one that is about to leave.
    Hand,
}

use Work::{Hand, Publish, Take};

/// Batches of one event each, without a rest between them.
const ONE_BY_ONE: &[Work] = &[
    Take,
    Publish("1"),
    Take,
    Publish("2"),
    Hand,
    Take,
    Publish("3"),
    Hand,
    Take,
    Hand,
    Take,
    Publish("4"),
];

/// Batches of two.
const IN_PAIRS: &[Work] = &[
    Publish("1"),
    Publish("2"),
    Take,
    Hand,
    Publish("3"),
    Hand,
    Publish("4"),
    Take,
    Hand,
    Hand,
    Take,
];

/// One of two streams leaves at every point of the work. Whatever happens then, both are given what a reader is given
/// that takes for itself.
fn check(work: &[Work], then: impl Fn(&Broker, &mut Stream)) {
    for point in 0..=work.len() {
        let broker = Broker::new();
        let [mut stays, mut leaves, mut own] = streams(&broker);
        let mut engine = Engine::of(&stays);
        assert!(engine.join(&mut stays) && engine.join(&mut leaves));
        for (place, step) in work.iter().enumerate() {
            if place == point {
                engine.leave(&mut leaves);
                then(&broker, &mut leaves);
            }
            match step {
                Publish(data) => drop(publish(&broker, "a", data)),
                Hand => drop(engine.hand_one(&mut leaves)),
                Take if stays.next.is_none() => {}
                Take if engine.take(ENOUGH) == Fed::Dissolved => engine.leave(&mut stays),
                Take => engine.hand(&mut stays),
            }
        }
        if point == work.len() {
            engine.leave(&mut leaves);
            then(&broker, &mut leaves);
        }
        engine.dissolve(std::slice::from_mut(&mut stays));
        leaves.go_on();
        own.go_on();
        let expected = own.got();
        assert_eq!(leaves.got(), expected, "left before {point} of {work:?}");
        assert_eq!(stays.got(), expected, "stayed at {point} of {work:?}");
    }
}

#[test]
fn who_leaves_goes_on_at_once() {
    for work in [ONE_BY_ONE, IN_PAIRS] {
        check(work, |_, leaves| leaves.go_on());
    }
}

#[test]
fn who_leaves_goes_on_later() {
    for work in [ONE_BY_ONE, IN_PAIRS] {
        check(work, |_, _| {});
    }
}

fn fall_behind(broker: &Broker, _: &mut Stream) {
    for data in ["x", "y"] {
        publish(broker, "a", &large(data));
    }
}

#[test]
fn who_leaves_between_batches_and_falls_behind_reads_on_where_it_was() {
    check(ONE_BY_ONE, fall_behind);
}

#[test]
fn who_leaves_within_a_batch_and_falls_behind_reads_on_where_it_was() {
    check(IN_PAIRS, fall_behind);
}

fn change_topics(broker: &Broker, leaves: &mut Stream) {
    let id = leaves.subscriber.id();
    broker.change(id, &[selector("b")], &[]).now().unwrap();
}

#[test]
fn who_leaves_between_batches_and_changes_topics_reads_on_where_it_was() {
    check(ONE_BY_ONE, change_topics);
}

#[test]
fn who_leaves_within_a_batch_and_changes_topics_reads_on_where_it_was() {
    check(IN_PAIRS, change_topics);
}

#[test]
fn what_was_given_before_leaving_is_not_missed() {
    let broker = keeping(3);
    let [mut stays, mut leaves] = streams(&broker);
    let mut engine = Engine::of(&stays);
    assert!(engine.join(&mut stays) && engine.join(&mut leaves));
    assert_eq!(engine.take(ENOUGH), Fed::Nothing);
    for data in ["1", "2"] {
        publish(&broker, "a", data);
        engine.take(ENOUGH);
        engine.hand(&mut leaves);
    }
    publish(&broker, "a", "3");
    engine.take(ENOUGH);
    engine.leave(&mut leaves);
    for data in ["4", "5"] {
        publish(&broker, "a", &large(data));
    }
    leaves.go_on();
    assert_eq!(leaves.got(), ["1", "2", "3", "4", "5"]);
    assert_eq!(broker.stats().lag.disconnected, 0);
}

#[test]
fn who_has_left_and_been_given_everything_joins_again() {
    let broker = Broker::new();
    let [mut stays, mut comes_and_goes] = streams(&broker);
    let mut engine = Engine::of(&stays);
    assert!(engine.join(&mut stays));
    for data in ["1", "2", "3"] {
        assert!(engine.join(&mut comes_and_goes));
        publish(&broker, "a", data);
        engine.take(ENOUGH);
        engine.hand(&mut stays);
        engine.leave(&mut comes_and_goes);
        assert!(!engine.join(&mut comes_and_goes), "something waits for it");
        comes_and_goes.go_on();
    }
    assert!(engine.join(&mut comes_and_goes));
    publish(&broker, "a", "4");
    let streams = &mut [stays, comes_and_goes];
    assert_eq!(engine.run(streams), Fed::Nothing);
    for stream in streams {
        assert_eq!(stream.got(), ["1", "2", "3", "4"]);
    }
}

#[test]
fn who_has_left_is_woken_by_itself() {
    let broker = Broker::new();
    let [mut stays, mut leaves] = streams(&broker);
    let mut engine = Engine::of(&stays);
    assert!(engine.join(&mut stays) && engine.join(&mut leaves));
    assert_eq!(engine.take(ENOUGH), Fed::Nothing);
    engine.leave(&mut leaves);
    leaves.go_on();
    let rung = leaves.bell.rung();
    publish(&broker, "a", "1");
    assert_eq!(leaves.bell.rung(), rung + 1);
    assert_eq!(engine.bell.rung(), 1);
}

#[test]
fn leaving_again_changes_nothing() {
    let broker = Broker::new();
    let [mut leaves] = streams(&broker);
    let mut engine = Engine::of(&leaves);
    engine.feed.leave(&leaves.member, 0);
    assert!(engine.join(&mut leaves));
    publish(&broker, "a", "1");
    engine.take(ENOUGH);
    engine.hand(&mut leaves);
    engine.leave(&mut leaves);
    engine.feed.leave(&leaves.member, 0);
    leaves.go_on();
    assert_eq!(leaves.got(), ["1"]);
    assert_eq!(leaves.connection(&broker).sent_events, 1);
}

#[test]
fn who_is_behind_by_batches_goes_on_where_it_was() {
    for given in 0..=3_u64 {
        for evicted in [false, true] {
            let broker = if evicted { keeping(2) } else { Broker::new() };
            let mut streams = [(); 2].map(|()| Stream::open(&broker, &["a"]));
            let mut engine = Engine::feeding(&mut streams);
            let [slow, _] = &mut streams;
            let joined = slow.next.unwrap();
            engine.feed.settle(joined);
            let mut blocks = Vec::new();
            for data in ["1", "2", "3"] {
                publish(&broker, "a", data);
                assert_ne!(engine.feed.take(ENOUGH, &mut blocks), Fed::Nothing);
                // As if the slow one had been given so many of them.
                engine.feed.settle(joined + given.min(blocks.len() as u64));
                assert_eq!(engine.feed.take(ENOUGH, &mut Vec::new()), Fed::Nothing);
            }
            slow.next = Some(joined + given);
            engine.leave(slow);
            slow.go_on();
            let rest: Vec<_> = (given + 1..=3).map(|n| n.to_string()).collect();
            assert_eq!(slow.got(), rest, "{given} given");
            assert_eq!(slow.connection(&broker).sent_events, 3);
        }
    }
}
