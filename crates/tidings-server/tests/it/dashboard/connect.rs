use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::json;
use tidings_testkit::{Connection, Hub, Position, Request, eventually};

use super::{QUIET, STATUS, STREAM, broadcast, connected, connected_clients, dashboard, quiet};
use crate::hub_with;

#[test]
fn s16_the_first_bytes_are_the_position_and_connected() {
    check_first_bytes(&quiet());
}

#[test]
fn s16_the_first_bytes_are_the_same_whoever_writes_them() {
    check_first_bytes(&hub_with(&[QUIET, ("TIDINGS_STREAM_THREADS", "0")]));
}

fn check_first_bytes(hub: &Hub) {
    for path in [STREAM, "/dashboard/sse"] {
        let mut stream = hub.open(&Request::get(path));
        let preamble = stream.preamble();
        assert!((2400..=3600).contains(&preamble.retry), "{preamble:?}");
        let id = preamble.id.expect("a position in the first block");
        let hello = stream.expect("connected").json();
        let client = hello["client_id"].as_str().expect("the name of the client");
        let body = format!(
            "retry: {}\nid: {id}\n\nevent: connected\ndata: \
             {{\"client_id\":\"{client}\",\"status\":\"connected\"}}\n\n",
            preamble.retry
        );
        assert_eq!(String::from_utf8_lossy(stream.body()), body);
        let listed = hub.get("/api/connections").json();
        assert_eq!(listed["connections"][0]["id"], client, "{listed}");

        let published = broadcast(hub, "deployment", &json!({"to": "eu"}));
        assert_eq!(stream.expect("deployment").id(), published);
        assert!(Position::of(&id).sequence < Position::of(&published).sequence);
        let block = format!("id: {published}\nevent: deployment\ndata: {{\"to\":\"eu\"}}\n\n");
        assert_eq!(String::from_utf8_lossy(stream.body()), body + &block);
        drop(stream);
        eventually("nobody is left", || {
            (connected_clients(hub) == 0).then_some(())
        });
    }
}

#[test]
fn s16_connected_comes_before_everything_while_much_is_broadcast() {
    let hub = quiet();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut connection = Connection::open(hub.address());
            let body = r#"{"event":"trace-update","data":{"trace_id":"00ab","span_count":2}}"#;
            let request = Request::post("/api/dashboard/events", body);
            while !over.load(Ordering::Relaxed) {
                assert_eq!(connection.send(&request).status(), 200);
            }
        });
        let mut last = 0;
        for round in 0..200 {
            let path = [STREAM, "/dashboard/sse"][round % 2];
            let mut stream = hub.open(&Request::get(path));
            let start = Position::of(&stream.start()).sequence;
            assert!(start >= last, "{start} after {last}");
            let mut stream = connected(stream);
            // With the position in the first block there is nothing between it and what comes.
            for next in 1..=3 {
                let id = stream.expect("trace-update");
                assert_eq!(Position::of(id.id()).sequence, start + next);
            }
            last = start;
        }
        over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn s16_a_silent_stream_is_kept_alive() {
    let hub = hub_with(&[QUIET, ("TIDINGS_KEEP_ALIVE", "50ms")]);
    let mut stream = hub.open(&Request::get("/dashboard/sse"));
    let comments = b": keepalive\n: keepalive\n: keepalive\n";
    stream.read_until(|body| body.ends_with(comments).then_some(0));
    stream.expect("connected");
    assert!(
        stream
            .comments()
            .iter()
            .all(|comment| comment == "keepalive")
    );
}

#[test]
fn s16_the_status_counts_the_streams_of_dashboards() {
    let hub = quiet();
    let status = hub.get(STATUS).json();
    assert_eq!(status, json!({"connected_clients": 0, "status": "active"}));
    let _other = hub.stream("topic=t");
    let _every_topic = hub.stream("topic=**");
    let first = dashboard(&hub);
    let second = connected(hub.open(&Request::get("/dashboard/sse")));
    assert_eq!(connected_clients(&hub), 2);
    drop(first);
    eventually("one is left", || {
        (connected_clients(&hub) == 1).then_some(())
    });
    second.reset();
    eventually("none is left", || {
        (connected_clients(&hub) == 0).then_some(())
    });
}

#[test]
fn without_ids_a_stream_has_none() {
    let hub = quiet();
    broadcast(&hub, "notification", &json!({"id": "n1"}));
    let mut stream = hub.open(&Request::get("/dashboard/sse?ids=off"));
    assert_eq!(stream.preamble().id, None);
    let mut stream = connected(stream);
    broadcast(&hub, "deployment", &json!(1));
    for name in ["notification", "deployment"] {
        assert_eq!(stream.expect(name).id, None);
    }
    assert!(!String::from_utf8_lossy(stream.body()).contains("id: "));
}

#[test]
fn a_dashboard_may_ask_for_some_types_alone() {
    let hub = quiet();
    broadcast(&hub, "notification", &json!(1));
    let target = format!("{STREAM}?event=deployment&event=nav-badge-update");
    let mut stream = connected(hub.open(&Request::get(&target)));
    broadcast(&hub, "notification", &json!(2));
    broadcast(&hub, "deployment", &json!(3));
    assert_eq!(stream.expect("deployment").data, "3");
}
