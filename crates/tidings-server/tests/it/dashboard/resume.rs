use serde_json::json;
use tidings_testkit::{Home, Request};

use super::{STREAM, broadcast, connected, dashboard, names, quiet};
use crate::{TIDINGS, data};

#[test]
fn s22_what_a_dashboard_missed_while_the_hub_was_away_is_there_by_its_id() {
    let mut home = Home::new(TIDINGS);
    let mut stream = dashboard(home.hub());
    broadcast(home.hub(), "notification", &json!(1));
    let seen = stream.until(|event| event.event == "notification");
    let last = seen.last().expect("an event").id().to_owned();
    for count in 1..=5 {
        broadcast(
            home.hub(),
            "nav-badge-update",
            &json!({"key": "inbox", "count": count}),
        );
        broadcast(home.hub(), "notification", &json!(count + 1));
    }
    home.kill();
    drop(stream);
    home.start();
    broadcast(home.hub(), "deployment", &json!("up again"));

    let request = Request::get(STREAM).header("Last-Event-ID", &last);
    let mut stream = connected(home.hub().open(&request));
    let mut missed = stream.until(|event| event.event == "tidings.resumed");
    missed.retain(|event| {
        !["health-update", "metrics-update", "tidings.gap"].contains(&&*event.event)
    });
    let mut expected = Vec::new();
    for _ in 1..=5 {
        expected.extend(["nav-badge-update", "notification"]);
    }
    expected.extend(["deployment", "tidings.resumed"]);
    assert_eq!(names(&missed), expected);
}

#[test]
fn a_dashboard_that_resumes_is_connected_first_and_misses_no_value_of_a_badge() {
    let hub = quiet();
    let start = broadcast(&hub, "widget-refresh", &json!(0));
    for count in 1..=20 {
        broadcast(
            &hub,
            "nav-badge-update",
            &json!({"key": "inbox", "count": count}),
        );
    }
    for target in [
        format!("{STREAM}?last_event_id={start}"),
        format!("/dashboard/sse?lastEventId={start}"),
    ] {
        let mut stream = connected(hub.open(&Request::get(&target)));
        let events = stream.take(20);
        assert_eq!(events[19].json()["count"], 20);
        assert_eq!(stream.expect("tidings.resumed").json()["count"], 20);
    }
}

#[test]
fn an_id_that_cannot_be_resumed_from_is_answered_by_connected_and_a_gap() {
    let hub = quiet();
    let now = broadcast(&hub, "notification", &json!(1));
    let request = Request::get(STREAM).header("Last-Event-ID", "nonsense");
    let mut stream = connected(hub.open(&request));
    let gap = stream.expect("tidings.gap");
    assert_eq!(gap.json()["reason"], "unknown-id");
    assert_eq!(gap.id(), now);
    broadcast(&hub, "notification", &json!(2));
    assert_eq!(data(&stream.take(1)), ["2"]);
}
