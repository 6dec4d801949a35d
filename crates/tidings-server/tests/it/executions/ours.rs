use serde_json::json;
use tidings_testkit::{Event, Request};

use crate::executions::{create, events, say, say_lines, state, task};
use crate::{hub, hubs};

#[test]
fn an_execution_is_created_pending_with_its_plan() {
    for hub in hubs() {
        let body =
            r#"{"id":"build","title":"Build it","tasks":[{"id":"a","title":"A"},{"id":"b"}]}"#;
        let created = hub.post("/api/executions", body);
        assert_eq!(created.status(), 201, "{created:?}");
        assert_eq!(created.header("location"), Some("/api/executions/build"));
        assert_eq!(
            created.json(),
            json!({ "id": "build", "topic": "executions/build" })
        );
        let known = state(&hub, "build");
        let names: Vec<_> = known.as_object().expect("an object").keys().collect();
        let expected = [
            "id",
            "title",
            "status",
            "current_task",
            "tasks",
            "progress",
            "started_at",
            "ended_at",
            "summary",
        ];
        assert_eq!(names, expected);
        assert_eq!(known["title"], "Build it");
        assert_eq!(known["status"], "pending");
        assert_eq!(known["tasks"][0]["title"], "A");
        assert_eq!(known["progress"], json!({ "done": 0, "total": 2 }));
        assert_eq!(
            hub.history("executions/build"),
            Vec::<serde_json::Value>::new()
        );
        assert_eq!(hub.get("/api/topics").json()["total"], 0);
    }
}

#[test]
fn an_id_is_drawn_if_none_is_given() {
    let hub = hub();
    let created = hub.post("/api/executions", "{}");
    assert_eq!(created.status(), 201, "{created:?}");
    let id = created.json()["id"].as_str().expect("an id").to_owned();
    assert_eq!(state(&hub, &id)["id"], id);
}

#[test]
fn the_state_is_as_the_last_answer_says() {
    for hub in hubs() {
        create(&hub, "e", &["a", "b"]);
        say(&hub, "e", "execution-start", "{}");
        assert_eq!(state(&hub, "e")["status"], "running");
        for round in 0..50 {
            let name = format!("t{round}");
            task(&hub, "e", "task-start", &name);
            assert_eq!(state(&hub, "e")["current_task"], name);
        }
        say(&hub, "e", "execution-failed", r#"{"exit_code":3}"#);
        let ended = state(&hub, "e");
        assert_eq!(ended["status"], "failed");
        assert_eq!(ended["summary"], json!({ "exit_code": 3 }));
        assert!(
            ended["started_at"].as_str() < ended["ended_at"].as_str()
                || ended["started_at"] == ended["ended_at"]
        );
        let late = hub.post("/api/executions/e/events", r#"{"event":"x","data":1}"#);
        let kind = late.problem(409)["type"].as_str().map(str::to_owned);
        assert!(
            kind.is_some_and(|kind| kind.ends_with("topic-ended")),
            "{late:?}"
        );
    }
}

#[test]
fn lines_are_published_all_or_none() {
    let hub = hub();
    create(&hub, "e", &["a"]);
    let good = "{\"event\":\"execution-start\",\"data\":{}}\n\
        {\"event\":\"task-start\",\"data\":{\"taskId\":\"a\"}}\n";
    let receipt = say_lines(&hub, "e", good).json();
    assert_eq!(receipt["published"], 2);
    let before = state(&hub, "e");
    for bad in ["{\"event\":\"open\",\"data\":1}", "{", "{\"event\":\"x\"}"] {
        let lines =
            format!("{{\"event\":\"task-complete\",\"data\":{{\"taskId\":\"a\"}}}}\n{bad}\n");
        say_lines(&hub, "e", &lines).assert_names(400, "line 2");
    }
    assert_eq!(state(&hub, "e"), before);
    assert_eq!(hub.history("executions/e").len(), 2);
    let large = format!("{{\"data\":\"{}\"}}\n", "x".repeat(8 << 20));
    say_lines(&hub, "e", &large).problem(413);
}

#[test]
fn custom_events_pass_through_as_they_are() {
    let hub = hub();
    create(&hub, "e", &[]);
    let mut follower = hub.open(&events("e"));
    follower.expect("init");
    let id = say(&hub, "e", "deployment", r#"{"b":1.0,"a":[1e400]}"#);
    let event = follower.expect("deployment");
    assert_eq!(
        (event.id, &*event.data),
        (Some(id), r#"{"b":1.0,"a":[1e400]}"#)
    );
    assert_eq!(state(&hub, "e")["status"], "pending");
}

#[test]
fn the_twin_of_a_state_follows_it() {
    let hub = hub();
    create(&hub, "e", &["a"]);
    let mut twin = hub.open(&Request::get("/api/executions/e/stream"));
    let first = twin.expect("execution");
    assert_eq!(first.json(), state(&hub, "e"));
    say(&hub, "e", "output", r#"{"line":"x"}"#);
    task(&hub, "e", "task-start", "a");
    let second = twin.expect("execution");
    assert_eq!(second.json(), state(&hub, "e"));
    assert_eq!(second.json()["current_task"], "a");
}

#[test]
fn a_deleted_execution_is_forgotten_at_once_and_can_be_made_anew() {
    for hub in hubs() {
        for round in 0..10 {
            create(&hub, "e", &["a"]);
            if round % 2 == 0 {
                task(&hub, "e", "task-complete", "a");
            }
            assert_eq!(hub.delete("/api/topics?topic=executions/e").status(), 204);
            assert_eq!(hub.get("/api/executions/e").status(), 404);
            assert_eq!(hub.get("/api/executions").json()["total"], 0);
        }
        hub.publish("executions/e", "task-start", r#"{"taskId":"b"}"#);
        assert_eq!(state(&hub, "e")["tasks"][0]["id"], "b");
        assert_eq!(
            hub.get("/api/topics?selector=tidings/**").json()["total"],
            0
        );
    }
}

#[test]
fn following_does_not_show_who_keeps_the_state() {
    let hub = hub();
    create(&hub, "e", &[]);
    let receipt = hub.post("/api/executions/e/events", r#"{"data":1}"#).json();
    assert_eq!(receipt["receivers"], 0);
    assert_eq!(hub.subscribers("executions/e"), 0);
    assert_eq!(hub.get("/api/connections").json()["total"], 0);
}

#[test]
fn an_execution_can_be_followed_by_its_topic_as_well() {
    let hub = hub();
    create(&hub, "e", &[]);
    let mut by_topic = hub.stream("topic=executions/e");
    say(&hub, "e", "execution-complete", "{}");
    let names: Vec<String> = by_topic
        .rest()
        .into_iter()
        .map(|event: Event| event.event)
        .collect();
    assert_eq!(names, ["execution-complete"]);
}
