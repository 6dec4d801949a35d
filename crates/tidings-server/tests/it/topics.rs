use serde_json::{Value, json};
use tidings_testkit::{Hub, eventually};

use crate::hub;

fn entry(hub: &Hub, topic: &str) -> Value {
    let body = hub.get(&format!("/api/topics?selector={topic}")).json();
    assert_eq!(body["total"], json!(1), "{body}");
    body["topics"][0].clone()
}

fn names(body: &Value) -> Vec<&str> {
    let topics = body["topics"].as_array().expect("a list of topics");
    let mut names: Vec<_> = topics
        .iter()
        .filter_map(|entry| entry["topic"].as_str())
        .collect();
    names.sort_unstable();
    names
}

#[test]
fn a_topic_is_listed_with_its_history_and_subscribers() {
    let hub = hub();
    let _subscribers = [hub.stream("topic=t"), hub.stream("topic=t")];
    let first = hub.publish("t", "n", "1");
    let last = hub.publish("t", "n", "2");
    let listed = entry(&hub, "t");
    assert_eq!(listed["topic"], json!("t"));
    assert_eq!(listed["subscribers"], json!(2));
    assert_eq!(listed["events"], json!(2));
    assert_eq!(listed["first_id"], json!(first));
    assert_eq!(listed["last_id"], json!(last));
    assert_eq!(listed["ended"], json!(false));
    assert!(
        listed["bytes"].as_u64().is_some_and(|bytes| bytes > 0),
        "{listed}"
    );
    hub.finish("t", "done", "");
    assert_eq!(entry(&hub, "t")["ended"], json!(true));
}

#[test]
fn subscribers_that_leave_are_no_longer_counted() {
    let hub = hub();
    let (stays, leaves) = (hub.stream("topic=t"), hub.stream("topic=t"));
    hub.publish("t", "n", "1");
    assert_eq!(hub.subscribers("t"), 2);
    drop(leaves);
    eventually("one subscriber is left", || {
        (hub.subscribers("t") == 1).then_some(())
    });
    drop(stays);
    eventually("no subscriber is left", || {
        (hub.subscribers("t") == 0).then_some(())
    });
}

#[test]
fn selector_and_limit_narrow_the_list() {
    let hub = hub();
    for topic in ["a/1", "a/2", "b/1"] {
        hub.publish(topic, "n", "");
    }
    let all = hub.get("/api/topics").json();
    assert_eq!(names(&all), ["a/1", "a/2", "b/1"]);
    let some = hub.get("/api/topics?selector=a/*").json();
    assert_eq!(
        (names(&some), &some["total"]),
        (vec!["a/1", "a/2"], &json!(2))
    );
    let limited = hub.get("/api/topics?selector=a/*&limit=1").json();
    assert_eq!((names(&limited).len(), &limited["total"]), (1, &json!(2)));
    hub.get("/api/topics?limit=many").assert_names(400, "limit");
    hub.get("/api/topics?selector=a*")
        .assert_names(400, "selector");
}

#[test]
fn the_twin_begins_with_the_snapshot_and_follows_its_changes() {
    let hub = hub();
    hub.publish("a/1", "n", "");
    hub.publish("b", "n", "");
    let snapshot = hub.get("/api/topics?selector=a/*").json();
    let request = tidings_testkit::Request::get("/api/topics/stream?selector=a/*");
    let mut twin = hub.open(&request);

    twin.preamble();
    assert_eq!(twin.expect("topics").json(), snapshot);

    hub.publish("a/2", "n", "");
    let change = twin.until(|event| names(&event.json()) == ["a/1", "a/2"]);
    assert!(
        change.iter().all(|event| event.event == "topics"),
        "{change:?}"
    );
    hub.delete("/api/topics?topic=a/1");
    twin.until(|event| names(&event.json()) == ["a/2"]);
}

#[test]
fn the_twin_sends_patches_if_asked() {
    let hub = hub();
    for n in 0..20 {
        hub.publish(&format!("a/{n}"), "n", "");
    }
    let request = tidings_testkit::Request::get("/api/topics/stream?format=patch");
    let mut twin = hub.open(&request);
    assert_eq!(names(&twin.expect("topics").json()).len(), 20);
    hub.publish("b", "n", "");
    let patch = twin.expect("topics.patch").json();
    assert_eq!(patch[0]["op"], "add", "{patch}");
    assert_eq!(patch[0]["path"], "/topics/20", "{patch}");
    assert_eq!(patch[0]["value"]["topic"], "b", "{patch}");
}

#[test]
fn the_twin_refuses_what_the_snapshot_refuses() {
    let hub = hub();
    for query in ["limit=many", "selector=a*"] {
        let snapshot = hub.get(&format!("/api/topics?{query}")).problem(400);
        let twin = hub.get(&format!("/api/topics/stream?{query}")).problem(400);
        assert_eq!(snapshot["type"], twin["type"]);
    }
}
