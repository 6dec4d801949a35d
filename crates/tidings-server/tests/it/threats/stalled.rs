use std::sync::Arc;

use serde_json::json;
use tempfile::tempdir;
use tidings_testkit::{Command, Hub};
use tokio::task::{JoinSet, spawn_blocking};

use super::crowd::Visitor;
use super::room_for;
use crate::{SERVE, TIDINGS};

/// Who reads nothing, who reads, and what is published: 100 MB.
const STALLED: usize = 1_000;
const HEALTHY: usize = 2;
const TOPICS: usize = 100;
const EVENTS: usize = 6_400;
const EVENT_BYTES: usize = 16 << 10;

/// What the hub may need for all of it beyond what it needs with nothing published: 64 KiB for each of those who have stopped,
/// 32 MiB a thread for what is kept for those who are behind, and the caches of the store. A copy for each would be a GiB.
const MEMORY: u64 = 320 << 20;

/// The number that an event begins with.
fn number(data: &str) -> usize {
    let number = data.split(' ').next().and_then(|text| text.parse().ok());
    number.expect("a number")
}

/// Publishes everything and gives the most memory that was seen after a batch.
fn publish(hub: &Hub) -> u64 {
    let padding = "x".repeat(EVENT_BYTES);
    let numbers: Vec<_> = (0..EVENTS).collect();
    let peaks = numbers.chunks(200).map(|numbers| {
        let lines = numbers.iter().map(|n| {
            let topic = format!("t/{}", n % TOPICS);
            json!({"topic": topic, "event": "n", "data": format!("{n} {padding}")}).to_string()
                + "\n"
        });
        let answer = hub.post_lines(&lines.collect::<String>());
        assert_eq!(answer.status(), 200, "{answer:?}");
        hub.process().resident_memory()
    });
    peaks.max().unwrap_or_default()
}

/// Reads `count` events of one topic, coming back whenever it was cut.
async fn catch_up(hub: &Hub, mut visitor: Visitor, topic: usize, count: usize) {
    let query = format!("topic=t/{topic}");
    let mut expected = (topic..EVENTS).step_by(TOPICS).take(count);
    let mut next = expected.next();
    while let Some(awaited) = next {
        match visitor.next().await {
            Some(event) if event.event == "n" => {
                assert_eq!(number(&event.data), awaited);
                next = expected.next();
            }
            Some(event) => assert_ne!(event.event, "tidings.gap", "{event:?}"),
            None => {
                let id = visitor.id.take().expect("a position");
                visitor = Visitor::open(hub.address(), &query, Some(&id)).await;
                visitor.id = Some(id);
            }
        }
    }
}

#[tokio::test]
async fn t12_readers_that_read_nothing_cost_little_and_lose_nothing() {
    room_for(4_096);
    let folder = tempdir().expect("a temporary directory");
    let settings = "[retention]\nbytes = \"200MiB\"\n";
    let command = Command::new(TIDINGS, &[&SERVE[..], &["--config", "hub.toml"]].concat());
    let command = command.file("hub.toml", settings);
    let hub = Hub::spawn(command.env("TIDINGS_DATA_DIR", &folder.path().to_string_lossy()));
    let address = hub.address();
    let mut stalled = Vec::new();
    for n in 0..STALLED {
        let query = format!("topic=t/{}", n % TOPICS);
        let mut visitor = Visitor::open(address, &query, None).await;
        visitor.id = Some(visitor.start().await);
        stalled.push(visitor);
    }
    let mut healthy = JoinSet::new();
    for _ in 0..HEALTHY {
        let mut visitor = Visitor::open(address, "topic=t/*", None).await;
        healthy.spawn(async move {
            for expected in 0..EVENTS {
                let event = visitor.next().await.expect("another event");
                assert_eq!(number(&event.data), expected);
            }
        });
    }

    let before = hub.process().resident_memory();
    let (hub, peak) = spawn_blocking(move || {
        let peak = publish(&hub);
        (hub, peak)
    })
    .await
    .expect("a publisher");
    while let Some(read) = healthy.join_next().await {
        read.expect("a healthy reader");
    }
    let grown = peak.saturating_sub(before);
    assert!(grown < MEMORY, "{grown} bytes more");

    let hub = Arc::new(hub);
    let mut readers = JoinSet::new();
    for (n, visitor) in stalled.into_iter().enumerate() {
        let hub = hub.clone();
        // One in ten reads all of it, which is 100 MB for them together.
        let count = if n % 10 == 0 { EVENTS / TOPICS } else { 4 };
        readers.spawn(async move { catch_up(&hub, visitor, n % TOPICS, count).await });
    }
    while let Some(read) = readers.join_next().await {
        read.expect("a reader that had stalled");
    }
    assert!(!hub.process().stderr().contains("panicked"));
}
