use std::time::Duration;

use tidings::{BatchError, Broker, Capacity, Event, Publication, PublishError, Retention, StartAt};

use crate::fixture::{Now, drain, name, publish, publish_final, to, topic};

fn line(name: &str, data: &str) -> Publication {
    Publication {
        topic: topic(name),
        event: Event::new(data),
        idempotency_key: None,
        durability: None,
    }
}

fn with_key(key: &str, name: &str, data: &str) -> Publication {
    Publication {
        idempotency_key: Some(key.into()),
        ..line(name, data)
    }
}

fn refused(index: usize, source: PublishError) -> BatchError {
    BatchError { index, source }
}

#[test]
fn a_receipt_tells_the_id_and_the_reach() {
    let broker = Broker::new();
    let _subscribers =
        [&["a"], &["*"], &["b"]].map(|selectors| broker.subscribe(to(selectors)).unwrap());
    let receipt = publish(&broker, "a", "1");
    assert_eq!((receipt.id, receipt.receivers), (broker.position(), 2));
}

#[test]
fn bad_events_are_refused_by_rule() {
    let broker = Broker::builder().max_event_bytes(4).build();
    let refused = |name: &str, event| broker.publish(topic(name), event).now().unwrap_err();
    assert_eq!(
        refused("a", Event::new("12345")),
        PublishError::TooLarge { limit: 4 }
    );
    assert_eq!(
        refused("a", Event::new("123").keyed("45")),
        PublishError::TooLarge { limit: 4 }
    );
    assert_eq!(
        refused("tidings/x", Event::new("")),
        PublishError::ReservedTopic
    );
    assert_eq!(
        refused("a", Event::new("").named(name("tidings.x"))),
        PublishError::ReservedName
    );
    assert_eq!((broker.position().sequence, broker.stats().topics), (0, 0));
    broker
        .publish(topic("a"), Event::new("1234"))
        .now()
        .unwrap();
}

#[test]
fn an_error_has_a_name_of_the_brokers_own() {
    let broker = Broker::new();
    let error = Event::error("slow", "it takes long", true);
    assert_eq!(
        error.data(),
        r#"{"code":"slow","message":"it takes long","retryable":true}"#
    );
    let refused = broker.publish(topic("a"), error).now().unwrap_err();
    assert_eq!(refused, PublishError::ReservedName);
}

#[test]
fn a_batch_is_published_in_order_and_in_one_piece() {
    let broker = Broker::new();
    let mut subscriber = broker.subscribe(to(&["**"])).unwrap();
    let receipts = broker
        .publish_batch(&[line("a", "1"), line("b", "2"), line("a", "3")])
        .now()
        .unwrap();
    assert_eq!(
        receipts
            .iter()
            .map(|receipt| receipt.id.sequence)
            .collect::<Vec<_>>(),
        [1, 2, 3]
    );
    assert_eq!(drain(&mut subscriber), ["1", "2", "3"]);
    assert_eq!(broker.publish_batch(&[]).now(), Ok(Vec::new()));
}

#[test]
fn a_batch_is_published_whole_or_not_at_all() {
    let broker = Broker::builder().max_event_bytes(4).build();
    let mut subscriber = broker.subscribe(to(&["**"])).unwrap();
    publish_final(&broker, "ended", "0");
    let last = Publication {
        event: Event::new("last").ending_topic(),
        ..line("a", "")
    };
    let cases = [
        (
            vec![line("a", "1"), line("a", "12345")],
            refused(1, PublishError::TooLarge { limit: 4 }),
        ),
        (
            vec![line("a", "1"), line("b", "2"), line("ended", "")],
            refused(2, PublishError::TopicEnded),
        ),
        (
            vec![last.clone(), line("b", "2"), line("a", "")],
            refused(2, PublishError::TopicEnded),
        ),
        (
            vec![line("tidings/x", "")],
            refused(0, PublishError::ReservedTopic),
        ),
        (
            vec![with_key("k", "a", "1"), with_key("k", "a", "2")],
            refused(1, PublishError::KeyReused),
        ),
    ];
    for (batch, expected) in cases {
        assert_eq!(broker.publish_batch(&batch).now(), Err(expected));
    }
    assert_eq!(drain(&mut subscriber), ["0"]);
    assert_eq!(broker.position().sequence, 1);
    broker
        .publish_batch(&[with_key("k", "a", "2"), last])
        .now()
        .unwrap();
    assert_eq!(drain(&mut subscriber), ["2", "last"]);
}

#[test]
fn a_batch_over_the_number_of_topics_names_the_first_that_does_not_fit() {
    let broker = Broker::builder()
        .capacity(Capacity {
            topics: 3,
            ..Capacity::default()
        })
        .build();
    let _subscriber = broker.subscribe(to(&["used"])).unwrap();
    publish(&broker, "used", "");
    publish(&broker, "stale", "");
    let batch = [
        line("a", ""),
        line("stale", ""),
        line("a", ""),
        line("b", ""),
        line("used", ""),
    ];
    assert_eq!(
        broker.publish_batch(&batch).now(),
        Err(refused(3, PublishError::TooManyTopics))
    );
    assert_eq!(broker.position().sequence, 2);
    let batch = [line("a", ""), line("b", "")];
    broker.publish_batch(&batch).now().unwrap();
    assert_eq!(
        broker
            .topics(None, usize::MAX)
            .topics
            .iter()
            .map(|topic| topic.log.topic.as_str())
            .collect::<Vec<_>>(),
        ["a", "b", "used"]
    );
}

#[test]
fn a_batch_forgets_none_of_its_own_topics_to_make_room() {
    let broker = Broker::builder()
        .capacity(Capacity {
            topics: 2,
            ..Capacity::default()
        })
        .build();
    publish(&broker, "a", "1");
    publish(&broker, "b", "2");
    broker
        .publish_batch(&[line("c", "3"), line("a", "4")])
        .now()
        .unwrap();
    let mut subscriber = broker
        .subscribe(to(&["a", "b", "c"]).start_at(StartAt::Start))
        .unwrap();
    assert_eq!(drain(&mut subscriber), ["1", "3", "4"]);
}

#[test]
fn a_large_batch_on_as_many_topics_is_no_trouble() {
    let broker = Broker::new();
    let batch: Vec<Publication> = (0..100_000).map(|n| line(&format!("t/{n}"), "")).collect();
    assert_eq!(broker.publish_batch(&batch).now().unwrap().len(), 100_000);
    assert_eq!(broker.stats().topics, 100_000);
}

#[test]
fn the_same_key_gives_the_same_receipt_and_no_second_event() {
    let broker = Broker::new();
    let mut subscriber = broker.subscribe(to(&["a"])).unwrap();
    let first = broker
        .publish_batch(&[with_key("k", "a", "1")])
        .now()
        .unwrap()
        .remove(0);
    let again = broker
        .publish_batch(&[with_key("k", "a", "1")])
        .now()
        .unwrap()
        .remove(0);
    assert_eq!((&again.id, again.receivers), (&first.id, first.receivers));
    assert_eq!((first.repeated, again.repeated), (false, true));
    assert_eq!(drain(&mut subscriber), ["1"]);
    assert_eq!(broker.stats().published, 1);
}

#[test]
fn the_same_key_for_another_event_is_refused() {
    let broker = Broker::new();
    broker
        .publish_batch(&[with_key("k", "a", "1")])
        .now()
        .unwrap();
    let conflict = Err(refused(0, PublishError::KeyReused));
    assert_eq!(
        broker.publish_batch(&[with_key("k", "a", "2")]).now(),
        conflict
    );
    assert_eq!(
        broker.publish_batch(&[with_key("k", "b", "1")]).now(),
        conflict
    );
    let mut ending = with_key("k", "a", "1");
    ending.event = ending.event.ending_topic();
    assert_eq!(broker.publish_batch(&[ending]).now(), conflict);
    let mut keyed = with_key("k", "a", "1");
    keyed.event = keyed.event.keyed("key");
    assert_eq!(broker.publish_batch(&[keyed]).now(), conflict);
    assert_eq!(broker.position().sequence, 1);
}

#[test]
fn a_key_repeated_within_a_batch_publishes_once() {
    let broker = Broker::new();
    let mut subscriber = broker.subscribe(to(&["a"])).unwrap();
    let batch = [
        with_key("k", "a", "1"),
        line("a", "2"),
        with_key("k", "a", "1"),
    ];
    let receipts = broker.publish_batch(&batch).now().unwrap();
    assert_eq!(receipts[0].id, receipts[2].id);
    assert_eq!(
        receipts
            .iter()
            .map(|receipt| receipt.repeated)
            .collect::<Vec<_>>(),
        [false, false, true]
    );
    assert_eq!(drain(&mut subscriber), ["1", "2"]);
}

#[test]
fn a_retry_of_the_final_event_is_not_a_conflict() {
    let broker = Broker::new();
    let last = Publication {
        event: Event::new("last").ending_topic(),
        ..with_key("k", "a", "")
    };
    let first = broker
        .publish_batch(std::slice::from_ref(&last))
        .now()
        .unwrap();
    assert_eq!(
        broker.publish_batch(&[last]).now().unwrap()[0].id,
        first[0].id
    );
}

#[tokio::test(start_paused = true)]
async fn a_key_is_remembered_for_the_window() {
    let window = Duration::from_secs(600);
    let broker = Broker::builder().idempotency_window(window).build();
    let first = broker
        .publish_batch(&[with_key("k", "a", "1")])
        .now()
        .unwrap();
    tokio::time::advance(window - Duration::from_millis(1)).await;
    assert_eq!(
        broker
            .publish_batch(&[with_key("k", "a", "1")])
            .now()
            .unwrap()[0]
            .id,
        first[0].id
    );
    tokio::time::advance(Duration::from_millis(1)).await;
    let second = broker
        .publish_batch(&[with_key("k", "a", "2")])
        .now()
        .unwrap();
    assert_eq!(second[0].id.sequence, 2);
}

#[test]
fn a_refused_batch_remembers_no_keys() {
    let broker = Broker::new();
    let batch = [with_key("k", "a", "1"), line("tidings/x", "")];
    broker.publish_batch(&batch).now().unwrap_err();
    broker
        .publish_batch(&[with_key("k", "a", "2")])
        .now()
        .unwrap();
    assert_eq!(broker.position().sequence, 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_too_old_goes_with_the_next_event() {
    let age = Duration::from_secs(60);
    let broker = Broker::builder()
        .retention(Retention {
            age,
            ..Retention::default()
        })
        .build();
    publish(&broker, "a", "1");
    tokio::time::advance(age).await;
    publish(&broker, "b", "2");
    assert_eq!(broker.stats().events, 1);
}

#[test]
fn every_line_end_becomes_a_line_feed() {
    assert_eq!(Event::new("a\r\nb\rc\n\rd").data(), "a\nb\nc\n\nd");
}

#[test]
fn only_the_owner_of_the_broker_uses_the_reserved_names() {
    let broker = Broker::new();
    let own = Publication {
        topic: topic("tidings/state"),
        event: Event::new("1").named(name("tidings.state")),
        idempotency_key: None,
        durability: None,
    };
    let refused = broker.publish_batch(std::slice::from_ref(&own)).now();
    assert_eq!(refused.unwrap_err().source, PublishError::ReservedTopic);
    let mut reader = broker.subscribe(to(&["tidings/*"])).unwrap();
    broker.publish_own(&[own]).now().unwrap();
    assert_eq!(drain(&mut reader), ["1"]);
}

#[test]
fn who_is_let_on_the_reserved_topics_keeps_to_all_other_limits() {
    let broker = Broker::builder().max_event_bytes(10).build();
    let mut reader = broker.subscribe(to(&["tidings/*"])).unwrap();
    let publish = |event: Event| {
        let publication = Publication {
            topic: topic("tidings/board"),
            event,
            idempotency_key: None,
            durability: None,
        };
        let receipts = broker.publish_reserved(&[publication]).now();
        receipts.map_err(|error| error.source)
    };
    let reserved = publish(Event::new("1").named(name("tidings.state")));
    assert_eq!(reserved.unwrap_err(), PublishError::ReservedName);
    let large = publish(Event::new("0123456789").keyed("k"));
    assert_eq!(large.unwrap_err(), PublishError::TooLarge { limit: 10 });
    publish(Event::new("012345678").keyed("k")).unwrap();
    assert_eq!(drain(&mut reader), ["012345678"]);
}
