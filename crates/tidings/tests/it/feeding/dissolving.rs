//! What is no event, or too much, is for each stream to take by itself.

use std::time::Duration;

use tidings::{Broker, Event, Fed, LagPolicy, Subscription};

use crate::fixture::{
    Now, keeper, name, publish, publish_all, publish_final, publish_key, to, topic,
};

use super::engine::{ENOUGH, Engine, Stream, large};

/// Two streams that are fed and one that is not.
struct Three {
    fed: [Stream; 2],
    own: Stream,
    engine: Engine,
}

impl Three {
    fn open(broker: &Broker, selectors: &[&str]) -> Self {
        Self::of(broker, &to(selectors))
    }

    fn of(broker: &Broker, subscription: &Subscription) -> Self {
        let open = || {
            let mut stream = Stream::of(broker, subscription.clone());
            stream.go_on();
            stream
        };
        let mut fed = [open(), open()];
        let mut engine = Engine::feeding(&mut fed);
        assert_eq!(engine.run(&mut fed), Fed::Nothing);
        Self {
            engine,
            fed,
            own: open(),
        }
    }

    /// The feed dissolves after these, and then comes the rest, for all alike.
    fn check(mut self, fed: &[&str], rest: &[&str]) {
        assert!(self.engine.bell.rung() > 0);
        assert_eq!(self.engine.run(&mut self.fed), Fed::Dissolved);
        for stream in &mut self.fed {
            assert_eq!(stream.got(), fed);
        }
        self.engine.dissolve(&mut self.fed);
        for stream in &mut self.fed {
            assert_eq!(stream.got(), rest);
        }
        self.own.go_on();
        assert_eq!(self.own.got(), [fed, rest].concat());
    }
}

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
    let mut behind = Three::open(&broker, &["b"]);
    for data in ["1", "2"] {
        publish(&broker, "b", &large(data));
    }
    for Three { engine, fed, .. } in [&mut deleted, &mut behind] {
        assert_eq!(engine.run(fed), Fed::Dissolved);
        assert_eq!(engine.run(fed), Fed::Dissolved);
    }
}

/// More than a group holds for those who have not taken it, beside one more.
fn fall_behind(broker: &Broker) {
    for data in ["1", "2", "3", "4", "5", "6"] {
        publish(broker, "a", &large(data));
    }
}

#[test]
fn a_feed_that_falls_behind_leaves_the_log_to_its_members() {
    let broker = Broker::new();
    let three = Three::open(&broker, &["a"]);
    fall_behind(&broker);
    publish_final(&broker, "a", "7");
    three.check(&[], &["1", "2", "3", "4", "5", "6", "7", "<end>"]);
    assert_eq!(broker.stats().lag, Default::default());
}

#[test]
fn many_small_events_are_left_to_the_log_too() {
    let broker = Broker::new();
    let three = Three::open(&broker, &["a"]);
    let all: Vec<_> = (0..20_000).map(|n| n.to_string()).collect();
    let all: Vec<_> = all.iter().map(String::as_str).collect();
    publish_all(&broker, "a", &all);
    three.check(&[], &all);
}

#[test]
fn what_came_before_it_fell_behind_is_not_given_again() {
    let broker = Broker::new();
    let mut three = Three::open(&broker, &["a"]);
    publish(&broker, "a", "fed");
    assert_eq!(three.engine.run(&mut three.fed), Fed::Nothing);
    publish(&broker, "a", "fed without a rest");
    three.engine.take(ENOUGH);
    for stream in &mut three.fed {
        three.engine.hand(stream);
    }
    fall_behind(&broker);
    three.check(
        &["fed", "fed without a rest"],
        &["1", "2", "3", "4", "5", "6"],
    );
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

#[test]
fn what_a_feed_had_passed_over_is_not_missed_when_it_falls_behind() {
    let broker = keeper(4).build();
    let three = Three::of(&broker, &to(&["a"]).only([name("x")]));
    publish_all(&broker, "a", &["no"; 6]);
    for data in ["1", "2", "3", "4"] {
        let event = Event::new(large(data)).named(name("x"));
        broker.publish(topic("a"), event).now().unwrap();
    }
    three.check(&[], &["1", "2", "3", "4"]);
}
