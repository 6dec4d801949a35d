use serde_json::{Value, json};
use tidings_testkit::{Hub, Request, Response, StreamReader, eventually};

use crate::history::is_time;
use crate::{data, hub};

fn hello(hub: &Hub, query: &str) -> (StreamReader, String) {
    let mut stream = hub.stream(&format!("{query}&hello=1"));
    let connected = stream.expect("tidings.connected").json();
    let id = connected["connection_id"]
        .as_str()
        .expect("a connection id");
    (stream, id.to_owned())
}

fn change(hub: &Hub, id: &str, body: &Value) -> Response {
    let request = Request::new("PATCH", &format!("/api/connections/{id}"))
        .header("Content-Type", "application/json")
        .body(body.to_string());
    hub.send(&request)
}

fn ids(body: &Value) -> Vec<&str> {
    let connections = body["connections"]
        .as_array()
        .expect("a list of connections");
    connections
        .iter()
        .filter_map(|entry| entry["id"].as_str())
        .collect()
}

#[test]
fn an_open_stream_is_listed_with_who_reads_what() {
    let hub = hub();
    let request = Request::get("/api/events/stream?topic=t&topic=u/*&hello=1");
    let mut stream = hub.open(&request.header("User-Agent", "reader/1.0"));
    let connected = stream.expect("tidings.connected").json();

    let body = hub.get("/api/connections?topic=t").json();

    assert_eq!(body["total"], json!(1), "{body}");
    let listed = &body["connections"][0];
    assert_eq!(listed["id"], connected["connection_id"]);
    assert_eq!(listed["topics"], json!(["t", "u/*"]));
    assert_eq!(listed["user_agent"], json!("reader/1.0"));
    let remote = listed["remote"].as_str().expect("an address");
    assert!(remote.contains("127.0.0.1"), "{remote}");
    for time in ["connected_at", "last_active_at"] {
        assert!(is_time(&listed[time]), "{listed}");
    }
    for counter in ["sent_events", "sent_bytes", "lag"] {
        assert!(listed[counter].is_u64(), "{counter} in {listed}");
    }
    assert!(
        listed
            .as_object()
            .is_some_and(|entry| entry.contains_key("identity"))
    );
}

#[test]
fn topic_limit_and_activity_narrow_the_list() {
    let hub = hub();
    let (_a, first) = hello(&hub, "topic=a");
    let (_b, second) = hello(&hub, "topic=a&topic=b");
    let both = hub.get("/api/connections?topic=a").json();
    let mut listed = ids(&both);
    listed.sort_unstable();
    let mut expected = [first.as_str(), second.as_str()];
    expected.sort_unstable();
    assert_eq!(listed, expected);
    let one = hub.get("/api/connections?topic=b").json();
    assert_eq!(ids(&one), [second.as_str()]);
    let limited = hub.get("/api/connections?topic=a&limit=1").json();
    assert_eq!(ids(&limited).len(), 1);
    let active = hub
        .get("/api/connections?topic=a&active_within_minutes=5")
        .json();
    assert_eq!(ids(&active).len(), 2);
    for field in ["limit", "active_within_minutes"] {
        let answer = hub.get(&format!("/api/connections?{field}=many"));
        answer.assert_names(400, field);
    }
}

#[test]
fn the_twin_begins_with_the_snapshot_and_follows_streams_as_they_come_and_go() {
    let hub = hub();
    let (_a, first) = hello(&hub, "topic=a");
    let snapshot = hub.get("/api/connections?topic=a").json();
    let mut twin = hub.open(&Request::get("/api/connections/stream?topic=a"));
    twin.preamble();

    let begin = twin.expect("connections").json();
    assert_eq!(ids(&begin), [first.as_str()]);
    assert_eq!(begin["total"], snapshot["total"]);
    let fields = |body: &Value| {
        let entry = body["connections"][0].as_object().expect("an object");
        entry.keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(fields(&begin), fields(&snapshot));

    let (stream, second) = hello(&hub, "topic=a");
    twin.until(|event| ids(&event.json()).contains(&second.as_str()));
    drop(stream);
    twin.until(|event| ids(&event.json()) == [first.as_str()]);
}

#[test]
fn deleting_a_connection_says_goodbye_and_ends_it() {
    let hub = hub();
    let (mut stream, id) = hello(&hub, "topic=t");
    let (mut other, _) = hello(&hub, "topic=t");
    hub.publish("t", "n", "1");
    stream.expect("n");

    let answer = hub.delete(&format!("/api/connections/{id}"));

    assert_eq!(answer.status() / 100, 2, "{answer:?}");
    let goodbye = stream.expect("tidings.goodbye").json();
    assert!(goodbye["reason"].is_string(), "{goodbye}");
    assert!(goodbye["retry_after_ms"].is_u64(), "{goodbye}");
    assert_eq!(stream.rest().len(), 0);
    let body = String::from_utf8_lossy(stream.body()).into_owned();
    let (_, end) = body.split_once("data: 1\n\n").expect("the event before");
    let (before, _) = end
        .split_once("event: tidings.goodbye")
        .expect("the goodbye");
    assert!(before.contains("retry: "), "{end:?}");
    hub.publish("t", "n", "2");
    assert_eq!(data(&other.take(2)), ["1", "2"]);
    eventually("the connection is no longer listed", || {
        let body = hub.get("/api/connections?topic=t").json();
        (!ids(&body).contains(&id.as_str())).then_some(())
    });
    hub.delete(&format!("/api/connections/{id}")).problem(404);
}

#[test]
fn a_live_stream_can_change_its_topics() {
    let hub = hub();
    let (mut stream, id) = hello(&hub, "topic=a");
    let earlier = hub.publish("b", "n", "not yet");

    let answer = change(&hub, &id, &json!({"subscribe": ["b", "c/*"]})).json();

    let position = answer["position"].as_str().expect("a position");
    let position = tidings_testkit::Position::of(position);
    assert!(position.sequence >= tidings_testkit::Position::of(&earlier).sequence);
    for topic in ["a", "b", "c/1", "d"] {
        hub.publish(topic, "n", topic);
    }
    assert_eq!(data(&stream.take(3)), ["a", "b", "c/1"]);

    let answer = change(
        &hub,
        &id,
        &json!({"subscribe": [], "unsubscribe": ["a", "c/*"]}),
    );
    assert_eq!(answer.status(), 200);
    for topic in ["a", "c/1", "b"] {
        hub.publish(topic, "n", topic);
    }
    assert_eq!(stream.expect("n").data, "b");
}

#[test]
fn a_changed_subscription_is_listed() {
    let hub = hub();
    let (_stream, id) = hello(&hub, "topic=a");
    change(
        &hub,
        &id,
        &json!({"subscribe": ["b"], "unsubscribe": ["a"]}),
    )
    .json();
    let body = hub.get("/api/connections?topic=b").json();
    assert_eq!(body["connections"][0]["topics"], json!(["b"]));
}

#[test]
fn viewers_of_resources_are_listed_and_can_be_ended_but_not_changed() {
    let hub = hub();
    let mut twin = hub.open(&Request::get("/api/connections/stream?hello=1"));
    let connected = twin.expect("tidings.connected").json();
    twin.expect("connections");
    let with_itself = twin.until(|event| event.json()["total"] == 1);
    let body = with_itself.last().expect("an event").json();
    let listed = &body["connections"][0];
    let topic = listed["topics"][0].as_str().expect("a topic");
    assert!(topic.starts_with("tidings/live/connections/"), "{listed}");
    assert_eq!(listed["topics"], connected["topics"]);
    assert_eq!(listed["id"], connected["connection_id"]);
    let by_topic = hub.get(&format!("/api/connections?topic={topic}")).json();
    assert_eq!(by_topic["total"], 1, "{by_topic}");
    let id = listed["id"].as_str().expect("an id");

    let refused = change(&hub, id, &json!({"subscribe": ["a"]})).problem(409);
    assert_eq!(refused["type"], "urn:tidings:problem:not-changeable");
    assert_eq!(hub.delete(&format!("/api/connections/{id}")).status(), 204);
    let events = twin.rest();
    assert_eq!(events.last().expect("an event").event, "tidings.goodbye");
    eventually("nobody is listed", || {
        (hub.get("/api/connections").json()["total"] == 0).then_some(())
    });
    change(&hub, id, &json!({"subscribe": ["a"]})).problem(404);
}

#[test]
fn a_change_is_refused_for_unknown_streams_and_bad_selectors() {
    let hub = hub();
    let (mut stream, id) = hello(&hub, "topic=a");
    change(&hub, "nobody", &json!({"subscribe": ["b"]})).problem(404);
    hub.delete("/api/connections/nobody").problem(404);
    let bad = change(&hub, &id, &json!({"subscribe": ["b", "a*"]}));
    bad.assert_names(400, "subscribe");
    let broken = Request::new("PATCH", &format!("/api/connections/{id}"))
        .header("Content-Type", "application/json")
        .body("{broken");
    hub.send(&broken).problem(400);
    for (body, field) in [
        (json!([["b"], []]), "body"),
        (json!("b"), "body"),
        (json!({"subscribe": "b"}), "subscribe"),
        (json!({"subscribe": null}), "subscribe"),
        (json!({"subscribe": ["b"], "replace": []}), "replace"),
    ] {
        let refused = change(&hub, &id, &body).problem(400);
        assert_eq!(refused["field"], field, "{body}: {refused}");
        let detail = refused["detail"].as_str().expect("a detail");
        assert!(!detail.contains("column"), "{body}: {detail}");
    }
    hub.publish("b", "n", "b");
    hub.publish("a", "n", "a");
    assert_eq!(stream.expect("n").data, "a");
}
