//! A broker with its history on disk.

use std::path::Path;

use tempfile::TempDir;
use tidings::{
    Broker, Durability, Event, Publication, PublishError, StartAt, Subscription, TopicSettings,
};

use crate::fixture::{brief, read_to_end, selector, to, topic};

pub(crate) const SOON: std::time::Duration = std::time::Duration::from_secs(5);

pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

pub(crate) fn open(folder: &Path) -> Broker {
    Broker::builder().open(folder).unwrap()
}

/// A broker on which topics under `live/` are of durability `memory`.
pub(crate) fn open_mixed(folder: &Path) -> Broker {
    let live = TopicSettings {
        durability: Some(Durability::Memory),
        ..TopicSettings::of(selector("live/**"))
    };
    Broker::builder().topics(live).open(folder).unwrap()
}

pub(crate) async fn publish(broker: &Broker, name: &str, data: &str) -> u64 {
    let receipt = broker.publish(topic(name), Event::new(data)).await;
    receipt.unwrap().id.sequence
}

pub(crate) fn line(name: &str, data: &str, key: Option<&str>) -> Publication {
    Publication {
        topic: topic(name),
        event: Event::new(data),
        idempotency_key: key.map(Into::into),
        durability: None,
    }
}

/// What a subscription gets up to and with the event that has this data.
pub(crate) async fn read_until(
    broker: &Broker,
    subscription: Subscription,
    last: &str,
) -> Vec<String> {
    let mut subscriber = broker.subscribe(subscription).unwrap();
    let mut read: Vec<String> = Vec::new();
    loop {
        for item in subscriber.batch().await.unwrap().iter().map(brief) {
            read.push(item);
            if read.last().is_some_and(|item| item == last) {
                return read;
            }
        }
    }
}

/// Ends a broker as a crash would: nothing more is written. Waits until the folder is free.
pub(crate) async fn crash(broker: Broker, folder: &Path) -> Broker {
    drop(broker);
    loop {
        match Broker::builder().open(folder) {
            Ok(broker) => return broker,
            Err(tidings::OpenError::InUse(_)) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn a_clean_restart_continues_ids_and_streams() {
    let folder = folder();
    let broker = open(folder.path());
    let first = broker.publish(topic("a"), Event::new("1")).await.unwrap();
    assert_eq!(first.durability, Durability::Disk);
    publish(&broker, "b", "2").await;
    broker.close(SOON).await;
    assert!(broker.publish(topic("a"), Event::new("x")).await.is_err());
    drop(broker);

    let broker = open(folder.path());
    assert_eq!(broker.position().sequence, 2);
    assert_eq!(publish(&broker, "a", "3").await, 3);
    let resumed = to(&["a", "b"]).resume_after(first.id.to_string());
    let expected = ["2", "3", "<resumed 2>", "4"].map(str::to_owned);
    let read = async {
        let mut subscriber = broker.subscribe(resumed).unwrap();
        let mut read = Vec::new();
        publish(&broker, "b", "4").await;
        while read.len() < expected.len() {
            read.extend(subscriber.batch().await.unwrap().iter().map(brief));
        }
        read
    };
    assert_eq!(read.await, expected);
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_crash_and_ids_go_on_beyond() {
    let folder = folder();
    let broker = open(folder.path());
    let first = publish(&broker, "a", "1").await;
    let id = broker.position().to_string();
    let broker = crash(broker, folder.path()).await;
    assert!(publish(&broker, "a", "2").await > first + 1);
    let read = read_until(&broker, to(&["a"]).start_at(StartAt::Start), "2").await;
    assert_eq!(read, ["1", "2"]);
    let read = read_until(&broker, to(&["a"]).resume_after(id), "2").await;
    assert_eq!(read, ["2"]);
}

#[tokio::test]
async fn a_crash_may_take_back_memory_events_and_says_so() {
    let folder = folder();
    let broker = open_mixed(folder.path());
    publish(&broker, "a", "1").await;
    for n in 0..50 {
        let receipt = broker
            .publish(topic("live/x"), Event::new(n.to_string()))
            .await
            .unwrap();
        assert_eq!(receipt.durability, Durability::Memory);
    }
    let id = broker.position().to_string();
    let broker = crash(broker, folder.path()).await;
    publish(&broker, "live/x", "after").await;
    publish(&broker, "a", "after").await;
    let on = |name: &str| to(&[name]).resume_after(id.clone());
    assert_eq!(read_until(&broker, on("a"), "after").await, ["after"]);
    let read = read_until(&broker, on("live/x"), "after").await;
    assert_eq!(read, ["<gap evicted>", "after"]);
    let read = read_until(&broker, on("live/**"), "after").await;
    assert_eq!(read, ["<gap evicted>", "after"]);
}

#[tokio::test]
async fn a_clean_stop_keeps_memory_events() {
    let folder = folder();
    let broker = open_mixed(folder.path());
    for n in 0..50 {
        publish(&broker, "live/x", &n.to_string()).await;
    }
    broker.close(SOON).await;
    drop(broker);
    let broker = open_mixed(folder.path());
    assert_eq!(broker.stats().events, 50);
    publish(&broker, "live/x", "last").await;
    let from_start = to(&["live/x"]).start_at(StartAt::Start);
    assert_eq!(read_until(&broker, from_start, "last").await.len(), 51);
    let resumed = to(&["live/x"]).resume_after(format!("{}-50", broker.position().epoch.as_str()));
    assert_eq!(read_until(&broker, resumed, "last").await, ["last"]);
}

#[tokio::test]
async fn memory_and_disk_events_have_one_order() {
    let folder = folder();
    let broker = open_mixed(folder.path());
    let mut subscriber = broker.subscribe(to(&["**"])).unwrap();
    let publishers = (0..8).map(|publisher| {
        let broker = broker.clone();
        tokio::spawn(async move {
            for n in 0..40 {
                let name = if (n + publisher) % 2 == 0 {
                    "a"
                } else {
                    "live/x"
                };
                publish(&broker, name, &format!("{publisher}:{n}")).await;
            }
        })
    });
    let publishers: Vec<_> = publishers.collect();
    let (mut ids, mut last) = (Vec::new(), vec![-1; 8]);
    while ids.len() < 320 {
        for delivery in subscriber.batch().await.unwrap() {
            let tidings::Delivery::Event { event, .. } = delivery else {
                panic!("{delivery:?}");
            };
            let (publisher, n) = event.data().split_once(':').unwrap();
            let (publisher, n): (usize, i32) = (publisher.parse().unwrap(), n.parse().unwrap());
            assert_eq!(n, last[publisher] + 1);
            last[publisher] = n;
            ids.push(event.id().sequence);
        }
    }
    assert!(ids.is_sorted_by(|a, b| a < b));
    for publisher in publishers {
        publisher.await.unwrap();
    }
}

#[tokio::test]
async fn an_idempotency_key_is_known_after_a_crash() {
    let folder = folder();
    let broker = open(folder.path());
    let keyed = [line("a", "1", Some("k"))];
    let first = broker.publish_batch(&keyed).await.unwrap();
    let broker = crash(broker, folder.path()).await;
    let again = broker.publish_batch(&keyed).await.unwrap();
    assert_eq!((&again[0].id, again[0].repeated), (&first[0].id, true));
    let other = broker.publish_batch(&[line("a", "2", Some("k"))]).await;
    assert_eq!(other.unwrap_err().source, PublishError::KeyReused);
    assert_eq!(broker.stats().events, 1);
}

#[tokio::test]
async fn a_key_that_is_under_way_waits_for_its_receipt() {
    let folder = folder();
    let broker = open(folder.path());
    let all = (0..20).map(|_| {
        let broker = broker.clone();
        tokio::spawn(async move {
            let lines = [line("a", "1", Some("k")), line("a", "1", Some("k"))];
            broker.publish_batch(&lines).await.unwrap()
        })
    });
    let mut news = 0;
    for publisher in all.collect::<Vec<_>>() {
        let receipts = publisher.await.unwrap();
        assert_eq!(receipts.len(), 2);
        assert!(receipts.iter().all(|receipt| receipt.id.sequence == 1));
        news += receipts.iter().filter(|receipt| !receipt.repeated).count();
    }
    assert_eq!((news, broker.stats().events), (1, 1));
}

#[tokio::test]
async fn deleted_and_ended_topics_stay_so() {
    let folder = folder();
    let broker = open(folder.path());
    publish(&broker, "gone", "1").await;
    let ending = Event::new("end").ending_topic();
    let last = broker.publish(topic("over"), ending).await.unwrap();
    assert!(broker.delete(&topic("gone")).await.unwrap());
    assert!(!broker.delete(&topic("gone")).await.unwrap());
    let broker = crash(broker, folder.path()).await;
    assert!(broker.topic(&topic("gone")).is_none());
    assert!(broker.topic(&topic("over")).unwrap().log.ended);
    let refused = broker.publish(topic("over"), Event::new("x")).await;
    assert_eq!(refused.unwrap_err(), PublishError::TopicEnded);
    let resumed = to(&["over"]).resume_after(last.id.to_string());
    assert!(broker.subscribe(resumed).unwrap().is_over());
    let from_start = broker.subscribe(to(&["over"]).start_at(StartAt::Start));
    assert_eq!(read_to_end(from_start.unwrap()).await, ["end"]);

    let missed = to(&["gone"]).resume_after(last.id.to_string().replace("-2", "-0"));
    publish(&broker, "gone", "new").await;
    let read = read_until(&broker, missed, "new").await;
    assert_eq!(read, ["<gap evicted>", "new"]);
}

#[tokio::test]
async fn a_publication_that_nobody_waits_for_any_more_is_published() {
    let folder = folder();
    let broker = open(folder.path());
    let mut subscriber = broker.subscribe(to(&["a"])).unwrap();
    {
        let publishing = broker.publish(topic("a"), Event::new("1"));
        let mut publishing = std::pin::pin!(publishing);
        let waker = std::task::Waker::noop();
        let polled = publishing
            .as_mut()
            .poll(&mut std::task::Context::from_waker(waker));
        assert!(polled.is_pending());
    }
    let batch = subscriber.batch().await.unwrap();
    assert_eq!(batch.iter().map(brief).collect::<Vec<_>>(), ["1"]);
}

#[tokio::test]
async fn old_events_are_read_from_the_file() {
    let folder = folder();
    let broker = open(folder.path());
    let data = |n: usize| format!("{n}:{}", "x".repeat(4_000));
    for lot in 0..30 {
        let lines: Vec<_> = (0..100)
            .map(|n| line("a", &data(lot * 100 + n), None))
            .collect();
        broker.publish_batch(&lines).await.unwrap();
    }
    publish(&broker, "a", "last").await;
    let read = read_until(&broker, to(&["a"]).start_at(StartAt::Start), "last").await;
    assert_eq!(read.len(), 3_001);
    assert!((0..3_000).all(|n| read[n] == data(n)));
    let history = broker
        .history(
            &to(&["a"]).resume_after("x-0".replace('x', broker.position().epoch.as_str())),
            5,
        )
        .unwrap();
    assert_eq!(history.events.len(), 5);
    assert_eq!(history.events[4].data(), data(4));
}

#[tokio::test]
async fn a_folder_belongs_to_one_broker() {
    let folder = folder();
    let broker = open(folder.path());
    let second = Broker::builder().open(folder.path()).unwrap_err();
    assert!(matches!(second, tidings::OpenError::InUse(_)), "{second}");
    publish(&broker, "a", "1").await;
    broker.close(SOON).await;
    broker.close(SOON).await;
    let broker = open(folder.path());
    assert_eq!(publish(&broker, "a", "2").await, 2);
}
