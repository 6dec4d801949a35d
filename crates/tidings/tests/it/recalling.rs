use std::time::Duration;

use tidings::{
    Broker, Delivery, Event, Publication, PublishError, Retention, Selector, StartAt, Subscriber,
    Subscription, Topic, TopicSettings, Wire,
};

use crate::fixture::topic;

fn badges() -> Selector {
    Selector::new("feed/badges/*").unwrap()
}

/// Everything of the feed; to begin with the last value of each badge and the three newest notes.
fn feed() -> Subscription {
    Subscription::to(Selector::new("feed/**").unwrap())
        .recalling(badges(), 1)
        .recalling(topic("feed/notes"), 3)
}

async fn publish(broker: &Broker, to: &str, data: &str) -> String {
    let receipt = broker.publish(topic(to), Event::new(data)).await.unwrap();
    receipt.id.to_string()
}

/// The data of the next events, and what the broker says between them.
async fn next(subscriber: &mut Subscriber, count: usize) -> Vec<String> {
    let mut seen = Vec::new();
    while seen.len() < count {
        for delivery in subscriber.batch().await.unwrap() {
            seen.push(match delivery {
                Delivery::Event { event, .. } => event.data().to_owned(),
                Delivery::Control(control) => control.name().to_owned(),
            });
        }
    }
    seen
}

#[tokio::test]
async fn the_newest_of_each_topic_comes_first_and_what_is_published_then_follows() {
    let broker = Broker::new();
    for (to, data) in [
        ("feed/badges/a", "a1"),
        ("feed/notes", "n1"),
        ("feed/badges/b", "b1"),
        ("feed/other", "o1"),
        ("feed/badges/a", "a2"),
        ("elsewhere", "e"),
        ("feed/notes", "n2"),
        ("feed/notes", "n3"),
        ("feed/notes", "n4"),
    ] {
        publish(&broker, to, data).await;
    }
    let recalled = broker.recall(&feed()).unwrap();
    let mut subscriber = broker.subscribe(feed()).unwrap();
    publish(&broker, "feed/other", "o2").await;
    publish(&broker, "feed/badges/b", "b2").await;

    let first = ["b1", "a2", "n2", "n3", "n4"];
    let data: Vec<_> = recalled.events.iter().map(|event| event.data()).collect();
    assert_eq!(data, first);
    let follow = feed().resume_after(recalled.position.to_string());
    let mut follower = broker.subscribe(follow).unwrap();
    assert_eq!(
        next(&mut subscriber, 7).await,
        [&first[..], &["o2", "b2"]].concat()
    );
    assert_eq!(
        next(&mut follower, 3).await,
        ["o2", "b2", "tidings.resumed"]
    );
}

#[tokio::test]
async fn nothing_is_recalled_for_a_subscription_that_begins_elsewhere() {
    let broker = Broker::new();
    let id = publish(&broker, "feed/badges/a", "a1").await;
    publish(&broker, "feed/notes", "n1").await;
    let mut resumed = broker.subscribe(feed().resume_after(id)).unwrap();
    assert_eq!(next(&mut resumed, 2).await, ["n1", "tidings.resumed"]);
    let mut newest = broker
        .subscribe(feed().start_at(StartAt::Newest(1)))
        .unwrap();
    assert_eq!(next(&mut newest, 1).await, ["n1"]);
}

#[tokio::test]
async fn an_encoded_recall_ends_with_the_place_of_its_registration() {
    let broker = Broker::new();
    publish(&broker, "feed/notes", "n1").await;
    let before = publish(&broker, "feed/other", "o1").await;
    let mut subscriber = broker.subscribe(feed().encoded(Wire::default())).unwrap();
    let batch = subscriber.batch().await.unwrap();
    let [Delivery::Event { event, block }] = &batch[..] else {
        panic!("{batch:?}");
    };
    let expected = format!("id: {}\ndata: n1\n\nid: {before}\n\n", event.id());
    assert_eq!(std::str::from_utf8(block).unwrap(), expected);

    let without_ids = Wire {
        ids: false,
        ..Wire::default()
    };
    let mut subscriber = broker.subscribe(feed().encoded(without_ids)).unwrap();
    let batch = subscriber.batch().await.unwrap();
    let [Delivery::Event { block, .. }] = &batch[..] else {
        panic!("{batch:?}");
    };
    assert_eq!(block, "data: n1\n\n");
}

#[tokio::test]
async fn what_goes_before_it_is_read_is_left_out_without_a_word() {
    let kept = Retention {
        events: 2,
        ..Retention::default()
    };
    let settings = TopicSettings {
        retention: Some(kept),
        ..TopicSettings::of(topic("feed/notes"))
    };
    let broker = Broker::builder().topics(settings).build();
    publish(&broker, "feed/notes", "n1").await;
    publish(&broker, "feed/notes", "n2").await;
    let mut subscriber = broker.subscribe(feed()).unwrap();
    publish(&broker, "feed/notes", "n3").await;
    assert_eq!(next(&mut subscriber, 2).await, ["n2", "n3"]);
}

#[tokio::test]
async fn a_pattern_recalls_by_whole_segments_and_never_what_is_not_followed() {
    let broker = Broker::new();
    for to in [
        "feed/badges",
        "feed/badges!",
        "feed/badges/a",
        "feed/badges/a/b",
        "feed/badgesx/a",
        "a",
    ] {
        publish(&broker, to, to).await;
    }
    let recall = |of: &str| {
        let feed = Subscription::to(Selector::new("feed/**").unwrap());
        let recalled = broker
            .recall(&feed.recalling(Selector::new(of).unwrap(), 9))
            .unwrap();
        recalled
            .events
            .iter()
            .map(|event| event.data().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(recall("feed/badges/*"), ["feed/badges/a"]);
    assert_eq!(
        recall("feed/badges/**"),
        ["feed/badges", "feed/badges/a", "feed/badges/a/b"]
    );
    assert_eq!(recall("*"), [""; 0]);
    assert_eq!(recall("*/*/*"), ["feed/badges/a", "feed/badgesx/a"]);
}

#[tokio::test]
async fn much_is_recalled_page_by_page_while_more_is_published() {
    let broker = Broker::new();
    for n in 0..1000 {
        publish(
            &broker,
            &format!("feed/badges/{n}"),
            &format!("{n} {}", "x".repeat(500)),
        )
        .await;
    }
    let mut subscriber = broker.subscribe(feed()).unwrap();
    let mut seen = 0;
    while seen < 1010 {
        publish(&broker, "feed/other", "live").await;
        for delivery in subscriber.batch().await.unwrap() {
            let Delivery::Event { event, .. } = delivery else {
                panic!("{delivery:?}");
            };
            let is_recalled = event.data().starts_with(&format!("{seen} "));
            assert!(
                is_recalled || (seen >= 1000 && event.data() == "live"),
                "{seen}: {event:?}"
            );
            seen += 1;
        }
    }
}

#[tokio::test]
async fn reserved_topics_are_for_the_owner_of_the_broker() {
    let broker = Broker::new();
    let publication = Publication {
        topic: Topic::new("tidings/own").unwrap(),
        event: Event::new("x"),
        idempotency_key: None,
        durability: None,
    };
    let mut subscriber = broker
        .subscribe(Subscription::to(publication.topic.clone()))
        .unwrap();
    let refused = broker
        .publish_batch(std::slice::from_ref(&publication))
        .await;
    assert_eq!(refused.unwrap_err().source, PublishError::ReservedTopic);
    let receipts = broker.publish_own(&[publication]).await.unwrap();
    assert_eq!(receipts[0].receivers, 1);
    assert_eq!(next(&mut subscriber, 1).await, ["x"]);
}

#[tokio::test]
async fn what_is_given_is_counted_once_live_or_replayed() {
    let broker = Broker::new();
    let mut live = broker.subscribe(feed()).unwrap();
    publish(&broker, "feed/notes", "four").await;
    publish(&broker, "elsewhere", "unseen").await;
    let mut replayed = broker.subscribe(feed().start_at(StartAt::Start)).unwrap();
    assert_eq!(next(&mut live, 1).await, ["four"]);
    assert_eq!(next(&mut replayed, 1).await, ["four"]);
    let stats = broker.stats();
    assert_eq!((stats.published, stats.published_bytes), (2, 10));
    assert_eq!((stats.delivered, stats.delivered_bytes), (2, 8));
}

#[tokio::test]
async fn a_recall_is_read_from_the_disk_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let broker = Broker::builder().open(folder.path()).unwrap();
    for n in 0..300 {
        let data = format!("{n} {}", "x".repeat(40_000));
        publish(&broker, &format!("feed/badges/{n}"), &data).await;
    }
    broker.close(Duration::from_secs(10)).await;
    let broker = Broker::builder().open(folder.path()).unwrap();
    let mut subscriber = broker.subscribe(feed()).unwrap();
    let lag = broker.connections()[0].lag;
    publish(&broker, "feed/other", "live").await;
    let seen = next(&mut subscriber, 301).await;
    for (n, data) in seen[..300].iter().enumerate() {
        assert!(data.starts_with(&format!("{n} ")), "{n}: {data:.9}");
    }
    assert_eq!((lag, seen[300].as_str()), (300, "live"));
    assert_eq!(broker.recall(&feed()).unwrap().events.len(), 300);
}

#[tokio::test]
async fn topics_that_change_during_a_recall_follow_it() {
    let broker = Broker::new();
    publish(&broker, "feed/notes", "n1").await;
    let mut subscriber = broker.subscribe(feed()).unwrap();
    publish(&broker, "feed/notes", "n2").await;
    publish(&broker, "more", "before").await;
    let more = [Selector::from(topic("more"))];
    broker.change(subscriber.id(), &more, &[]).await.unwrap();
    publish(&broker, "more", "m1").await;
    assert_eq!(next(&mut subscriber, 3).await, ["n1", "n2", "m1"]);
}
