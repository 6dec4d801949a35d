use std::{sync::Arc, time::Duration};

use tidings::{Broker, Subscriber, TopicSettings};

use crate::fixture::{Bell, drain, poll, publish, publish_final, selector, to};

/// Longer than a test takes.
const LONG: Duration = Duration::from_secs(10);

/// A broker whose topic `slow` lingers.
fn lingering(linger: Duration) -> Broker {
    let slow = TopicSettings {
        linger: Some(linger),
        ..TopicSettings::of(selector("slow"))
    };
    Broker::builder().topics(slow).build()
}

/// A bell that rings when the subscriber is woken, which has taken everything.
fn parked(subscriber: &mut Subscriber) -> Arc<Bell> {
    let bell = Arc::default();
    assert!(poll(subscriber, &bell).is_pending());
    bell
}

#[test]
fn an_event_that_lingers_leaves_with_one_that_does_not() {
    let broker = lingering(LONG);
    let mut subscriber = broker.subscribe(to(&["slow", "fast"])).unwrap();
    let bell = parked(&mut subscriber);

    assert_eq!(publish(&broker, "slow", "1").receivers, 1);
    publish(&broker, "slow", "2");
    assert_eq!(bell.rung(), 0);
    publish(&broker, "fast", "3");

    assert_eq!(bell.rung(), 1);
    assert_eq!(drain(&mut subscriber), ["1", "2", "3"]);
}

#[test]
fn the_end_of_a_topic_does_not_linger() {
    let broker = lingering(LONG);
    let mut subscriber = broker.subscribe(to(&["slow"])).unwrap();
    let bell = parked(&mut subscriber);

    publish(&broker, "slow", "1");
    publish_final(&broker, "slow", "last");

    assert_eq!(bell.rung(), 1);
    assert_eq!(drain(&mut subscriber), ["1", "last", "<end>"]);
}

#[test]
fn a_reader_that_asks_is_given_what_lingers() {
    let broker = lingering(LONG);
    let mut subscriber = broker.subscribe(to(&["slow"])).unwrap();
    parked(&mut subscriber);

    publish(&broker, "slow", "1");

    assert_eq!(drain(&mut subscriber), ["1"]);
}

#[tokio::test]
async fn what_lingers_leaves_when_its_time_is_over() {
    let broker = lingering(Duration::from_millis(5));
    let mut subscriber = broker.subscribe(to(&["slow"])).unwrap();
    for round in ["1", "2", "3"] {
        let bell = parked(&mut subscriber);
        publish(&broker, "slow", round);
        while bell.rung() == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(drain(&mut subscriber), [round]);
    }
}

#[test]
fn a_reader_that_falls_off_while_events_linger_is_told_what_is_gone() {
    let slow = TopicSettings {
        lag: Some(tidings::LagPolicy::Skip),
        linger: Some(LONG),
        ..TopicSettings::of(selector("slow"))
    };
    let broker = crate::fixture::keeper(3).topics(slow).build();
    let mut subscriber = broker.subscribe(to(&["slow"])).unwrap();
    publish(&broker, "slow", "0");
    assert_eq!(drain(&mut subscriber), ["0"]);

    let large = "x".repeat(900 << 10);
    for _ in 0..5 {
        publish(&broker, "slow", &large);
    }

    let got = drain(&mut subscriber);
    assert_eq!(got, ["<gap lagged>", &large, &large, &large]);
}

#[test]
fn what_lingers_is_there_for_those_who_have_yet_to_be_told() {
    let broker = lingering(LONG);
    let open = || broker.subscribe(to(&["slow", "fast"])).unwrap();
    let (mut waits, mut leaves) = (open(), open());
    let bell = parked(&mut waits);
    parked(&mut leaves);

    publish(&broker, "slow", "1");
    drop(leaves);
    let mut comes = open();
    parked(&mut comes);
    assert_eq!(bell.rung(), 0);
    publish(&broker, "fast", "2");

    assert_eq!(drain(&mut waits), ["1", "2"]);
    assert_eq!(drain(&mut comes), ["2"]);
}
