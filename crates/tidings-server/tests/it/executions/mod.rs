//! Executions from outside: their routes, their streams and what becomes of them.

mod bad_input;
mod cancel;
mod cli_run;
mod follow;
mod forgotten;
mod listing;
mod ours;
mod scenarios;
mod surviving;

use serde_json::{Value, json};
use tidings_testkit::{Hub, Request, Response};

/// What an execution says at its end.
const COMPLETE: &str = r#"{"executionId":"exec-1","status":"completed","successful":5,"failed":0,"totalDuration":120000}"#;

/// Creates an execution with these tasks.
#[track_caller]
pub(crate) fn create(hub: &Hub, id: &str, tasks: &[&str]) {
    let tasks: Vec<_> = tasks.iter().map(|id| json!({ "id": id })).collect();
    let body = json!({ "id": id, "tasks": tasks }).to_string();
    let created = hub.post("/api/executions", body);
    assert_eq!(created.status(), 201, "{created:?}");
}

/// Publishes an event of an execution and gives its id.
#[track_caller]
pub(crate) fn say(hub: &Hub, id: &str, event: &str, data: &str) -> String {
    let body = format!(r#"{{"event":"{event}","data":{data}}}"#);
    let receipt = hub.post(&format!("/api/executions/{id}/events"), body);
    receipt.json()["id"].as_str().expect("an id").to_owned()
}

/// Publishes that a task does something.
#[track_caller]
fn task(hub: &Hub, id: &str, event: &str, task: &str) -> String {
    say(hub, id, event, &json!({ "taskId": task }).to_string())
}

/// Publishes lines of events at once.
fn say_lines(hub: &Hub, id: &str, lines: &str) -> Response {
    let request = Request::post(&format!("/api/executions/{id}/events"), lines);
    hub.send(&request.header("Content-Type", "application/x-ndjson"))
}

#[track_caller]
fn state(hub: &Hub, id: &str) -> Value {
    hub.get(&format!("/api/executions/{id}")).json()
}

fn events(id: &str) -> Request {
    Request::get(&format!("/api/executions/{id}/events"))
}

fn earlier(id: &str) -> Request {
    Request::get(&format!("/api/execution-stream/{id}"))
}

/// The sequence in an event id.
fn sequence(id: &str) -> u64 {
    let (_, sequence) = id.rsplit_once('-').expect("an event id");
    sequence.parse().expect("a sequence")
}
