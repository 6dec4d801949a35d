use std::sync::Arc;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::*;

/// So many of 4 KiB are more than what lies on the way to a reader that stops.
const EVENTS: usize = 700;
const READERS: u32 = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_stops_holds_up_none_of_the_others() {
    for drain in OURS {
        let broker = keeping(10).build();
        let site = Site::of(drain, &broker, to("a")).await;
        let mut stalled = site.read().await;
        stalled.until("\n\n").await;
        let mut reading = JoinSet::new();
        let given = Arc::new(Semaphore::new(0));
        for _ in 0..READERS {
            let mut reader = site.read().await;
            let given = given.clone();
            reading.spawn(async move {
                for n in 0..EVENTS {
                    reader.until(&format!("data: {n}:")).await;
                    given.add_permits(1);
                }
                (reader.end().await, reader.into_text().len())
            });
        }

        let filler = "x".repeat(4 << 10);
        for n in 0..EVENTS {
            publish(&broker, "a", Event::new(format!("{n}:{filler}"))).await;
            // Nobody but the stalled one is to fall behind what is kept.
            given.acquire_many(READERS).await.unwrap().forget();
        }
        publish(&broker, "a", Event::new("").ending_topic()).await;

        while let Some(read) = reading.join_next().await {
            assert_eq!(read.unwrap().0, End::Whole, "{drain:?}");
        }
        // It was sent away for being behind.
        assert_eq!(stalled.end().await, End::Whole, "{drain:?}");
        assert!(stalled.into_text().contains("too-slow"), "{drain:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_readers_get_every_event_of_a_burst() {
    let broker = broker().build();
    let site = Site::of(Drain::Fed, &broker, to("a")).await;
    let mut reading = JoinSet::new();
    for _ in 0..300 {
        let mut reader = site.read().await;
        reading.spawn(async move { (reader.end().await, reader.into_text()) });
    }
    let mut expected = format!("retry: 0\nid: {}\n\n", broker.position());
    for n in 0..1_000 {
        let event = Event::new(n.to_string());
        let event = if n == 999 {
            event.ending_topic()
        } else {
            event
        };
        let id = publish(&broker, "a", event).await;
        expected += &format!("id: {id}\ndata: {n}\n\n");
    }

    while let Some(read) = reading.join_next().await {
        let (end, text) = read.unwrap();
        assert_eq!(end, End::Whole);
        assert!(text == expected);
    }
}

/// More than all buffers on the way to a reader hold, and than the broker and an engine hold for readers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_that_all_stop_for_a_while_get_every_event() {
    for drain in OURS {
        let broker = broker().build();
        let site = Site::of(drain, &broker, to("a")).await;
        let mut stopped = Vec::new();
        for _ in 0..8 {
            let mut reader = site.read().await;
            reader.until("\n\n").await;
            stopped.push(reader);
        }
        let filler = "x".repeat(8 << 10);
        let mut expected = String::new();
        for n in 0..800 {
            let event = Event::new(format!("{n}:{filler}"));
            let event = if n == 799 {
                event.ending_topic()
            } else {
                event
            };
            let id = publish(&broker, "a", event).await;
            expected += &format!("id: {id}\ndata: {n}:{filler}\n\n");
        }

        let mut reading = JoinSet::new();
        for mut reader in stopped {
            reading.spawn(async move { (reader.end().await, reader.into_text()) });
        }
        while let Some(read) = reading.join_next().await {
            let (end, text) = read.unwrap();
            assert_eq!(end, End::Whole, "{drain:?}");
            assert!(text.ends_with(&expected), "{drain:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_readers_than_are_written_to_in_one_piece_get_every_event() {
    // Both ends of 1,100 connections; the usual soft limit is 1,024.
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, most.min(4_096), most).unwrap();
    let broker = broker().build();
    let site = Site::of(Drain::Fed, &broker, to("a")).await;
    let mut reading = JoinSet::new();
    // More than a piece for each of the two threads.
    for _ in 0..1_100 {
        let mut reader = site.read().await;
        reading.spawn(async move { (reader.end().await, reader.into_text()) });
    }
    let mut expected = format!("retry: 0\nid: {}\n\n", broker.position());
    for n in 0..20 {
        let event = Event::new(n.to_string());
        let event = if n == 19 { event.ending_topic() } else { event };
        let id = publish(&broker, "a", event).await;
        expected += &format!("id: {id}\ndata: {n}\n\n");
    }
    while let Some(read) = reading.join_next().await {
        let (end, text) = read.unwrap();
        assert_eq!(end, End::Whole);
        assert_eq!(text, expected);
    }
}
