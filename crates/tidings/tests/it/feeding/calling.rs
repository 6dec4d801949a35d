//! Streams that are fed and are wanted for something else.

use std::{
    pin::pin,
    sync::{Arc, Mutex},
    task::{Context, Wake, Waker},
};

use futures_util::FutureExt;
use tidings::{Broker, ChangeError, Fed, Feed, Subscriber, Wire};

use crate::fixture::{Bell, Now, drain, publish, publish_final, selector, to, topic};

use super::{
    engine::{ENOUGH, Engine},
    streams,
};

#[test]
fn who_is_disconnected_is_woken_and_gets_a_goodbye_once_it_has_left() {
    let broker = Broker::new();
    let mut streams: [_; 2] = streams(&broker);
    let mut engine = Engine::feeding(&mut streams);
    publish(&broker, "a", "1");
    assert_eq!(engine.run(&mut streams), Fed::Nothing);
    let [goes, stays] = &mut streams;
    let rung = [goes.bell.rung(), stays.bell.rung(), engine.bell.rung()];
    assert!(broker.disconnect(goes.subscriber.id()));
    publish(&broker, "a", "2");
    assert_eq!(
        [goes.bell.rung(), stays.bell.rung(), engine.bell.rung()],
        [rung[0] + 1, rung[1], rung[2] + 1]
    );
    engine.leave(goes);
    assert!(!engine.join(goes));
    goes.go_on();
    assert_eq!(goes.got(), ["1", "<goodbye disconnected>", "<end>"]);
    assert_eq!(engine.run(&mut streams), Fed::Nothing);
    assert_eq!(streams[1].got(), ["1", "2"]);
}

#[test]
fn a_change_of_topics_waits_until_the_stream_has_left_and_cuts_exactly() {
    for steps_before in 0..=3 {
        let broker = Broker::new();
        let mut streams: [_; 2] = streams(&broker);
        let mut engine = Engine::feeding(&mut streams);
        let [changes, stays] = &mut streams;
        publish(&broker, "a", "1");
        publish(&broker, "b", "no");
        if steps_before > 0 {
            engine.take(ENOUGH);
            engine.hand(stays);
        }
        if steps_before > 1 {
            engine.hand(changes);
        }
        if steps_before > 2 {
            assert_eq!(engine.take(ENOUGH), Fed::Nothing);
        }
        let id = changes.subscriber.id().clone();
        let (a, b) = ([selector("a")], [selector("b")]);
        let mut change = pin!(broker.change(&id, &b, &a));
        let changer: Arc<Bell> = Arc::default();
        let waker = Waker::from(changer.clone());
        let mut cx = Context::from_waker(&waker);
        let rung = changes.bell.rung();
        assert!(change.as_mut().poll(&mut cx).is_pending());
        assert_eq!(changes.bell.rung(), rung + 1);
        publish(&broker, "a", "3");
        publish(&broker, "b", "no");
        assert!(change.as_mut().poll(&mut cx).is_pending());
        let changer_rung = changer.rung();
        engine.leave(changes);
        assert!(changer.rung() > changer_rung);
        assert!(!engine.join(changes), "it is wanted elsewhere");
        let position = change.as_mut().now().unwrap();
        assert_eq!(position, broker.position());
        publish(&broker, "a", "5");
        publish(&broker, "b", "6");
        changes.go_on();
        assert_eq!(changes.got(), ["1", "3", "6"], "{steps_before}");
        assert!(!engine.join(changes), "it follows something else");
        engine.run(&mut streams);
        assert_eq!(streams[1].got(), ["1", "3", "5"]);
    }
}

#[test]
fn a_change_that_nobody_waits_for_any_more_lets_the_stream_join_again() {
    for leaves_before in [false, true] {
        let broker = Broker::new();
        let mut streams: [_; 1] = streams(&broker);
        let mut engine = Engine::feeding(&mut streams);
        let [stream] = &mut streams;
        let id = stream.subscriber.id().clone();
        let b = [selector("b")];
        let mut change = Box::pin(broker.change(&id, &b, &[]));
        assert!(change.as_mut().now_or_never().is_none());
        if leaves_before {
            engine.leave(stream);
            stream.go_on();
            assert!(!engine.join(stream));
        }
        drop(change);
        if !leaves_before {
            engine.leave(stream);
            stream.go_on();
        }
        assert!(engine.join(stream));
        publish(&broker, "a", "1");
        publish(&broker, "b", "no");
        assert_eq!(engine.run(&mut streams), Fed::Nothing);
        assert_eq!(streams[0].got(), ["1"]);
    }
}

#[test]
fn two_changes_wait_for_one_stream() {
    let broker = Broker::new();
    let mut streams: [_; 1] = streams(&broker);
    let mut engine = Engine::feeding(&mut streams);
    let [stream] = &mut streams;
    let id = stream.subscriber.id().clone();
    let (b, c) = ([selector("b")], [selector("c")]);
    let mut first = pin!(broker.change(&id, &b, &[]));
    let mut second = pin!(broker.change(&id, &c, &[]));
    assert!(first.as_mut().now_or_never().is_none());
    assert!(second.as_mut().now_or_never().is_none());
    engine.leave(stream);
    first.now().unwrap();
    assert!(!engine.join(stream));
    second.now().unwrap();
    for name in ["a", "b", "c"] {
        publish(&broker, name, name);
    }
    stream.go_on();
    assert_eq!(stream.got(), ["a", "b", "c"]);
}

#[test]
fn a_change_that_is_refused_leaves_the_stream_as_it_was() {
    let broker = Broker::new();
    let mut streams: [_; 1] = streams(&broker);
    let mut engine = Engine::feeding(&mut streams);
    let [stream] = &mut streams;
    let id = stream.subscriber.id().clone();
    let a = [selector("a")];
    let mut change = pin!(broker.change(&id, &[], &a));
    assert!(change.as_mut().now_or_never().is_none());
    engine.leave(stream);
    assert_eq!(change.now(), Err(ChangeError::NothingLeft));
    stream.go_on();
    assert!(engine.join(stream));
    publish(&broker, "a", "1");
    engine.run(&mut streams);
    assert_eq!(streams[0].got(), ["1"]);
}

#[test]
fn a_change_does_not_wait_for_a_stream_that_is_gone() {
    let ways: [&dyn Fn(&Broker); 3] = [
        &|_| (),
        &|broker| drop(publish_final(broker, "a", "1")),
        &|broker| drop(broker.delete(&topic("a")).now()),
    ];
    for end in ways {
        let broker = Broker::new();
        let [mut stream] = streams(&broker);
        let mut engine = Engine::feeding(std::slice::from_mut(&mut stream));
        let id = stream.subscriber.id().clone();
        let b = [selector("b")];
        let mut change = pin!(broker.change(&id, &b, &[]));
        assert!(change.as_mut().now_or_never().is_none());
        end(&broker);
        engine.run(std::slice::from_mut(&mut stream));
        drop((engine, stream));
        assert_eq!(change.now(), Err(ChangeError::NotFound));
    }
}

#[test]
fn a_stream_that_is_dismissed_is_not_changed() {
    let broker = Broker::new();
    let [mut stream] = streams(&broker);
    let mut engine = Engine::feeding(std::slice::from_mut(&mut stream));
    let id = stream.subscriber.id().clone();
    let b = [selector("b")];
    let mut change = pin!(broker.change(&id, &b, &[]));
    assert!(change.as_mut().now_or_never().is_none());
    broker.disconnect(&id);
    engine.leave(&mut stream);
    assert_eq!(change.now(), Err(ChangeError::NotFound));
    stream.go_on();
    assert_eq!(stream.got(), ["<goodbye disconnected>", "<end>"]);
}

#[test]
fn nothing_is_left_of_who_was_fed() {
    for feed_first in [false, true] {
        let broker = Broker::new();
        let mut streams: [_; 2] = streams(&broker);
        let engine = Engine::feeding(&mut streams);
        publish(&broker, "a", "1");
        let feed_bell = Arc::downgrade(&engine.bell);
        let bells = streams
            .each_ref()
            .map(|stream| Arc::downgrade(&stream.bell));
        if feed_first {
            drop(engine);
            drop(streams);
        } else {
            drop(streams);
            assert_eq!(publish(&broker, "a", "2").receivers, 0);
            drop(engine);
        }
        let stats = broker.stats();
        assert_eq!((stats.subscriptions, stats.groups), (0, 0));
        assert!(broker.connections().is_empty());
        assert_eq!(feed_bell.strong_count(), 0);
        assert!(bells.iter().all(|bell| bell.strong_count() == 0));
    }
}

#[test]
fn nothing_is_left_of_a_waker_once_its_stream_has_left() {
    let broker = Broker::new();
    let mut streams: [_; 1] = streams(&broker);
    let mut engine = Engine::feeding(&mut streams);
    let [stream] = &mut streams;
    assert_eq!(Arc::strong_count(&stream.bell), 2);
    engine.leave(stream);
    assert_eq!(Arc::strong_count(&stream.bell), 1);
    assert_eq!(engine.take(ENOUGH), Fed::Nothing);
    let feed_bell = engine.bell.clone();
    drop(engine);
    assert_eq!(Arc::strong_count(&feed_bell), 1);
}

#[test]
fn a_feed_outlives_its_group() {
    let broker = Broker::new();
    let [stream] = streams(&broker);
    let mut engine = Engine::of(&stream);
    assert_eq!(engine.take(ENOUGH), Fed::Nothing);
    drop(stream);
    let [mut again] = streams(&broker);
    assert_ne!(again.member.group(), Some(engine.feed.group()));
    assert!(!engine.join(&mut again));
    publish(&broker, "a", "1");
    assert_eq!(engine.take(ENOUGH), Fed::Nothing);
    again.go_on();
    assert_eq!(again.got(), ["1"]);
    drop(again);
    drop(engine);
    assert_eq!(broker.stats().groups, 0);
}

/// A waker that owns a subscriber, as the waker of a task does whose last reference it is.
struct Owner {
    _subscriber: Mutex<Subscriber>,
}

impl Wake for Owner {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn wakers_may_own_the_last_of_other_subscribers() {
    let broker = Broker::new();
    let subscribe = || {
        broker
            .subscribe(to(&["a"]).encoded(Wire::default()))
            .unwrap()
    };
    let owner = || {
        Waker::from(Arc::new(Owner {
            _subscriber: Mutex::new(subscribe()),
        }))
    };
    let mut subscriber = subscribe();
    let member = subscriber.member();
    let mut feed = Feed::new(&member, owner()).unwrap();
    for _ in 0..2 {
        let poll = subscriber.poll_batch(&mut Context::from_waker(&owner()));
        assert!(poll.is_pending());
        assert_eq!(feed.join(&member, owner()), Some(0));
        assert_eq!(feed.join(&member, owner()), None);
        assert_eq!(feed.take(ENOUGH, &mut Vec::new()), Fed::Nothing);
        feed.leave(&member, 0);
    }
    assert!(drain(&mut subscriber).is_empty());
    assert_eq!(feed.join(&member, owner()), Some(0));
    broker.disconnect(subscriber.id());
    drop(subscriber);
    drop(feed);
    drop(member);
    let stats = broker.stats();
    assert_eq!((stats.subscriptions, stats.groups), (0, 0));
}
