use std::thread;

use serde_json::json;
use tidings_testkit::{Request, StreamReader, eventually};

use crate::executions::{COMPLETE, create, earlier, events, say, sequence, state, task};
use crate::{hub, hubs};

/// How often a race is run: often enough to be lost now and then, if it can be.
const ROUNDS: usize = if cfg!(debug_assertions) { 200 } else { 1_000 };

const START: &str =
    r#"{"taskId":"task-1","taskTitle":"Validate Environment","progress":1,"total":5}"#;

fn text(stream: &StreamReader) -> String {
    String::from_utf8_lossy(stream.body()).into_owned()
}

#[test]
fn s1_followers_that_come_first_get_the_same_bytes() {
    for hub in hubs() {
        let mut followers = [hub.open(&earlier("exec-1")), hub.open(&earlier("exec-1"))];
        let mut other = hub.open(&earlier("exec-2"));
        let mut inits = Vec::new();
        for follower in &mut followers {
            let head = follower.head();
            assert!(
                head.header("cache-control")
                    .unwrap_or("")
                    .contains("no-cache")
            );
            assert_eq!(head.header("x-accel-buffering"), Some("no"));
            assert_eq!(head.header("content-encoding"), None);
            inits.push(follower.expect("init"));
        }
        assert_eq!(inits[0], inits[1]);
        assert_eq!(hub.subscribers("executions/exec-1"), 0, "not a topic yet");
        let connections = hub.get("/api/connections?topic=executions/exec-1").json();
        assert_eq!(connections["total"], 2, "{connections}");

        let id = hub.publish("executions/exec-1", "task-start", START);
        for follower in &mut followers {
            assert_eq!(follower.expect("task-start").id.as_deref(), Some(&*id));
            let preamble = follower.preamble();
            let rest = text(follower)[preamble.length..].to_owned();
            let init = inits[0].id.as_deref().expect("an id");
            let expected = format!(
                "id: {init}\nevent: init\ndata: {{\"status\":\"pending\"}}\n\n\
                 id: {id}\nevent: task-start\ndata: {START}\n\n"
            );
            assert_eq!(rest, expected);
        }
        assert_eq!(hub.subscribers("executions/exec-1"), 2);
        other.expect("init");
        hub.publish("executions/exec-2", "mark", "");
        other.expect("mark");
    }
}

#[test]
fn s1_without_ids_the_data_is_on_the_second_line() {
    let hub = hub();
    let mut follower = hub.open(&Request::get("/api/execution-stream/exec-1?ids=off"));
    follower.expect("init");
    hub.publish("executions/exec-1", "task-start", START);
    follower.expect("task-start");
    let body = text(&follower);
    let (retry, rest) = body.split_once("\n\n").expect("a first block");
    assert!(
        retry.starts_with("retry: ") && !retry.contains('\n'),
        "{body}"
    );
    let expected = format!(
        "event: init\ndata: {{\"status\":\"pending\"}}\n\nevent: task-start\ndata: {START}\n\n"
    );
    assert_eq!(rest, expected);
}

#[test]
fn s1_what_an_agent_says_comes_as_it_was_said() {
    let hub = hub();
    let mut follower = hub.open(&Request::get("/api/execution-stream/exec-1?ids=off"));
    follower.expect("init");
    let cut = |length| format!("{}...", "x".repeat(length));
    let all = json!({
        "taskId": "task-1",
        "taskTitle": "Validate",
        "preamble": cut(500),
        "output": cut(1_000),
        "tokens": { "input": 12, "output": 34 },
        "toolCalls": 5,
    });
    let little = json!({ "taskId": "task-1", "taskTitle": "Validate" });
    for data in [all, little] {
        let data = data.to_string();
        let before = text(&follower).len();
        hub.publish("executions/exec-1", "agent-chatter", &data);
        assert_eq!(follower.expect("agent-chatter").data, data);
        let block = text(&follower)[before..].to_owned();
        let line = block
            .lines()
            .nth(1)
            .and_then(|line| line.strip_prefix("data: "));
        assert_eq!(line, Some(&*data), "{block}");
        let known = state(&hub, "exec-1");
        assert_eq!(known["tasks"][0]["title"], "Validate", "{known}");
    }
}

#[test]
fn s2_what_came_before_the_first_follower_is_in_the_state() {
    for hub in hubs() {
        hub.publish(
            "executions/exec-7",
            "execution-start",
            r#"{"totalTasks":2}"#,
        );
        let last = hub.publish("executions/exec-7", "task-start", START);
        let mut follower = hub.open(&earlier("exec-7"));
        let init = follower.expect("init");
        assert_eq!(
            init.data,
            r#"{"status":"running","taskStatuses":{"task-1":"running"},"currentTaskId":"task-1"}"#
        );
        assert_eq!(init.id.as_deref(), Some(&*last));
        let next = hub.publish("executions/exec-7", "task-complete", START);
        assert_eq!(follower.event().id.as_deref(), Some(&*next));

        let start = Request::get("/api/execution-stream/exec-7?from=start");
        let mut follower = hub.open(&start);
        assert_eq!(follower.expect("init").data, r#"{"status":"pending"}"#);
        let names: Vec<_> = follower
            .take(3)
            .into_iter()
            .map(|event| event.event)
            .collect();
        assert_eq!(names, ["execution-start", "task-start", "task-complete"]);
    }
}

#[test]
fn s2_the_state_and_the_events_after_it_hold_everything_once() {
    let hub = hub();
    create(&hub, "e", &[]);
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..ROUNDS {
                task(&hub, "e", "task-complete", &number.to_string());
            }
        });
        for _ in 0..20 {
            let mut follower = hub.open(&events("e"));
            let init = follower.expect("init").json();
            let known = init["tasks"].as_array().expect("tasks").len();
            for number in known..(known + 5).min(ROUNDS) {
                assert_eq!(follower.event().json()["taskId"], number.to_string());
            }
        }
    });
}

#[test]
fn s3_the_final_event_right_after_the_others_is_never_missed() {
    let hub = hub();
    for round in 0..1_000 {
        let id = format!("exec-{round}");
        let mut followers = [hub.open(&earlier(&id)), hub.open(&earlier(&id))];
        let lines = format!(
            "{{\"topic\":\"executions/{id}\",\"event\":\"task-start\",\"data\":{START}}}\n\
             {{\"topic\":\"executions/{id}\",\"event\":\"execution-complete\",\"data\":{COMPLETE},\"final\":true}}\n"
        );
        assert_eq!(hub.post_lines(&lines).status(), 200);
        for follower in &mut followers {
            let names: Vec<_> = follower
                .rest()
                .into_iter()
                .map(|event| event.event)
                .collect();
            assert_eq!(names, ["init", "task-start", "execution-complete"]);
            let end = format!("event: execution-complete\ndata: {COMPLETE}\n\n");
            assert!(text(follower).ends_with(&end));
        }
    }
    eventually("no follower is left", || {
        let connections = hub.get("/api/connections").json();
        (connections["total"] == 0).then_some(())
    });
}

#[test]
fn s4_whoever_comes_after_the_end_gets_it_and_no_more() {
    for hub in hubs() {
        hub.publish("executions/exec-1", "task-start", START);
        let last = hub.finish("executions/exec-1", "execution-complete", COMPLETE);
        for request in [earlier("exec-1"), events("exec-1")] {
            let mut late = hub.open(&request);
            let init = late.expect("init");
            assert_eq!(init.json()["status"], "completed");
            let id = init.id.expect("an id");
            assert_eq!(sequence(&id), sequence(&last) - 1);
            let end = late.expect("execution-complete");
            assert_eq!((end.id.as_deref(), &*end.data), (Some(&*last), COMPLETE));
            assert!(late.next_event().is_none());

            let resumed = hub.send(&request.clone().header("Last-Event-ID", &last));
            assert_eq!((resumed.status(), &*resumed.body), (204, &b""[..]));
            let mut back = hub.open(&request.header("Last-Event-ID", &id));
            back.expect("execution-complete");
            back.expect("tidings.resumed");
            assert!(back.next_event().is_none());
        }
        let connections = hub.get("/api/connections").json();
        assert_eq!(connections["total"], 0, "{connections}");
    }
}

#[test]
fn s4_what_retention_has_forgotten_is_not_there() {
    let settings = "[retention]\nage = \"1s\"\n";
    let hub = tidings_testkit::Hub::configured(crate::TIDINGS, settings);
    create(&hub, "planned", &["a"]);
    create(&hub, "ended", &["a"]);
    say(&hub, "ended", "execution-complete", COMPLETE);
    assert_eq!(state(&hub, "ended")["status"], "completed");
    for id in ["planned", "ended"] {
        eventually("the execution is forgotten", || {
            let status = hub.get(&format!("/api/executions/{id}")).status();
            (status == 404).then_some(())
        });
        assert_eq!(hub.send(&events(id)).status(), 404);
    }
    eventually("none is listed", || {
        let listed = hub.get("/api/executions").json();
        (listed["total"] == 0).then_some(())
    });
}

#[test]
fn s5_a_cancelled_run_ends_once_with_the_facts_and_the_summary() {
    for hub in hubs() {
        create(&hub, "exec-9", &["a", "b", "c"]);
        task(&hub, "exec-9", "task-complete", "a");
        task(&hub, "exec-9", "task-start", "b");
        let mut follower = hub.open(&earlier("exec-9"));
        follower.expect("init");

        let cancelled = hub.post("/api/cancel-execution/exec-9", "");
        assert_eq!(cancelled.status(), 200, "{cancelled:?}");
        let said = cancelled.json();
        assert_eq!(
            (&said["success"], &said["executionId"]),
            (&json!(true), &json!("exec-9"))
        );
        let again = hub.post("/api/cancel-execution/exec-9", "");
        assert_eq!(again.status(), 400, "{again:?}");
        let again: serde_json::Value = serde_json::from_slice(&again.body).expect("JSON");
        assert_eq!(
            again,
            json!({
                "error": "Cannot cancel execution with status: cancelled",
                "executionId": "exec-9",
                "status": "cancelled",
            })
        );
        assert_eq!(hub.post("/api/cancel-execution/unknown", "").status(), 404);

        let rest = follower.rest();
        assert_eq!(rest.len(), 1, "{rest:?}");
        assert_eq!(rest[0].event, "execution-cancelled");
        let data = rest[0].json();
        assert!(
            data["cancelledAt"].is_string() && data["message"].is_string(),
            "{data}"
        );
        assert!(data["totalDuration"].is_u64(), "{data}");
        for (name, value) in [
            ("executionId", json!("exec-9")),
            ("status", json!("cancelled")),
            ("successful", json!(1)),
            ("failed", json!(0)),
            ("cancelled", json!(true)),
            ("completed", json!(1)),
            ("total", json!(3)),
        ] {
            assert_eq!(data[name], value, "{name} in {data}");
        }
        let results = data["results"].as_array().expect("a list");
        assert!(
            results[1]["duration"].is_u64(),
            "what ran has a duration: {data}"
        );
        let results: Vec<_> = results
            .iter()
            .map(|result| (&result["taskId"], &result["status"]))
            .collect();
        let (a, b) = (json!("a"), json!("b"));
        let (completed, cancelled) = (json!("completed"), json!("cancelled"));
        assert_eq!(results, [(&a, &completed), (&b, &cancelled)]);
        let after = state(&hub, "exec-9");
        assert_eq!(after["status"], "cancelled");
        assert_eq!(after["tasks"][1]["status"], "cancelled");
        assert_eq!(after["summary"], data);
    }
}
