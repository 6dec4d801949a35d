use tidings_testkit::Request;

use crate::executions::{create, say, state};
use crate::hub;

#[test]
fn what_cannot_be_created_is_refused_by_field() {
    let hub = hub();
    let long = "x".repeat(129);
    for (body, field) in [
        ("", "body"),
        ("[]", "body"),
        ("{\"id\":\"a\"", "body"),
        (r#"{"id":7}"#, "id"),
        (r#"{"id":""}"#, "id"),
        (r#"{"id":"a b"}"#, "id"),
        (r#"{"id":"a/b"}"#, "id"),
        (r#"{"id":"stream"}"#, "id"),
        (r#"{"title":7}"#, "title"),
        (r#"{"tasks":7}"#, "tasks"),
        (r#"{"tasks":[{"title":"a"}]}"#, "tasks[0].id"),
        (r#"{"tasks":[{"id":"a"},{"id":"a"}]}"#, "tasks[1].id"),
        (r#"{"colour":"red"}"#, "colour"),
    ] {
        hub.post("/api/executions", body).assert_names(400, field);
    }
    let body = format!(r#"{{"id":"{long}"}}"#);
    hub.post("/api/executions", body).assert_names(400, "id");
    let form = Request::post("/api/executions", "id=a");
    let form = form.header("Content-Type", "application/x-www-form-urlencoded");
    hub.send(&form).problem(415);
    let large = format!(r#"{{"title":"{}"}}"#, "x".repeat(1 << 20));
    hub.post("/api/executions", large).problem(413);
    assert_eq!(hub.get("/api/executions").json()["total"], 0);
}

#[test]
fn an_id_is_taken_once() {
    let hub = hub();
    create(&hub, "e", &[]);
    hub.post("/api/executions", r#"{"id":"e"}"#)
        .assert_names(409, "id");
    hub.publish("executions/f", "execution-start", "{}");
    hub.post("/api/executions", r#"{"id":"f"}"#)
        .assert_names(409, "id");
}

#[test]
fn of_two_creations_at_once_one_wins() {
    let hub = hub();
    for round in 0..50 {
        let body = format!(r#"{{"id":"e{round}"}}"#);
        let statuses = std::thread::scope(|scope| {
            let first = scope.spawn(|| hub.post("/api/executions", &*body).status());
            let second = hub.post("/api/executions", &*body).status();
            let mut statuses = [first.join().expect("a status"), second];
            statuses.sort_unstable();
            statuses
        });
        assert_eq!(statuses, [201, 409]);
    }
}

#[test]
fn what_is_unknown_is_not_found() {
    let hub = hub();
    for id in ["unknown", "a%2Fb", "%FF", "a%20b"] {
        for target in ["", "/stream", "/events"] {
            hub.get(&format!("/api/executions/{id}{target}"))
                .problem(404);
        }
        for target in ["/events", "/cancel"] {
            let body = r#"{"event":"x","data":1}"#;
            hub.post(&format!("/api/executions/{id}{target}"), body)
                .problem(404);
        }
        hub.get(&format!("/api/execution-state/{id}")).problem(404);
        hub.post(&format!("/api/cancel-execution/{id}"), "")
            .problem(404);
    }
    hub.get("/api/execution-stream/a%20b")
        .assert_names(400, "id");
    let unknown = hub.get("/api/execution-state/unknown");
    assert!(
        unknown.text().contains("\"executionId\":\"unknown\""),
        "{unknown:?}"
    );
}

#[test]
fn bad_events_and_parameters_are_refused_by_name() {
    let hub = hub();
    create(&hub, "e", &[]);
    let events = "/api/executions/e/events";
    for (body, field) in [
        ("", "body"),
        ("7", "body"),
        (r#"{"event":"x"}"#, "data"),
        (r#"{"event":"open","data":1}"#, "event"),
        (r#"{"event":"error","data":1}"#, "event"),
        (r#"{"event":"a\nb","data":1}"#, "event"),
        (r#"{"event":"tidings.x","data":1}"#, "event"),
        (r#"{"event":7,"data":1}"#, "event"),
        (r#"{"topic":"other","data":1}"#, "topic"),
        (r#"{"type":"x","data":1}"#, "type"),
        (r#"{"data":1,"final":"yes"}"#, "final"),
    ] {
        hub.post(events, body).assert_names(400, field);
    }
    let text = Request::post(events, "x").header("Content-Type", "text/plain");
    hub.send(&text).problem(415);
    for (target, field) in [
        ("/api/executions?status=done", "status"),
        ("/api/executions?limit=0", "limit"),
        ("/api/executions?offset=-1", "offset"),
        ("/api/executions/stream?status=", "status"),
        ("/api/executions/e/events?from=last:3", "from"),
        ("/api/executions/e/events?ids=no", "ids"),
        ("/api/execution-stream/e?ids=no", "ids"),
    ] {
        hub.get(target).assert_names(400, field);
    }
    let refused = Request::get(events).header("Accept", "application/json");
    hub.send(&refused).problem(406);
    hub.send(&Request::new("PUT", events)).problem(405);
    assert_eq!(hub.history("executions/e").len(), 0);
}

#[test]
fn malformed_data_of_a_lifecycle_event_is_an_event_all_the_same() {
    let hub = hub();
    create(&hub, "e", &["a"]);
    for data in [
        "null",
        "7",
        "\"text\"",
        "[]",
        "{\"taskId\":{}}",
        "{\"taskId\":\"\"}",
    ] {
        for event in ["execution-start", "task-start", "qc-complete", "task-fail"] {
            say(&hub, "e", event, data);
        }
    }
    let known = state(&hub, "e");
    assert_eq!(known["status"], "running");
    assert_eq!(known["tasks"].as_array().map(Vec::len), Some(1), "{known}");
    say(&hub, "e", "execution-complete", "\"not JSON of ours\"");
    assert_eq!(state(&hub, "e")["summary"], "not JSON of ours");
}
