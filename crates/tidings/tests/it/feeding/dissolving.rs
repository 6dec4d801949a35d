//! What is no event, or has gone, is for each stream to take by itself.

use std::time::Duration;

use tidings::{Broker, Fed, LagPolicy};

use crate::fixture::{
    Now, keeper, keeping, publish, publish_all, publish_final, publish_key, topic,
};

use super::{engine::large, fall_behind, three::Three};

#[test]
fn a_gap_for_a_topic_deleted_under_a_pattern() {
    let broker = Broker::new();
    let three = Three::open(&broker, &["a/*"]);
    publish_all(&broker, "a/1", &["1", "2"]);
    broker.delete(&topic("a/1")).now().unwrap();
    publish(&broker, "a/2", "3");
    three.check(&["1", "2"], &["<gap deleted>", "3"]);
}

#[test]
fn the_end_after_a_final_event() {
    let broker = Broker::new();
    let three = Three::open(&broker, &["a"]);
    publish(&broker, "a", "1");
    publish_final(&broker, "a", "2");
    three.check(&["1", "2"], &["<end>"]);
    assert_eq!(broker.stats().subscriptions, 0);
}

#[test]
fn a_final_event_of_one_topic_of_two_is_an_event() {
    let broker = Broker::new();
    let mut three = Three::open(&broker, &["a", "b"]);
    publish_final(&broker, "a", "1");
    publish(&broker, "b", "2");
    assert_eq!(three.engine.run(&mut three.fed), Fed::Nothing);
    publish_final(&broker, "b", "3");
    three.check(&["1", "2", "3"], &["<end>"]);
}

#[test]
fn the_goodbye_of_a_deleted_topic() {
    let broker = Broker::new();
    let three = Three::open(&broker, &["a"]);
    publish(&broker, "a", "1");
    broker.delete(&topic("a")).now().unwrap();
    three.check(&["1"], &["<goodbye topic-deleted>", "<end>"]);
}

#[tokio::test(start_paused = true)]
async fn the_goodbye_of_a_broker_that_closes() {
    let broker = Broker::new();
    let three = Three::open(&broker, &["a"]);
    publish(&broker, "a", "1");
    let closing = tokio::spawn({
        let broker = broker.clone();
        async move { broker.close(Duration::from_secs(60)).await }
    });
    while !broker.is_closed() {
        tokio::task::yield_now().await;
    }
    three.check(&["1"], &["<goodbye drain>", "<end>"]);
    assert_eq!(closing.await.unwrap().cut, 0);
}

#[test]
fn a_feed_that_has_dissolved_stays_so() {
    let broker = Broker::new();
    let mut deleted = Three::open(&broker, &["a/*"]);
    publish(&broker, "a/1", "1");
    broker.delete(&topic("a/1")).now().unwrap();
    let broker = keeping(1);
    let mut evicted = Three::open(&broker, &["b"]);
    for data in ["1", "2"] {
        publish(&broker, "b", &large(data));
    }
    for Three { engine, fed, .. } in [&mut deleted, &mut evicted] {
        assert_eq!(engine.run(fed), Fed::Dissolved);
        assert_eq!(engine.run(fed), Fed::Dissolved);
    }
}

#[test]
fn what_was_evicted_meanwhile_is_for_the_lag_policy() {
    for (policy, expected) in [
        (LagPolicy::Disconnect, &["<goodbye too-slow>", "<end>"][..]),
        (LagPolicy::Skip, &["<gap lagged>", "4", "5", "6"]),
        (LagPolicy::Conflate, &["<gap lagged>", "4", "5", "6"]),
    ] {
        let broker = keeper(3).lag(policy).build();
        let mut three = Three::open(&broker, &["a"]);
        publish(&broker, "a", "0");
        three.engine.run(&mut three.fed);
        three.own.go_on();
        fall_behind(&broker);
        three.check(&["0"], expected);
    }
}

#[test]
fn conflation_that_lost_only_superseded_events_is_no_gap() {
    let broker = keeper(3).lag(LagPolicy::Conflate).build();
    let three = Three::open(&broker, &["a"]);
    for (key, data) in [("x", "1"), ("x", "2"), ("x", "3"), ("y", "4"), ("x", "5")] {
        publish_key(&broker, "a", key, &large(data));
    }
    publish_key(&broker, "a", "x", &large("6"));
    three.check(&[], &["4", "6"]);
}
