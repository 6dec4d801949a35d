use serde_json::json;
use tidings_testkit::{Hub, Request};

use crate::executions::{create, events, say, sequence, state, task};
use crate::{hub, hub_with, hubs};

#[test]
fn the_first_event_is_the_state_at_a_place_from_which_events_follow() {
    for hub in hubs() {
        create(&hub, "e", &["a", "b"]);
        task(&hub, "e", "task-complete", "a");
        hub.publish("elsewhere", "n", "");
        let mut follower = hub.open(&events("e"));
        let init = follower.expect("init");
        assert_eq!(init.json(), state(&hub, "e"));
        let next = task(&hub, "e", "task-start", "b");
        assert!(sequence(init.id.as_deref().expect("an id")) < sequence(&next));
        assert_eq!(follower.event().id, Some(next));
    }
}

#[test]
fn whoever_comes_back_gets_what_it_missed_and_no_second_state() {
    for hub in hubs() {
        create(&hub, "e", &["a"]);
        let mut first = hub.open(&events("e"));
        let init = first.expect("init").id.expect("an id");
        drop(first);
        let missed = task(&hub, "e", "task-start", "a");
        let mut back = hub.open(&events("e").header("Last-Event-ID", &init));
        assert_eq!(back.expect("task-start").id, Some(missed));
        assert_eq!(back.expect("tidings.resumed").json()["count"], 1);
    }
}

#[test]
fn whoever_is_cut_before_the_state_is_given_all_events() {
    let hub = hub();
    create(&hub, "e", &["a"]);
    let first = task(&hub, "e", "task-start", "a");
    let second = task(&hub, "e", "task-complete", "a");
    let start = hub.open(&events("e")).start();
    let mut back = hub.open(&events("e").header("Last-Event-ID", &start));
    assert_eq!(back.event().id, Some(first));
    assert_eq!(back.event().id, Some(second));
}

#[test]
fn an_id_that_cannot_be_resumed_from_gives_a_gap_and_the_state() {
    for hub in hubs() {
        create(&hub, "e", &["a"]);
        task(&hub, "e", "task-start", "a");
        for id in ["garbage", "other-3", "other-99999"] {
            let mut back = hub.open(&events("e").header("Last-Event-ID", id));
            let gap = back.expect("tidings.gap");
            assert_eq!(
                (gap.id, &gap_json(&gap.data)["requested"]),
                (None, &json!(id))
            );
            assert_eq!(back.expect("init").json(), state(&hub, "e"));
            let next = say(&hub, "e", "output", "1");
            assert_eq!(back.event().id, Some(next));
        }
        say(&hub, "e", "execution-complete", "{}");
        let mut late = hub.open(&events("e").header("Last-Event-ID", "garbage"));
        late.expect("tidings.gap");
        assert_eq!(late.expect("init").json()["status"], "completed");
        late.expect("execution-complete");
        assert!(late.next_event().is_none());
    }
}

fn gap_json(data: &str) -> serde_json::Value {
    serde_json::from_str(data).expect("a gap is JSON")
}

#[test]
fn what_retention_took_from_a_returning_reader_is_made_up_for_by_the_state() {
    let hub = hub_with(&[("TIDINGS_RETENTION_EVENTS", "3")]);
    create(&hub, "e", &["a"]);
    let seen = task(&hub, "e", "task-start", "a");
    flood(&hub, 10);
    let mut back = hub.open(&events("e").header("Last-Event-ID", &seen));
    let gap = back.expect("tidings.gap");
    assert_eq!(gap.json()["reason"], "evicted");
    assert_eq!(back.expect("init").json()["current_task"], "a");
    let next = say(&hub, "e", "output", "1");
    assert_eq!(back.event().id, Some(next));
}

fn flood(hub: &Hub, lines: usize) {
    for _ in 0..lines {
        say(hub, "e", "output", r#"{"line":"x"}"#);
    }
}

#[test]
fn from_the_start_the_state_is_the_plan_and_the_events_follow() {
    let hub = hub();
    create(&hub, "e", &["a", "b"]);
    let first = task(&hub, "e", "task-complete", "a");
    task(&hub, "e", "task-start", "x");
    let mut follower = hub.open(&Request::get("/api/executions/e/events?from=start"));
    let init = follower.expect("init");
    assert_eq!(init.json()["progress"], json!({ "done": 0, "total": 2 }));
    assert_eq!(init.json()["status"], "pending");
    assert_eq!(follower.event().id, Some(first));
    follower.expect("task-start");
}

#[test]
fn a_stream_of_an_execution_is_listed_like_any_other() {
    let hub = hub();
    create(&hub, "e", &[]);
    let mut follower = hub.open(&events("e").header("User-Agent", "a page"));
    follower.expect("init");
    let listed = hub.get("/api/connections").json();
    assert_eq!(listed["connections"][0]["topics"], json!(["executions/e"]));
    assert_eq!(listed["connections"][0]["user_agent"], "a page");
}

#[test]
fn a_request_for_the_head_has_the_status_of_the_stream() {
    let hub = hub();
    create(&hub, "e", &[]);
    let head = Request::new("HEAD", "/api/executions/e/events");
    assert_eq!(hub.send(&head).status(), 200);
    assert_eq!(
        hub.send(&Request::new("HEAD", "/api/executions/x/events"))
            .status(),
        404
    );
}

#[test]
fn a_large_state_comes_whole() {
    let hub = hub();
    create(&hub, "e", &[]);
    let lines: String = (0..900)
        .map(|number| format!("{{\"event\":\"task-start\",\"data\":{{\"taskId\":{number}}}}}\n"))
        .collect();
    assert_eq!(
        crate::executions::say_lines(&hub, "e", &lines).status(),
        200
    );
    let mut follower = hub.open(&events("e"));
    assert_eq!(follower.expect("init").json(), state(&hub, "e"));
    let next = say(&hub, "e", "output", "1");
    assert_eq!(follower.event().id, Some(next));
}
