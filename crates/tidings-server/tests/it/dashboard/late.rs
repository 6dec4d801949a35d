use serde_json::{Value, json};
use tidings_testkit::{Hub, Position, Request};

use super::{SNAPSHOT, STREAM, broadcast, connected, dashboard, names, post, quiet, quiet_on};
use crate::{data, stop};

fn notify(hub: &Hub, numbers: std::ops::RangeInclusive<u32>) -> Vec<String> {
    let notify = |number| broadcast(hub, "notification", &json!({ "n": number }));
    numbers.map(notify).collect()
}

/// The data of the events in a list of the snapshot.
fn listed(snapshot: &Value, list: &str) -> Vec<String> {
    let events = snapshot[list].as_array().expect("a list of events");
    let data = events
        .iter()
        .map(|event| event["data"].as_str().expect("data").to_owned());
    data.collect()
}

fn numbers(range: std::ops::RangeInclusive<u32>) -> Vec<String> {
    range.map(|number| format!(r#"{{"n":{number}}}"#)).collect()
}

#[test]
fn a_page_that_opens_late_sees_each_badge_as_it_is_and_the_last_fifty_notifications() {
    let hub = quiet();
    for count in 1..=3 {
        broadcast(
            &hub,
            "nav-badge-update",
            &json!({"path": "/inbox", "count": count}),
        );
        broadcast(&hub, "trace-update", &json!(count));
    }
    let ids = notify(&hub, 1..=60);
    broadcast(
        &hub,
        "nav-badge-update",
        &json!({"path": "/alerts", "count": 1}),
    );
    post(
        &hub,
        &json!({"event": "nav-badge-update", "data": 4, "key": "/inbox"}),
    );

    for nameless in [6, 7] {
        broadcast(&hub, "nav-badge-update", &json!(nameless));
    }

    let mut late = dashboard(&hub);
    let events = late.take(53);
    assert_eq!(data(&events[..50]), numbers(11..=60));
    assert_eq!(events[0].id(), ids[10]);
    assert_eq!(
        data(&events[50..]),
        [r#"{"path":"/alerts","count":1}"#, "4", "7"]
    );
    assert!(events.is_sorted_by_key(|event| Position::of(event.id()).sequence));
    let live = broadcast(&hub, "deployment", &json!(1));
    assert_eq!(late.expect("deployment").id(), live);

    let snapshot = hub.get(SNAPSHOT).json();
    assert_eq!(listed(&snapshot, "notifications"), numbers(11..=60));
    assert_eq!(
        listed(&snapshot, "badges"),
        [r#"{"path":"/alerts","count":1}"#, "4", "7"]
    );
    assert_eq!(snapshot["badges"][1]["event"], "nav-badge-update");
    assert_eq!(snapshot["last_event_id"], live.as_str());
}

#[test]
fn what_is_broadcast_after_the_snapshot_follows_it_exactly() {
    let hub = quiet();
    notify(&hub, 1..=5);
    let snapshot = hub.get(SNAPSHOT).json();
    notify(&hub, 6..=8);
    let id = snapshot["last_event_id"].as_str().expect("an id");
    let request = Request::get(&format!("{STREAM}?last_event_id={id}"));
    let mut stream = connected(hub.open(&request));
    assert_eq!(data(&stream.take(3)), numbers(6..=8));
    assert_eq!(stream.expect("tidings.resumed").json()["count"], 3);
}

#[test]
fn nothing_is_missing_or_twice_between_what_is_kept_and_what_is_live() {
    let hub = quiet();
    std::thread::scope(|scope| {
        scope.spawn(|| notify(&hub, 1..=300));
        for _ in 0..50 {
            let mut stream = dashboard(&hub);
            let mut last = None;
            for event in stream.until(|event| event.data == r#"{"n":300}"#) {
                let number = event.json()["n"].as_u64().expect("a number");
                assert_eq!(number, last.map_or(number, |last| last + 1));
                last = Some(number);
            }
        }
    });
}

#[test]
fn badges_and_notifications_survive_a_restart() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let hub = quiet_on(folder.path());
    let badge = broadcast(
        &hub,
        "nav-badge-update",
        &json!({"key": "inbox", "count": 3}),
    );
    let ids = notify(&hub, 1..=3);
    stop(hub);

    let hub = quiet_on(folder.path());
    let mut late = dashboard(&hub);
    let events = late.take(4);
    assert_eq!(
        names(&events),
        [
            "nav-badge-update",
            "notification",
            "notification",
            "notification"
        ]
    );
    let told: Vec<_> = events.iter().map(|event| event.id()).collect();
    assert_eq!(told, [&[badge][..], &ids].concat());
}

#[test]
fn a_page_that_was_told_what_is_kept_resumes_from_where_it_was_registered() {
    let hub = quiet();
    notify(&hub, 1..=2);
    let before = broadcast(&hub, "trace-update", &json!(1));
    let mut stream = dashboard(&hub);
    stream.take(2);
    let place = format!("\n\nid: {before}\n\n");
    stream.read_until(|body| body.ends_with(place.as_bytes()).then_some(0));
    drop(stream);
    notify(&hub, 3..=3);
    let request = Request::get(STREAM).header("Last-Event-ID", &before);
    let mut stream = connected(hub.open(&request));
    assert_eq!(data(&stream.take(1)), numbers(3..=3));
    assert_eq!(stream.expect("tidings.resumed").json()["count"], 1);
}

#[test]
fn a_badge_that_is_deleted_is_there_no_more() {
    let hub = quiet();
    broadcast(&hub, "nav-badge-update", &json!({"key": "inbox", "n": 1}));
    let badge = "/api/topics?topic=tidings/dashboard/badges/inbox";
    assert_eq!(hub.delete(badge).status(), 204);
    assert_eq!(hub.get(SNAPSHOT).json()["badges"], json!([]));
}
