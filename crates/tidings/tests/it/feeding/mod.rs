//! Feeds, against readers that take for themselves.

mod calling;
mod canary;
mod dissolving;
mod engine;
mod expelling;
mod leaving;
mod losing;
mod overtaken;
mod random;
mod three;

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tidings::{Broker, Connection, Event, Fed, Feed, StartAt, Wire};

use crate::fixture::{Bell, Now, keeping, publish, publish_all, to, topic};

use engine::{ENOUGH, Engine, Stream, large};

/// More than a group holds for those who have not taken it.
fn fall_behind(broker: &Broker) {
    for data in ["1", "2", "3", "4", "5", "6"] {
        publish(broker, "a", &large(data));
    }
}

/// Streams of the same topic that have been given everything.
fn streams<const N: usize>(broker: &Broker) -> [Stream; N] {
    std::array::from_fn(|_| {
        let mut stream = Stream::open(broker, &["a"]);
        stream.go_on();
        stream
    })
}

#[test]
fn events_are_taken_once_for_all_and_numbered_without_a_hole() {
    let broker = Broker::new();
    let mut streams: [_; 3] = streams(&broker);
    publish(&broker, "a", "before");
    let mut engine = Engine::feeding(&mut streams);
    let first = streams[0].next.unwrap();
    publish_all(&broker, "a", &["1", "2", "3"]);
    for number in first..first + 3 {
        assert_eq!(engine.take(1), Fed::Events { first: number });
        streams.iter_mut().for_each(|stream| engine.hand(stream));
    }
    assert_eq!(engine.take(1), Fed::Nothing);
    publish_all(&broker, "a", &["4", "5"]);
    assert_eq!(engine.take(ENOUGH), Fed::Events { first: first + 3 });
    streams.iter_mut().for_each(|stream| engine.hand(stream));
    for stream in &mut streams {
        assert_eq!(stream.got(), ["before", "1", "2", "3", "4", "5"]);
        assert_eq!(stream.next, Some(first + 5));
    }
}

#[test]
fn at_least_one_event_is_taken() {
    let broker = Broker::new();
    let mut streams: [_; 1] = streams(&broker);
    let mut engine = Engine::feeding(&mut streams);
    publish_all(&broker, "a", &["1", "2"]);
    assert_eq!(engine.take(0), Fed::Events { first: 0 });
    assert_eq!(engine.take(0), Fed::Events { first: 1 });
    assert_eq!(engine.take(0), Fed::Nothing);
}

#[test]
fn a_feed_is_woken_once_for_all_that_comes() {
    let broker = Broker::new();
    let mut streams: [_; 2] = streams(&broker);
    let mut engine = Engine::feeding(&mut streams);
    let rung: Vec<_> = streams.iter().map(|stream| stream.bell.rung()).collect();
    assert_eq!(engine.take(ENOUGH), Fed::Nothing);
    for round in 1..=3 {
        publish_all(&broker, "a", &["1", "2", "3"]);
        assert_eq!(engine.bell.rung(), round);
        assert_eq!(engine.run(&mut streams), Fed::Nothing);
    }
    let fed: Vec<_> = streams.iter().map(|stream| stream.bell.rung()).collect();
    assert_eq!(fed, rung, "who is fed is not woken for it");
}

#[test]
fn a_feed_is_not_woken_before_it_has_taken_everything() {
    let broker = Broker::new();
    let mut streams: [_; 1] = streams(&broker);
    let mut engine = Engine::feeding(&mut streams);
    publish_all(&broker, "a", &["1", "2"]);
    assert_eq!(engine.take(1), Fed::Events { first: 0 });
    publish(&broker, "a", "3");
    assert_eq!(engine.bell.rung(), 0);
    assert_eq!(engine.take(ENOUGH), Fed::Events { first: 1 });
    assert_eq!(engine.take(ENOUGH), Fed::Nothing);
}

#[test]
fn who_is_fed_is_a_receiver() {
    let broker = Broker::new();
    let mut streams: [_; 3] = streams(&broker);
    let [fed @ .., _] = &mut streams;
    let mut engine = Engine::feeding(fed);
    assert_eq!(publish(&broker, "a", "1").receivers, 3);
    assert_eq!(broker.subscriber_count(&topic("a")), 3);
    engine.run(fed);
    assert_eq!(publish(&broker, "a", "2").receivers, 3);
    assert_eq!(broker.stats().groups, 1);
}

/// Events, bytes and lag.
fn figures(connection: &Connection) -> (u64, u64, u64) {
    (
        connection.sent_events,
        connection.sent_bytes,
        connection.lag,
    )
}

#[test]
fn connections_tell_what_the_fed_were_given() {
    let broker = Broker::new();
    let mut streams: [_; 2] = streams(&broker);
    let mut own = Stream::open(&broker, &["a"]);
    publish(&broker, "a", "by itself");
    own.go_on();
    let mut engine = Engine::feeding(&mut streams);
    for rounds in 1..4 {
        publish_all(&broker, "a", &["first", "second"]);
        for stream in &streams {
            let [own, fed] = [&own, stream].map(|stream| figures(&stream.connection(&broker)));
            assert_eq!(fed, own);
            assert_eq!((fed.0, fed.2), (2 * rounds - 1, 2));
        }
        own.go_on();
        assert_eq!(engine.run(&mut streams), Fed::Nothing);
        for stream in &streams {
            let [own, fed] = [&own, stream].map(|stream| figures(&stream.connection(&broker)));
            assert_eq!(fed, own);
            assert_eq!((fed.0, fed.2), (2 * rounds + 1, 0));
        }
    }
    publish(&broker, "a", "last");
    own.go_on();
    engine.take(ENOUGH);
    for stream in &mut streams {
        engine.hand(stream);
        engine.leave(stream);
        let [own, left] = [&own, stream].map(|stream| figures(&stream.connection(&broker)));
        assert_eq!(left, own, "what was handed out last counts too");
    }
}

#[test]
fn who_joins_later_is_not_credited_with_what_others_were_given() {
    let broker = Broker::new();
    let mut streams: [_; 2] = streams(&broker);
    let [early, late] = &mut streams;
    let mut engine = Engine::feeding(std::slice::from_mut(early));
    publish_all(&broker, "a", &["1", "2"]);
    engine.take(ENOUGH);
    engine.hand(early);
    late.go_on();
    assert!(engine.join(late));
    let expected = figures(&late.connection(&broker));
    assert_eq!((expected.0, expected.2), (2, 0));
    assert_eq!(engine.take(ENOUGH), Fed::Nothing);
    for stream in &streams {
        assert_eq!(figures(&stream.connection(&broker)), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn who_leaves_was_active_when_it_was_given_its_last_event() {
    let broker = Broker::new();
    let [mut early, mut late, mut own] = streams(&broker);
    let mut engine = Engine::feeding(std::slice::from_mut(&mut early));
    publish(&broker, "a", "1");
    engine.run(std::slice::from_mut(&mut early));
    tokio::time::advance(Duration::from_secs(7)).await;
    late.go_on();
    assert!(engine.join(&mut late));
    publish(&broker, "a", "2");
    engine.take(ENOUGH);
    engine.hand(&mut late);
    engine.leave(&mut late);
    own.go_on();
    let [own, late] = [own, late].map(|stream| stream.connection(&broker).last_active_at);
    assert_eq!(late, own);
}

#[test]
fn who_joins_while_a_batch_is_handed_out_gets_nothing_of_it() {
    let broker = Broker::new();
    let mut streams: [_; 3] = streams(&broker);
    let [first, last, late] = &mut streams;
    let mut engine = Engine::of(first);
    assert!(engine.join(first) && engine.join(last));
    publish_all(&broker, "a", &["1", "2", "3"]);
    engine.take(1);
    engine.hand(first);
    late.go_on();
    assert!(engine.join(late));
    assert_eq!(late.next, Some(3));
    engine.hand(late);
    engine.hand(last);
    publish(&broker, "a", "4");
    assert_eq!(engine.run(&mut streams), Fed::Nothing);
    for stream in &mut streams {
        assert_eq!(stream.got(), ["1", "2", "3", "4"]);
    }
}

#[test]
fn who_has_something_waiting_does_not_join() {
    let broker = Broker::new();
    let [feeding, mut behind] = streams(&broker);
    let mut engine = Engine::of(&feeding);
    publish(&broker, "a", "1");
    assert!(!engine.join(&mut behind));
    behind.go_on();
    assert!(engine.join(&mut behind));
    assert!(!engine.join(&mut behind), "it is fed already");
}

#[test]
fn who_has_a_beginning_to_be_given_does_not_join() {
    let broker = Broker::new();
    let start = broker.position().to_string();
    publish(&broker, "a", "1");
    let [feeding] = streams(&broker);
    let mut engine = Engine::of(&feeding);
    for (beginning, expected) in [
        (to(&["a"]).hello(), vec!["<connected>"]),
        (to(&["a"]).resume_after("?"), vec!["<gap unknown-id>"]),
        (to(&["a"]).resume_after(start), vec!["1", "<resumed 1>"]),
        (to(&["a"]).start_at(StartAt::Start), vec!["1"]),
    ] {
        let mut stream = Stream::of(&broker, beginning);
        assert!(!engine.join(&mut stream), "{expected:?}");
        stream.go_on();
        assert!(engine.join(&mut stream), "{expected:?}");
        assert_eq!(stream.got(), expected);
    }
}

#[test]
fn who_is_to_go_does_not_join() {
    let broker = Broker::new();
    let [feeding, mut dismissed] = streams(&broker);
    let mut engine = Engine::of(&feeding);
    assert!(broker.disconnect(dismissed.subscriber.id()));
    assert!(!engine.join(&mut dismissed));
    dismissed.go_on();
    assert!(!engine.join(&mut dismissed));
    assert_eq!(dismissed.got(), ["<goodbye disconnected>", "<end>"]);
    assert_eq!(dismissed.member.group(), None);
}

#[test]
fn a_feed_is_for_one_group() {
    let broker = Broker::new();
    let [feeding] = streams(&broker);
    let mut engine = Engine::of(&feeding);
    assert_eq!(feeding.member.group(), Some(engine.feed.group()));
    let other_broker = Broker::new();
    let without_ids = to(&["a"]).encoded(Wire {
        ids: false,
        ..Wire::default()
    });
    let without_ids = broker.subscribe(without_ids).unwrap().member();
    for other in [
        Stream::open(&broker, &["a", "b"]).member,
        Stream::open(&other_broker, &["a"]).member,
        without_ids,
    ] {
        assert_ne!(other.group(), Some(engine.feed.group()));
        assert_eq!(
            engine.feed.join(&other, Arc::<Bell>::default().into()),
            None
        );
    }
}

#[test]
fn what_is_not_encoded_has_no_feed() {
    let broker = Broker::new();
    let plain = broker.subscribe(to(&["a"])).unwrap();
    assert_eq!(plain.member().group(), None);
    assert!(Feed::new(&plain.member(), Arc::<Bell>::default().into()).is_none());
}

#[test]
fn what_all_were_given_is_held_no_longer() {
    let broker = keeping(1);
    let mut streams: [_; 2] = streams(&broker);
    let mut engine = Engine::feeding(&mut streams);
    let publish_weak = || {
        let data: Arc<str> = "1".into();
        let event = Event::new(data.clone());
        broker.publish(topic("a"), event).now().unwrap();
        Arc::downgrade(&data)
    };
    let data: [Weak<str>; 10] = std::array::from_fn(|_| publish_weak());
    let alive = || data.iter().filter(|data| data.strong_count() > 0).count();
    assert_eq!(alive(), 10);
    assert_eq!(engine.run(&mut streams), Fed::Nothing);
    assert_eq!(alive(), 1);
}
