use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use futures_util::StreamExt;
use tidings::{Broker, Event, LagPolicy, Retention, StartAt, Subscriber, TopicSettings};

use crate::fixture::{
    Now, brief, drain, keeper, keeping, name, publish, publish_all, publish_final, publish_key,
    selector, to, topic,
};

/// Larger than what a group holds for readers that have not taken it.
fn large(n: usize) -> String {
    format!("{n}:{}", "x".repeat(900 << 10))
}

/// A number for each of the large events, and the rest as it is.
fn numbers(got: &[String]) -> Vec<&str> {
    got.iter()
        .map(|text| text.split(':').next().unwrap())
        .collect()
}

fn fall_behind(broker: &Broker) -> Subscriber {
    let subscriber = broker.subscribe(to(&["a"])).unwrap();
    for n in 1..=6 {
        publish(broker, "a", &large(n));
    }
    subscriber
}

#[test]
fn a_slow_reader_catches_up_from_the_log() {
    let broker = Broker::new();
    let mut subscriber = fall_behind(&broker);
    publish_final(&broker, "a", "7");
    assert_eq!(
        numbers(&drain(&mut subscriber)),
        ["1", "2", "3", "4", "5", "6", "7", "<end>"]
    );
    assert_eq!(broker.stats().lag, Default::default());
}

#[test]
fn many_small_events_are_caught_up_from_the_log_too() {
    let broker = Broker::new();
    let mut subscriber = broker.subscribe(to(&["a"])).unwrap();
    for n in 0..5_000 {
        publish(&broker, "a", &n.to_string());
    }
    assert_eq!(
        drain(&mut subscriber),
        (0..5_000).map(|n| n.to_string()).collect::<Vec<_>>()
    );
}

#[test]
fn a_reader_whose_cursor_was_evicted_is_disconnected() {
    let broker = keeping(3);
    let mut subscriber = fall_behind(&broker);
    assert_eq!(drain(&mut subscriber), ["<goodbye too-slow>", "<end>"]);
    assert_eq!(broker.stats().lag.disconnected, 1);
    let id = subscriber.start().to_string();
    let mut again = broker.subscribe(to(&["a"]).resume_after(id)).unwrap();
    assert_eq!(
        numbers(&drain(&mut again)),
        ["<gap evicted>", "4", "5", "6", "<resumed 3>"]
    );
}

#[test]
fn a_reader_whose_cursor_was_evicted_skips() {
    let broker = keeper(3).lag(LagPolicy::Skip).build();
    let mut subscriber = fall_behind(&broker);
    assert_eq!(
        numbers(&drain(&mut subscriber)),
        ["<gap lagged>", "4", "5", "6"]
    );
    publish(&broker, "a", "7");
    assert_eq!(drain(&mut subscriber), ["7"]);
    assert_eq!(broker.stats().lag.skipped, 1);
}

#[test]
fn a_reader_whose_cursor_was_evicted_goes_on_with_what_is_retained() {
    let broker = keeper(3).lag(LagPolicy::Conflate).build();
    let mut subscriber = fall_behind(&broker);
    assert_eq!(
        numbers(&drain(&mut subscriber)),
        ["<gap lagged>", "4", "5", "6"]
    );
    publish(&broker, "a", "7");
    assert_eq!(drain(&mut subscriber), ["7"]);
}

#[test]
fn conflation_that_lost_only_superseded_events_is_no_gap() {
    let broker = keeper(3).lag(LagPolicy::Conflate).build();
    let mut subscriber = broker.subscribe(to(&["a"])).unwrap();
    for n in 1..=6 {
        publish_key(&broker, "a", if n == 5 { "y" } else { "x" }, &large(n));
    }
    assert_eq!(numbers(&drain(&mut subscriber)), ["5", "6"]);
    assert_eq!(broker.stats().lag.conflated, 1);
}

#[test]
fn what_a_filter_leaves_out_was_not_conflated() {
    let broker = keeper(3).lag(LagPolicy::Conflate).build();
    let mut subscriber = broker.subscribe(to(&["a"]).only([name("x")])).unwrap();
    for n in 1..=6 {
        broker
            .publish(topic("a"), Event::new(large(n)).keyed("k").named(name("x")))
            .now()
            .unwrap();
        publish(&broker, "b", "");
    }
    broker
        .publish(topic("a"), Event::new("no").named(name("y")))
        .now()
        .unwrap();
    assert_eq!(numbers(&drain(&mut subscriber)), ["6"]);
    assert_eq!(broker.stats().lag.conflated, 1);
}

#[test]
fn a_skip_reaches_the_final_event_and_the_end() {
    let broker = keeper(1).lag(LagPolicy::Skip).build();
    let mut subscriber = fall_behind(&broker);
    publish_final(&broker, "a", "last");
    assert_eq!(drain(&mut subscriber), ["<gap lagged>", "last", "<end>"]);
}

#[test]
fn the_policy_is_that_of_the_topic() {
    let skip = TopicSettings {
        lag: Some(LagPolicy::Skip),
        ..TopicSettings::of(selector("skip/*"))
    };
    let broker = keeper(1).topics(skip).build();
    let lag = |selectors: &[&str], name: &str| {
        let mut subscriber = broker.subscribe(to(selectors)).unwrap();
        for n in 1..=3 {
            publish(&broker, name, &large(n));
        }
        let got = drain(&mut subscriber);
        numbers(&got).join(" ")
    };
    assert_eq!(lag(&["skip/a"], "skip/a"), "<gap lagged> 3");
    assert_eq!(lag(&["**"], "skip/a"), "<gap lagged> 3");
    assert_eq!(lag(&["**"], "other"), "<goodbye too-slow> <end>");
}

const STALLED: Duration = Duration::from_secs(30);

fn patient(policy: LagPolicy) -> Broker {
    Broker::builder().lag(policy).build()
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_takes_nothing_for_long_is_disconnected() {
    let broker = patient(LagPolicy::Disconnect);
    let mut subscriber = broker.subscribe(to(&["a"])).unwrap();
    assert!(drain(&mut subscriber).is_empty());
    tokio::time::advance(STALLED * 10).await;
    publish(&broker, "a", "1");
    tokio::time::advance(STALLED - Duration::from_millis(1)).await;
    assert_eq!(drain(&mut subscriber), ["1"]);
    publish(&broker, "a", "2");
    tokio::time::advance(STALLED).await;
    assert_eq!(drain(&mut subscriber), ["<goodbye too-slow>", "<end>"]);
    assert_eq!(broker.stats().lag.disconnected, 1);
    tokio::time::advance(STALLED).await;
    assert_eq!(drain(&mut subscriber), ["<end>"]);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_takes_nothing_for_long_skips_only_what_has_gone() {
    let broker = patient(LagPolicy::Skip);
    let mut subscriber = broker.subscribe(to(&["a"])).unwrap();
    publish_all(&broker, "a", &["1", "2"]);
    tokio::time::advance(STALLED).await;
    publish(&broker, "a", "3");
    assert_eq!(drain(&mut subscriber), ["1", "2", "3"]);
    assert_eq!(broker.stats().lag.skipped, 0);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_takes_nothing_for_long_gets_the_newest_of_each_key() {
    let broker = patient(LagPolicy::Conflate);
    let mut subscriber = broker.subscribe(to(&["a"])).unwrap();
    for (key, data) in [("x", "1"), ("y", "2"), ("x", "3"), ("x", "4")] {
        publish_key(&broker, "a", key, data);
    }
    publish(&broker, "a", "no key");
    publish(&broker, "a", "no key");
    tokio::time::advance(STALLED).await;
    publish_key(&broker, "a", "y", "5");
    broker
        .publish(topic("a"), Event::new("last").keyed("z").ending_topic())
        .now()
        .unwrap();
    assert_eq!(
        drain(&mut subscriber),
        ["4", "no key", "no key", "5", "last", "<end>"]
    );
    assert_eq!(broker.stats().lag.conflated, 3);
}

#[tokio::test(start_paused = true)]
async fn a_reader_in_time_is_not_conflated() {
    let broker = patient(LagPolicy::Conflate);
    let mut subscriber = broker.subscribe(to(&["a"])).unwrap();
    publish_key(&broker, "a", "x", "1");
    publish_key(&broker, "a", "x", "2");
    assert_eq!(drain(&mut subscriber), ["1", "2"]);
}

#[tokio::test(start_paused = true)]
async fn whoever_works_through_a_batch_item_by_item_is_not_stalled() {
    let broker = patient(LagPolicy::Disconnect);
    let mut subscriber = broker.subscribe(to(&["a"])).unwrap();
    publish_all(&broker, "a", &["1", "2", "3", "4"]);
    for expected in ["1", "2", "3", "4", "5"] {
        assert_eq!(brief(&subscriber.next().await.unwrap()), expected);
        tokio::time::advance(STALLED / 2).await;
        publish(&broker, "a", "5");
    }
}

#[tokio::test(start_paused = true)]
async fn a_quiet_topic_is_no_stall() {
    let broker = patient(LagPolicy::Disconnect);
    let mut subscriber = broker.subscribe(to(&["a"])).unwrap();
    publish(&broker, "a", "1");
    assert_eq!(drain(&mut subscriber), ["1"]);
    tokio::time::advance(STALLED * 10).await;
    assert!(drain(&mut subscriber).is_empty());
    publish(&broker, "a", "2");
    assert_eq!(drain(&mut subscriber), ["2"]);
}

#[tokio::test(start_paused = true)]
async fn a_replay_that_takes_its_time_is_no_stall() {
    let broker = patient(LagPolicy::Disconnect);
    for n in 0..10 {
        publish(&broker, "a", &large(n));
    }
    let mut subscriber = broker
        .subscribe(to(&["a"]).start_at(StartAt::Start))
        .unwrap();
    publish(&broker, "a", "10");
    let mut got = Vec::new();
    while got.last().is_none_or(|last| last != "10") {
        tokio::time::advance(STALLED / 2).await;
        got.extend(subscriber.batch().await.unwrap().iter().map(brief));
    }
    assert_eq!(
        numbers(&got),
        ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]
    );
}

fn alive(data: &[Weak<str>]) -> usize {
    data.iter().filter(|data| data.strong_count() > 0).count()
}

fn publish_weak(broker: &Broker, bytes: usize) -> Weak<str> {
    let data: Arc<str> = "x".repeat(bytes).into();
    broker
        .publish(topic("a"), Event::new(data.clone()))
        .now()
        .unwrap();
    Arc::downgrade(&data)
}

#[test]
fn a_stalled_reader_holds_no_more_than_the_tail() {
    let broker = Broker::builder()
        .retention(Retention {
            events: 1,
            ..Retention::default()
        })
        .build();
    let mut stalled = broker.subscribe(to(&["a"])).unwrap();
    let large: Vec<_> = (0..2_000).map(|_| publish_weak(&broker, 1 << 10)).collect();
    assert!(alive(&large) <= 768, "{}", alive(&large));
    let small: Vec<_> = (0..20_000).map(|_| publish_weak(&broker, 1)).collect();
    assert_eq!(alive(&large), 0);
    assert!(alive(&small) <= 8_192, "{}", alive(&small));
    assert_eq!(drain(&mut stalled), ["<goodbye too-slow>", "<end>"]);
    assert_eq!(alive(&small), 1);
}

#[test]
fn a_reader_that_has_gone_holds_nothing() {
    let broker = keeping(1);
    let mut waiting = broker.subscribe(to(&["a"])).unwrap();
    let stalled = broker.subscribe(to(&["a"])).unwrap();
    let data: Vec<_> = (0..100).map(|_| publish_weak(&broker, 1)).collect();
    assert_eq!(drain(&mut waiting).len(), 100);
    assert_eq!(alive(&data), 100);
    drop(stalled);
    assert_eq!(alive(&data), 1);
}

#[tokio::test(start_paused = true)]
async fn a_replay_that_stalls_is_greeted_and_confirmed() {
    let broker = patient(LagPolicy::Skip);
    let start = broker.position().to_string();
    publish(&broker, "a", "1");
    let mut subscriber = broker
        .subscribe(to(&["a"]).hello().resume_after(start))
        .unwrap();
    publish(&broker, "a", "2");
    tokio::time::advance(STALLED).await;
    assert_eq!(
        drain(&mut subscriber),
        ["<connected>", "1", "<resumed 1>", "2"]
    );
}

#[test]
fn one_loss_is_told_once() {
    let broker = keeping(4);
    let start = broker.position().to_string();
    publish_all(&broker, "a", &[&large(1), &large(2), &large(3)]);
    publish_all(&broker, "b", &["lost", "5"]);
    let mut subscriber = broker
        .subscribe(to(&["a", "b"]).resume_after(start))
        .unwrap();
    publish_all(&broker, "b", &["6", "7", "8"]);
    let expected = [
        "<gap evicted>",
        "1",
        "2",
        "3",
        "5",
        "<resumed 4>",
        "6",
        "7",
        "8",
    ];
    assert_eq!(numbers(&drain(&mut subscriber)), expected);
}

#[test]
fn what_a_reader_had_passed_over_is_not_missed_when_it_falls_behind() {
    let broker = keeping(4);
    let mut subscriber = broker.subscribe(to(&["a"]).only([name("x")])).unwrap();
    publish_all(&broker, "a", &["no"; 6]);
    assert!(drain(&mut subscriber).is_empty());
    for n in 1..=4 {
        broker
            .publish(topic("a"), Event::new(large(n)).named(name("x")))
            .now()
            .unwrap();
    }
    assert_eq!(numbers(&drain(&mut subscriber)), ["1", "2", "3", "4"]);
    assert_eq!(broker.stats().lag.disconnected, 0);
}

#[test]
fn all_tails_together_hold_no_more_than_their_limit() {
    let capacity = tidings::Capacity {
        bytes: 1 << 20,
        ..Default::default()
    };
    let broker = Broker::builder().capacity(capacity).build();
    let names: Vec<_> = (0..300).map(|n| format!("t/{n}")).collect();
    let stalled: Vec<_> = names
        .iter()
        .map(|name| broker.subscribe(to(&[name])).unwrap())
        .collect();
    let data: Vec<_> = names
        .iter()
        .map(|name| {
            let data: Arc<str> = large(1).into();
            let weak = Arc::downgrade(&data);
            broker.publish(topic(name), Event::new(data)).now().unwrap();
            weak
        })
        .collect();
    assert!(alive(&data) * large(1).len() <= (64 << 20) + (2 << 20));
    drop(stalled);
    assert!(alive(&data) * large(1).len() <= 1 << 20);
}

#[tokio::test(start_paused = true)]
async fn a_stalled_reader_that_leaves_is_counted_as_disconnected() {
    let broker = patient(LagPolicy::Disconnect);
    let stalled = broker.subscribe(to(&["a"])).unwrap();
    let brisk = broker.subscribe(to(&["b"])).unwrap();
    publish(&broker, "a", "1");
    tokio::time::advance(STALLED).await;
    drop((stalled, brisk));
    assert_eq!(broker.stats().lag.disconnected, 1);
}

#[test]
fn a_deleted_topic_does_not_make_a_new_one_lag() {
    let broker = Broker::new();
    let mut subscriber = broker.subscribe(to(&["**"])).unwrap();
    for n in 1..=3 {
        publish(&broker, "a", &large(n));
    }
    broker.delete(&topic("a")).now().unwrap();
    publish(&broker, "new", "4");
    let got = drain(&mut subscriber);
    assert!(got.contains(&"4".to_owned()), "{:?}", numbers(&got));
    assert!(!got.contains(&"<goodbye too-slow>".to_owned()));
}
