use std::path::Path;

use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};
use tidings_testkit::{Hub, Position, Request, eventually};

use crate::{data, hub_on, numbers, publish_numbers, stop};

fn folder() -> TempDir {
    tempdir().expect("a temporary directory")
}

/// Stops a hub and starts another on the same folder.
fn restart(hub: Hub, folder: &Path) -> Hub {
    stop(hub);
    hub_on(folder, &[])
}

fn publish_with_key(hub: &Hub, data: &str, key: &str) -> Value {
    let request = Request::post("/api/events?topic=t&event=keyed", data);
    hub.send(&request.header("Idempotency-Key", key)).json()
}

#[test]
fn history_survives_a_restart_as_it_was() {
    let folder = folder();
    let hub = hub_on(folder.path(), &[]);
    let lines = [
        r#"{"topic":"a","event":"e","data":{"b":1, "a":[2]},"key":"k"}"#,
        r#"{"topic":"b/c","data":"zwei\nZeilen: äß"}"#,
        r#"{"topic":"a","event":"done","data":"","final":true}"#,
    ];
    hub.post_lines(&lines.join("\n")).json();
    hub.post("/api/events?topic=m&durability=memory", "not yet on disk")
        .json();
    let questions = [
        "/api/events?topic=**",
        "/api/topics",
        "/api/events?topic=a&limit=1",
    ];
    let before = questions.map(|question| hub.get(question).json());
    let hub = restart(hub, folder.path());
    let after = questions.map(|question| hub.get(question).json());
    assert_eq!(after, before);
    assert_eq!(after[0]["events"].as_array().map(Vec::len), Some(4));
}

#[test]
fn ids_go_on_where_they_were() {
    let folder = folder();
    let mut hub = hub_on(folder.path(), &[]);
    let mut last = Position::of(&hub.publish("t", "n", "1"));
    for topic in ["t", "u", "t"] {
        hub = restart(hub, folder.path());
        let next = Position::of(&hub.publish(topic, "n", ""));
        assert_eq!(next, last.later(1));
        last = next;
    }
}

#[test]
fn an_idempotency_key_is_remembered_over_a_restart() {
    let folder = folder();
    let hub = hub_on(folder.path(), &[]);
    let _reader = hub.stream("topic=t");
    let first = publish_with_key(&hub, "x", "k");
    let hub = restart(hub, folder.path());
    assert_eq!(publish_with_key(&hub, "x", "k"), first);
    let other = Request::post("/api/events?topic=t&event=keyed", "y");
    hub.send(&other.header("Idempotency-Key", "k")).problem(409);
    publish_with_key(&hub, "x", "another");
    assert_eq!(hub.history("t").len(), 2);
}

#[test]
fn a_batch_that_is_sent_again_after_a_restart_is_nothing_new() {
    let folder = folder();
    let mut hub = hub_on(folder.path(), &[]);
    let send = |hub: &Hub| {
        let request = Request::post("/api/events?topic=t", "{\"data\":1}\n{\"data\":2}")
            .header("Content-Type", "application/x-ndjson")
            .header("Idempotency-Key", "k");
        hub.send(&request).json()
    };
    let first = send(&hub);
    hub = restart(hub, folder.path());
    let mut again = send(&hub);
    assert_eq!(again["published"], json!(0));
    again["published"] = json!(2);
    assert_eq!(again, first);
}

#[test]
fn a_reader_resumes_over_a_restart_without_a_gap() {
    let folder = folder();
    let hub = hub_on(folder.path(), &[]);
    publish_numbers(&hub, "t", 1..=10);
    let mut streams = [
        hub.stream("topic=t&from=start"),
        hub.stream("topic=*&from=start"),
        hub.stream("topic=t&topic=u&event=n&from=start"),
    ];
    let ids = streams.each_mut().map(|stream| {
        assert_eq!(data(&stream.take(7)), numbers(1..=7));
        stream.last_event_id()
    });
    publish_numbers(&hub, "t", 11..=15);
    let hub = restart(hub, folder.path());
    publish_numbers(&hub, "t", 16..=20);
    let queries = ["topic=t", "topic=*", "topic=t&topic=u&event=n"];
    for (query, id) in queries.iter().zip(&ids) {
        let mut stream = hub.resume(query, id);
        assert_eq!(data(&stream.take(13)), numbers(8..=20), "{query}");
        let resumed = stream.expect("tidings.resumed").json();
        assert_eq!(resumed, json!({"from": id, "count": 13}), "{query}");
    }
}

#[test]
fn the_first_block_of_an_idle_stream_resumes_over_a_restart() {
    let folder = folder();
    let hub = hub_on(folder.path(), &[]);
    let start = hub.stream("topic=t").start();
    let hub = restart(hub, folder.path());
    publish_numbers(&hub, "t", 1..=1);
    let mut stream = hub.resume("topic=t", &start);
    assert_eq!(stream.event().data, "1");
    stream.expect("tidings.resumed");
}

#[test]
fn a_deleted_topic_stays_deleted() {
    let folder = folder();
    let hub = hub_on(folder.path(), &[]);
    let ids = publish_numbers(&hub, "t", 1..=3);
    hub.publish("u", "n", "kept");
    assert_eq!(hub.delete("/api/topics?topic=t").status(), 204);
    let hub = restart(hub, folder.path());
    assert_eq!(hub.history("t").len(), 0);
    assert_eq!(hub.get("/api/topics").json()["total"], json!(1));
    hub.resume("topic=t", &ids[0]).expect("tidings.gap");
    hub.publish("t", "n", "anew");
    assert_eq!(hub.history("t").len(), 1);
    assert_eq!(hub.history("u").len(), 1);
}

#[test]
fn s4_an_ended_topic_stays_ended() {
    let folder = folder();
    let hub = hub_on(folder.path(), &[]);
    let first = hub.publish("t", "n", "1");
    let last = hub.finish("t", "done", "2");
    let hub = restart(hub, folder.path());
    let problem = hub.post("/api/events?topic=t", "3").problem(409);
    assert_eq!(problem["type"], json!("urn:tidings:problem:topic-ended"));
    let request = Request::get("/api/events/stream?topic=t");
    assert_eq!(hub.send(&request).status(), 204);
    let resume = |id: &str| request.clone().header("Last-Event-ID", id);
    assert_eq!(hub.send(&resume(&last)).status(), 204);
    let events = hub.open(&resume(&first)).rest();
    assert_eq!((events[0].event.as_str(), events[0].id()), ("done", &*last));
    assert_eq!(data(&hub.stream("topic=t&from=start").rest()), ["1", "2"]);
    assert_eq!(hub.delete("/api/topics?topic=t").status(), 204);
    let hub = restart(hub, folder.path());
    hub.publish("t", "n", "open again");
}

/// Keeps 20 events under one setting, and sees what is there of them and of their gap, also after
/// a restart that the setting is gone in.
fn check_retention(setting: (&str, &str), retained: usize) {
    let folder = folder();
    let hub = hub_on(folder.path(), &[]);
    let ids = publish_numbers(&hub, "t", 1..=20);
    stop(hub);
    let assert_retained = |hub: &Hub| {
        eventually("only the newest are left", || {
            (hub.history("t").len() == retained).then_some(())
        });
        let mut stream = hub.resume("topic=t", &ids[0]);
        let gap = stream.expect("tidings.gap").json();
        assert_eq!(gap["reason"], json!("evicted"), "{setting:?}");
        assert_eq!(data(&stream.take(retained)), numbers(21 - retained..=20));
        stream.expect("tidings.resumed");
    };
    let hub = hub_on(folder.path(), &[setting]);
    assert_retained(&hub);
    stop(hub);
    let hub = hub_on(folder.path(), &[]);
    assert_retained(&hub);
    let next = Position::of(&hub.publish("t", "n", "21"));
    assert_eq!(next, Position::of(&ids[19]).later(1));
}

#[test]
fn retention_by_count_survives_a_restart() {
    check_retention(("TIDINGS_RETENTION_EVENTS", "3"), 3);
}

#[test]
fn retention_by_bytes_survives_a_restart() {
    let folder = folder();
    let hub = hub_on(folder.path(), &[]);
    let mut publisher = hub.publisher();
    let large = "x".repeat(8 * 1024);
    let ids: Vec<_> = (0..20)
        .map(|_| publisher.publish("t", "n", &large))
        .collect();
    stop(hub);
    let retention = [("TIDINGS_RETENTION_BYTES", "64KiB")];
    for variables in [&retention[..], &[]] {
        let hub = hub_on(folder.path(), variables);
        let kept = hub.history("t");
        assert!((6..=8).contains(&kept.len()), "{}", kept.len());
        assert_eq!(kept[0]["id"], json!(ids[20 - kept.len()]));
        let gap = hub.resume("topic=t", &ids[0]).expect("tidings.gap").json();
        assert_eq!(gap["reason"], json!("evicted"));
        stop(hub);
    }
}

#[test]
fn retention_by_age_survives_a_restart() {
    check_retention(("TIDINGS_RETENTION_AGE", "1s"), 0);
}

#[test]
fn a_resume_behind_the_head_of_a_long_history_is_exact() {
    const EVENTS: usize = 200_000;
    let folder = folder();
    let hub = hub_on(folder.path(), &[]);
    let mut ids = (String::new(), String::new());
    for batch in 0..10 {
        let lines = (1..=EVENTS / 10).map(|n| {
            let number = batch * EVENTS / 10 + n;
            format!("{{\"topic\":\"t/{}\",\"data\":{number}}}\n", number % 100)
        });
        let receipt = hub.post_lines(&lines.collect::<String>()).json();
        ids.1 = receipt["last"].as_str().expect("an id").to_owned();
        if batch == 0 {
            ids.0 = receipt["first"].as_str().expect("an id").to_owned();
        }
    }
    let (first, last) = (Position::of(&ids.0), Position::of(&ids.1));
    assert_eq!(first.later(EVENTS as u64 - 1), last);
    let almost = first.later(EVENTS as u64 - 2).to_string();

    let check = |hub: &Hub| {
        for query in ["topic=t/0", "topic=t/*", "topic=**&event=message"] {
            let mut stream = hub.resume(query, &almost);
            let event = stream.event();
            assert_eq!(event.data, EVENTS.to_string(), "{query}");
            assert_eq!(event.id(), ids.1, "{query}");
            let resumed = stream.expect("tidings.resumed").json();
            assert_eq!(resumed["count"], json!(1), "{query}");
        }
    };
    check(&hub);
    let hub = restart(hub, folder.path());
    check(&hub);
    let live = Position::of(&hub.publish("t/0", "n", "live"));
    assert_eq!(live, last.later(1));
}
