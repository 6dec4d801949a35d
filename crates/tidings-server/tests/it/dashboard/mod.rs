//! The feed of dashboards.

mod broadcast;
mod connect;
mod exposition;
mod figures;
mod isolation;
mod late;
mod resume;
mod rules;
mod shutdown;

use std::path::Path;

use serde_json::{Value, json};
use tidings_testkit::{Event, Hub, Request, Response, StreamReader};

use crate::{hub_on, hub_with};

/// The hub says nothing of itself.
const QUIET: (&str, &str) = ("TIDINGS_METRICS_INTERVAL", "0");

const STREAM: &str = "/api/dashboard/stream";
const SNAPSHOT: &str = "/api/dashboard";
const STATUS: &str = "/dashboard/api/sse/status";

fn quiet() -> Hub {
    hub_with(&[QUIET])
}

fn quiet_on(folder: &Path) -> Hub {
    hub_on(folder, &[QUIET])
}

fn post(hub: &Hub, body: &Value) -> Response {
    let request = Request::post("/api/dashboard/events", body.to_string());
    hub.send(&request.header("Content-Type", "application/json"))
}

/// Broadcasts an event and gives its id.
#[track_caller]
fn broadcast(hub: &Hub, event: &str, data: &Value) -> String {
    let receipt = post(hub, &json!({ "event": event, "data": data })).json();
    receipt["id"]
        .as_str()
        .expect("the id of an event")
        .to_owned()
}

/// A dashboard that has been told that it is connected.
#[track_caller]
fn dashboard(hub: &Hub) -> StreamReader {
    connected(hub.open(&Request::get(STREAM)))
}

#[track_caller]
fn connected(mut stream: StreamReader) -> StreamReader {
    let hello = stream.expect("connected");
    assert_eq!(hello.id, None, "{hello:?}");
    assert_eq!(hello.json()["status"], "connected");
    stream
}

fn connected_clients(hub: &Hub) -> u64 {
    let status = hub.get(STATUS).json();
    status["connected_clients"]
        .as_u64()
        .expect("a number of clients")
}

fn names(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.event.as_str()).collect()
}
