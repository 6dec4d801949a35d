use serde_json::json;
use tempfile::tempdir;
use tidings_testkit::Position;
use tokio::task::JoinSet;

use super::crowd::Visitor;
use super::room_for;
use crate::hub_on;

/// Who comes back at once, and how far they are behind a history of so many events.
const READERS: usize = 10_000;
const BEHIND: usize = 100;
const EVENTS: usize = 20_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t16_ten_thousand_readers_that_come_back_at_once_each_get_what_they_missed() {
    room_for(16_384);
    let folder = tempdir().expect("a temporary directory");
    let hub = hub_on(folder.path(), &[("TIDINGS_LIMITS_CONNECTIONS", "12000")]);
    let lines = (0..EVENTS).map(|n| {
        let topic = format!("t/{}", n % 100);
        json!({"topic": topic, "event": "n", "data": n.to_string()}).to_string() + "\n"
    });
    let receipt = hub.post_lines(&lines.collect::<String>()).json();
    let mut position = Position::of(receipt["last"].as_str().expect("an id"));
    position.sequence -= BEHIND as u64;
    let id = position.to_string();
    let before = hub.process().resident_memory();

    let mut crowd = JoinSet::new();
    for _ in 0..READERS {
        let (address, id) = (hub.address(), id.clone());
        crowd.spawn(async move {
            let mut visitor = Visitor::open(address, "topic=t/*", Some(&id)).await;
            for expected in EVENTS - BEHIND..EVENTS {
                let event = visitor.next().await.expect("another event");
                assert_eq!(event.data, expected.to_string());
            }
            let resumed = visitor.next().await.expect("another event");
            assert_eq!(resumed.json(), json!({"from": id, "count": BEHIND}));
            visitor
        });
    }
    let mut visitors = Vec::new();
    while let Some(visitor) = crowd.join_next().await {
        visitors.push(visitor.expect("a reader that came back"));
    }
    let grown = hub.process().resident_memory().saturating_sub(before);
    // 20 KiB for each, which is what one page of history and a connection need.
    assert!(grown < 200 << 20, "{grown} bytes more");

    hub.publish("t/0", "n", "live");
    for mut visitor in visitors {
        crowd.spawn(async move {
            let event = visitor.next().await.expect("another event");
            assert_eq!(event.data, "live");
            visitor
        });
    }
    while let Some(visitor) = crowd.join_next().await {
        visitor.expect("a reader that stayed");
    }
}

#[test]
fn t16_one_event_behind_a_long_history_is_exact() {
    let folder = tempdir().expect("a temporary directory");
    let hub = hub_on(folder.path(), &[]);
    let mut last = None;
    for batch in 0..10 {
        let lines = (0..10_000).map(|n| {
            let data = (batch * 10_000 + n).to_string();
            json!({"topic": "t", "event": "n", "data": data}).to_string() + "\n"
        });
        let receipt = hub.post_lines(&lines.collect::<String>()).json();
        last = receipt["last"].as_str().map(Position::of);
    }
    let mut position = last.expect("a last event");
    position.sequence -= 1;
    let mut stream = hub.resume("topic=t", &position.to_string());
    assert_eq!(stream.expect("n").data, "99999");
    let resumed = stream.expect("tidings.resumed").json();
    assert_eq!(resumed["count"], json!(1));
}
