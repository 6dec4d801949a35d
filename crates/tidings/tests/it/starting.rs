use tidings::{Broker, Event, Retention, StartAt};

use crate::fixture::{Now, drain, keeping, name, publish, publish_all, publish_final, to, topic};

fn filled() -> Broker {
    let broker = Broker::new();
    for (topic, data) in [
        ("a", "1"),
        ("b", "2"),
        ("c", "3"),
        ("a", "4"),
        ("b", "5"),
        ("a", "6"),
    ] {
        publish(&broker, topic, data);
    }
    broker
}

fn starts(broker: &Broker, selectors: &[&str], start_at: StartAt) -> Vec<String> {
    let mut subscriber = broker.subscribe(to(selectors).start_at(start_at)).unwrap();
    drain(&mut subscriber)
}

#[test]
fn a_subscription_begins_with_what_comes_next() {
    let broker = filled();
    let mut subscriber = broker.subscribe(to(&["a"])).unwrap();
    assert!(drain(&mut subscriber).is_empty());
    publish(&broker, "b", "no");
    publish(&broker, "a", "7");
    assert_eq!(drain(&mut subscriber), ["7"]);
}

#[test]
fn from_the_start_is_all_that_is_retained() {
    let broker = filled();
    assert_eq!(starts(&broker, &["a"], StartAt::Start), ["1", "4", "6"]);
    assert_eq!(
        starts(&broker, &["a", "c"], StartAt::Start),
        ["1", "3", "4", "6"]
    );
    assert_eq!(
        starts(&broker, &["*"], StartAt::Start),
        ["1", "2", "3", "4", "5", "6"]
    );
    assert!(starts(&broker, &["nothing"], StartAt::Start).is_empty());
}

#[test]
fn the_start_is_never_a_gap() {
    let broker = keeping(2);
    publish_all(&broker, "a", &["1", "2", "3"]);
    publish_all(&broker, "b", &["4", "5", "6"]);
    assert_eq!(
        starts(&broker, &["a", "b"], StartAt::Start),
        ["2", "3", "5", "6"]
    );
    broker.delete(&topic("b")).now().unwrap();
    assert_eq!(starts(&broker, &["**"], StartAt::Start), ["2", "3"]);
    assert!(starts(&broker, &["b"], StartAt::Start).is_empty());
}

#[test]
fn what_goes_before_the_start_is_read_is_no_gap_either() {
    let broker = keeping(2);
    publish_all(&broker, "a", &["1", "2"]);
    let mut oldest = broker
        .subscribe(to(&["a"]).start_at(StartAt::Start))
        .unwrap();
    let mut newest = broker
        .subscribe(to(&["a"]).start_at(StartAt::Newest(2)))
        .unwrap();
    publish(&broker, "a", "3");
    assert_eq!(drain(&mut oldest), ["2", "3"]);
    assert_eq!(drain(&mut newest), ["2", "3"]);
}

#[test]
fn the_newest_are_counted_over_all_selectors() {
    let broker = filled();
    assert_eq!(starts(&broker, &["a", "b"], StartAt::Newest(2)), ["5", "6"]);
    assert_eq!(
        starts(&broker, &["a", "b"], StartAt::Newest(4)),
        ["2", "4", "5", "6"]
    );
    assert_eq!(starts(&broker, &["*"], StartAt::Newest(3)), ["4", "5", "6"]);
    assert_eq!(starts(&broker, &["c", "c"], StartAt::Newest(9)), ["3"]);
    assert!(starts(&broker, &["a"], StartAt::Newest(0)).is_empty());
}

#[test]
fn the_newest_are_counted_of_the_wanted_types() {
    let broker = Broker::new();
    for (event, data) in [("x", "1"), ("y", "2"), ("x", "3"), ("y", "4"), ("y", "5")] {
        broker
            .publish(topic("a"), Event::new(data).named(name(event)))
            .now()
            .unwrap();
    }
    publish(&broker, "a", "6");
    let newest = |event: &str, n| {
        let subscription = to(&["a"]).only([name(event)]).start_at(StartAt::Newest(n));
        drain(&mut broker.subscribe(subscription).unwrap())
    };
    assert_eq!(newest("x", 1), ["3"]);
    assert_eq!(newest("y", 2), ["4", "5"]);
    assert_eq!(newest("message", 2), ["6"]);
}

#[test]
fn overlapping_selectors_deliver_once() {
    let broker = Broker::new();
    let mut subscriber = broker.subscribe(to(&["a/*", "a/b", "**", "a/b"])).unwrap();
    publish(&broker, "a/b", "1");
    assert_eq!(drain(&mut subscriber), ["1"]);
    assert_eq!(
        starts(&broker, &["a/*", "a/b", "**"], StartAt::Start),
        ["1"]
    );
}

#[test]
fn the_start_position_is_where_it_began() {
    let broker = filled();
    let start_of = |start_at| {
        let subscriber = broker.subscribe(to(&["b"]).start_at(start_at)).unwrap();
        subscriber.start().clone()
    };
    assert_eq!(start_of(StartAt::Now), broker.position());
    assert_eq!(start_of(StartAt::Start).sequence, 1);
    assert_eq!(start_of(StartAt::Newest(1)).sequence, 4);
    let again = to(&["b"]).resume_after(start_of(StartAt::Newest(1)).to_string());
    assert_eq!(
        drain(&mut broker.subscribe(again).unwrap()),
        ["5", "<resumed 1>"]
    );
}

#[test]
fn a_long_replay_comes_in_bounded_batches_without_a_seam() {
    let broker = Broker::builder()
        .retention(Retention {
            bytes: 256 << 20,
            ..Retention::default()
        })
        .build();
    let data = "x".repeat(10 << 10);
    for _ in 0..200 {
        publish(&broker, "a", &data);
        publish(&broker, "b", "");
    }
    let mut subscriber = broker
        .subscribe(to(&["**"]).start_at(StartAt::Start))
        .unwrap();
    let mut ids = Vec::new();
    let mut publishing = 0;
    let bell = Default::default();
    while let std::task::Poll::Ready(Some(batch)) = crate::fixture::poll(&mut subscriber, &bell) {
        let bytes: usize = batch
            .iter()
            .map(|delivery| match delivery {
                tidings::Delivery::Event { event, .. } => {
                    ids.push(event.id().sequence);
                    event.data().len()
                }
                tidings::Delivery::Control(_) => 0,
            })
            .sum();
        assert!(bytes < (64 << 10) + data.len());
        if publishing < 100 {
            publish(&broker, "a", &data);
            publishing += 1;
        }
    }
    assert!(publishing > 10);
    assert_eq!(ids, (1..=broker.position().sequence).collect::<Vec<_>>());
}

#[test]
fn events_without_payload_come_in_bounded_batches_too() {
    let broker = Broker::new();
    let mut subscriber = broker.subscribe(to(&["a"])).unwrap();
    for _ in 0..20_000 {
        publish(&broker, "a", "");
    }
    let bell = Default::default();
    let mut taken = 0;
    while let std::task::Poll::Ready(Some(batch)) = crate::fixture::poll(&mut subscriber, &bell) {
        assert!(batch.len() <= 2048, "{}", batch.len());
        taken += batch.len();
    }
    assert_eq!(taken, 20_000);
}

#[test]
fn hello_comes_first() {
    let broker = filled();
    let subscription = to(&["b", "a"])
        .hello()
        .start_at(StartAt::Start)
        .resume_after("nonsense");
    let mut subscriber = broker.subscribe(subscription).unwrap();
    let (taken, _) = crate::fixture::take(&mut subscriber);
    let tidings::Delivery::Control(tidings::Control::Connected {
        connection_id,
        topics,
    }) = &taken[0]
    else {
        panic!("{:?}", taken[0]);
    };
    assert_eq!(connection_id, subscriber.id());
    assert_eq!(topics, &["a", "b"]);
    assert_eq!(crate::fixture::brief(&taken[1]), "<gap unknown-id>");
}

#[test]
fn event_types_that_are_not_wanted_are_left_out() {
    let broker = Broker::new();
    let mut subscriber = broker
        .subscribe(to(&["a"]).only([name("x"), name("message")]))
        .unwrap();
    for (event, data) in [("x", "1"), ("y", "2"), ("message", "3")] {
        broker
            .publish(topic("a"), Event::new(data).named(name(event)))
            .now()
            .unwrap();
    }
    assert_eq!(drain(&mut subscriber), ["1", "3"]);
    assert_eq!(publish_final(&broker, "a", "4").receivers, 1);
    assert_eq!(drain(&mut subscriber), ["4", "<end>"]);
}

#[test]
fn after_a_sequence_comes_what_follows_it_and_no_word_of_a_replay() {
    let broker = filled();
    assert_eq!(starts(&broker, &["a"], StartAt::After(1)), ["4", "6"]);
    assert_eq!(starts(&broker, &["a"], StartAt::After(3)), ["4", "6"]);
    assert!(starts(&broker, &["a"], StartAt::After(6)).is_empty());
    assert!(starts(&broker, &["a"], StartAt::After(99)).is_empty());
}

#[test]
fn after_a_sequence_of_which_some_was_evicted_comes_a_gap() {
    let broker = keeping(1);
    publish_all(&broker, "a", &["1", "2", "3"]);
    assert_eq!(starts(&broker, &["a"], StartAt::After(2)), ["3"]);
    assert_eq!(starts(&broker, &["a"], StartAt::After(1))[1..], ["3"]);
}
