//! A broker on disk where several things happen between two lots.

use std::{
    sync::{Arc, mpsc},
    task::{Context, Wake, Waker},
};

use tidings::{Broker, Capacity, Durability, Event, StartAt};

use crate::{
    disk::{SOON, crash, folder, line, open, open_mixed, publish, read_until},
    fixture::{to, topic},
};

fn names(broker: &Broker) -> Vec<String> {
    let topics = broker.topics(None, 10).topics;
    let names = topics.iter().map(|topic| topic.log.topic.to_string());
    names.collect()
}

#[tokio::test]
async fn a_topic_deleted_before_its_events_were_written_begins_anew() {
    let folder = folder();
    let broker = open_mixed(folder.path());
    // The second one is released before it is written.
    publish(&broker, "live/x", "old").await;
    publish(&broker, "live/x", "old").await;
    assert!(broker.delete(&topic("live/x")).await.unwrap());
    for data in ["1", "2", "3"] {
        let mut line = line("live/x", data, None);
        line.durability = Some(Durability::Disk);
        broker.publish_batch(&[line]).await.unwrap();
    }
    let broker = crash(broker, folder.path()).await;
    publish(&broker, "live/x", "last").await;
    for selector in ["live/x", "**"] {
        let from_start = to(&[selector]).start_at(StartAt::Start);
        let read = read_until(&broker, from_start, "last").await;
        assert_eq!(read, ["1", "2", "3", "last"], "{selector}");
    }
}

#[tokio::test]
async fn a_topic_deleted_before_its_events_were_written_stays_deleted() {
    let folder = folder();
    let broker = open_mixed(folder.path());
    publish(&broker, "live/x", "old").await;
    publish(&broker, "live/x", "old").await;
    assert!(broker.delete(&topic("live/x")).await.unwrap());
    publish(&broker, "other", "1").await;
    let broker = crash(broker, folder.path()).await;
    assert_eq!(names(&broker), ["other"]);
}

#[tokio::test]
async fn a_topic_that_made_room_and_came_back_is_there_after_a_crash() {
    let folder = folder();
    let few = Capacity {
        topics: 2,
        ..Capacity::default()
    };
    let broker = Broker::builder().capacity(few).open(folder.path()).unwrap();
    for name in ["a", "b", "c"] {
        publish(&broker, name, name).await;
    }
    let before = broker.position().to_string();
    publish(&broker, "a", "back").await;
    let broker = crash(broker, folder.path()).await;
    let resumed = to(&["a"]).resume_after(before);
    assert_eq!(read_until(&broker, resumed, "back").await, ["back"]);
}

#[tokio::test]
async fn what_a_crash_has_cost_is_told_even_if_the_topic_is_deleted_then() {
    let folder = folder();
    let broker = open_mixed(folder.path());
    for _ in 0..20 {
        publish(&broker, "live/x", "x").await;
    }
    let before = broker.position().to_string();
    let broker = crash(broker, folder.path()).await;
    broker.delete(&topic("live/x")).await.unwrap();
    publish(&broker, "live/x", "new").await;
    let resumed = to(&["live/x"]).resume_after(before);
    let read = read_until(&broker, resumed, "new").await;
    assert_eq!(read, ["<gap evicted>", "new"]);
}

#[tokio::test]
async fn large_memory_events_are_written_although_the_writer_is_always_rung() {
    let folder = folder();
    let broker = open_mixed(folder.path());
    let probing = {
        let broker = broker.clone();
        tokio::spawn(async move {
            loop {
                broker.check().await.unwrap();
            }
        })
    };
    let data = "x".repeat(256 << 10);
    for _ in 0..400 {
        publish(&broker, "live/x", &data).await;
    }
    probing.abort();
}

#[tokio::test]
async fn closing_twice_at_a_time_closes_once() {
    let folder = folder();
    let broker = open(folder.path());
    publish(&broker, "a", "1").await;
    let (first, second) = tokio::join!(broker.close(SOON), broker.close(SOON));
    assert_eq!((first.cut, second.cut), (0, 0));
    let broker = open(folder.path());
    assert_eq!(broker.position().sequence, 1);
}

/// Asks the broker something as soon as it is woken.
struct Curious {
    broker: Broker,
    woken: mpsc::Sender<()>,
}

impl Wake for Curious {
    fn wake(self: Arc<Self>) {
        self.broker.stats();
        // The test may be over.
        let _ = self.woken.send(());
    }
}

#[test]
fn publishers_are_woken_while_the_broker_can_be_asked() {
    let folder = folder();
    let broker = open(folder.path());
    let (woken, wakes) = mpsc::channel();
    let waker = Waker::from(Arc::new(Curious {
        broker: broker.clone(),
        woken,
    }));
    // More than may wait for the disk at a time, so that some wait to be accepted.
    let data = "x".repeat(1 << 20);
    let mut all: Vec<_> = (0..150)
        .map(|_| Box::pin(broker.publish(topic("a"), Event::new(&*data))))
        .collect();
    while !all.is_empty() {
        let mut context = Context::from_waker(&waker);
        all.retain_mut(|publishing| publishing.as_mut().poll(&mut context).is_pending());
        if !all.is_empty() {
            wakes.recv().unwrap();
        }
    }
}
