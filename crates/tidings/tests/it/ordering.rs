use std::{collections::HashMap, sync::Arc};

use tidings::{Broker, Delivery, Event, StartAt, Subscriber};
use tokio::sync::Barrier;

use crate::fixture::{Now, brief, drain, publish, publish_final, to, topic};

const PUBLISHERS: u64 = 8;
const EVENTS: u64 = 500;

/// Publishes `publisher:n` on one of three topics, and at last ends them from outside.
fn publishers(broker: &Broker, start: &Arc<Barrier>) -> Vec<tokio::task::JoinHandle<()>> {
    let publisher = |publisher: u64| {
        let (broker, start) = (broker.clone(), start.clone());
        tokio::spawn(async move {
            start.wait().await;
            for n in 0..EVENTS {
                let name = ["a", "b", "c"][((publisher + n) % 3) as usize];
                broker
                    .publish(topic(name), Event::new(format!("{publisher}:{n}")))
                    .now()
                    .unwrap();
                if n % 16 == 0 {
                    tokio::task::yield_now().await;
                }
            }
        })
    };
    (0..PUBLISHERS).map(publisher).collect()
}

async fn read(mut subscriber: Subscriber) -> Vec<(u64, String)> {
    let mut read = Vec::new();
    while let Some(batch) = subscriber.batch().await {
        for delivery in batch {
            match delivery {
                Delivery::Event { event, .. } => {
                    read.push((event.id().sequence, event.data().to_owned()))
                }
                Delivery::Control(control) => assert_eq!(control.name(), "tidings.resumed"),
            }
        }
    }
    read
}

fn end(broker: &Broker) {
    for name in ["a", "b", "c"] {
        publish_final(broker, name, "last");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_subscribers_see_concurrent_publishers_in_one_order() {
    let broker = Broker::new();
    let start = Arc::new(Barrier::new(PUBLISHERS as usize));
    let readers: Vec<_> = (0..20)
        .map(|_| tokio::spawn(read(broker.subscribe(to(&["a", "b", "c"])).unwrap())))
        .collect();
    for publisher in publishers(&broker, &start) {
        publisher.await.unwrap();
    }
    end(&broker);

    let mut all = Vec::new();
    for reader in readers {
        all.push(reader.await.unwrap());
    }
    let first = &all[0];
    assert_eq!(first.len() as u64, PUBLISHERS * EVENTS + 3);
    assert!(first.is_sorted_by(|a, b| a.0 < b.0));
    assert!(all.iter().all(|other| other == first));
    let mut next: HashMap<&str, u64> = HashMap::new();
    for (publisher, n) in first.iter().filter_map(|(_, data)| data.split_once(':')) {
        let next = next.entry(publisher).or_default();
        assert_eq!(n.parse::<u64>().unwrap(), *next);
        *next += 1;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_resumes_among_concurrent_publishers_gets_the_same_as_who_stayed() {
    let broker = Broker::new();
    let start = Arc::new(Barrier::new(PUBLISHERS as usize));
    let stayed = tokio::spawn(read(broker.subscribe(to(&["a", "b", "c"])).unwrap()));
    let start_position = broker.position();
    let publishers = publishers(&broker, &start);

    let coming_and_going = tokio::spawn({
        let broker = broker.clone();
        async move {
            let (mut last, mut read) = (start_position, Vec::new());
            loop {
                let subscription = to(&["a", "b", "c"]).resume_after(last.to_string());
                let mut subscriber = broker.subscribe(subscription).unwrap();
                let mut resumed = None;
                let mut replayed = 0;
                for _ in 0..3 {
                    let Some(batch) = subscriber.batch().await else {
                        return read;
                    };
                    for delivery in batch {
                        match delivery {
                            Delivery::Event { event, .. } => {
                                last = event.id();
                                replayed += u64::from(resumed.is_none());
                                read.push((last.sequence, event.data().to_owned()));
                            }
                            Delivery::Control(tidings::Control::Resumed { count, .. }) => {
                                assert_eq!(resumed.replace(count), None);
                                assert_eq!(count, replayed);
                            }
                            Delivery::Control(_) => panic!("{}", brief(&delivery)),
                        }
                    }
                }
            }
        }
    });
    for publisher in publishers {
        publisher.await.unwrap();
    }
    end(&broker);
    assert_eq!(coming_and_going.await.unwrap(), stayed.await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_among_concurrent_publishers_has_no_seam() {
    let broker = Broker::new();
    let start = Arc::new(Barrier::new(PUBLISHERS as usize));
    let publishers = publishers(&broker, &start);
    let mut readers = Vec::new();
    for round in 0..40 {
        let selectors: &[&str] = if round % 2 == 0 {
            &["a", "b", "c"]
        } else {
            &["a", "b", "c", "b"]
        };
        let subscriber = broker
            .subscribe(to(selectors).start_at(StartAt::Start))
            .unwrap();
        readers.push(tokio::spawn(read(subscriber)));
        tokio::task::yield_now().await;
    }
    for publisher in publishers {
        publisher.await.unwrap();
    }
    end(&broker);
    for reader in readers {
        let read = reader.await.unwrap();
        let sequences: Vec<u64> = read.iter().map(|(sequence, _)| *sequence).collect();
        assert_eq!(sequences, (1..=PUBLISHERS * EVENTS + 3).collect::<Vec<_>>());
    }
}

#[test]
fn what_is_published_after_subscribing_is_delivered() {
    let broker = Broker::new();
    for round in 0..1_000 {
        let mut subscriber = broker.subscribe(to(&["a"])).unwrap();
        assert_eq!(publish(&broker, "a", &round.to_string()).receivers, 1);
        assert_eq!(drain(&mut subscriber), [round.to_string()]);
    }
}
