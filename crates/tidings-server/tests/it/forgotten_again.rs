use serde_json::json;
use tempfile::tempdir;
use tidings_testkit::{Hub, Signal};

use crate::hub_on;

fn crash(hub: Hub) {
    hub.signal(Signal::SIGKILL);
    let _ = hub.wait();
}

fn kept(hub: &Hub, topic: &str) -> Vec<String> {
    let history = hub.history(topic);
    let data = history.iter().map(|event| event["data"].as_str());
    data.map(|data| data.expect("data").to_owned()).collect()
}

#[test]
fn a_topic_that_ended_was_forgotten_and_began_again_is_there_after_a_crash() {
    let folder = tempdir().expect("a temporary directory");
    let little = [("TIDINGS_RETENTION_TOTAL", "2KiB")];
    let hub = hub_on(folder.path(), &little);
    let last = hub.finish("t", "n", "the last one");
    hub.publish("other", "n", &"x".repeat(1900));
    hub.publish("t", "n", "again");
    assert_eq!(kept(&hub, "t"), ["again"]);
    crash(hub);

    let hub = hub_on(folder.path(), &little);
    assert_eq!(kept(&hub, "t"), ["again"]);
    assert_eq!(hub.resume("topic=t", &last).event().data, "again");
}

#[test]
fn a_topic_that_made_room_and_came_back_is_one_topic_after_a_crash() {
    let folder = tempdir().expect("a temporary directory");
    let hub = hub_on(folder.path(), &[("TIDINGS_LIMITS_TOPICS", "2")]);
    for (topic, data) in [("a", "1"), ("b", "2"), ("c", "3"), ("a", "4")] {
        hub.publish(topic, "n", data);
    }
    crash(hub);

    let hub = hub_on(folder.path(), &[]);
    let topics = hub.get("/api/topics").json();
    let listed = topics["topics"].as_array().expect("a list of topics");
    let events = listed.iter().map(|topic| topic["events"].as_u64());
    let events: u64 = events.map(|events| events.expect("a count")).sum();
    let everything = kept(&hub, "**");
    assert_eq!(everything.len() as u64, events, "{everything:?} {topics}");

    assert_eq!(hub.delete("/api/topics?topic=a").status(), 204);
    let left = hub.get("/api/events?topic=**").json();
    let left = left["events"].as_array().expect("a list of events");
    assert!(
        left.iter().all(|event| event["topic"] != json!("a")),
        "{left:?}"
    );
}
