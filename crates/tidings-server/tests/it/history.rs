use std::thread;

use serde_json::{Value, json};
use tidings_testkit::{Hub, encode};

use crate::{hub, numbers, publish_numbers};

fn page(hub: &Hub, query: &str) -> (Vec<String>, Value) {
    let body = hub.get(&format!("/api/events?{query}")).json();
    let events = body["events"].as_array().expect("a list of events");
    let data = events.iter().map(|event| {
        let data = event["data"].as_str().expect("data is a string");
        data.to_owned()
    });
    (data.collect(), body)
}

/// Whether `time` is RFC 3339 in UTC with milliseconds.
pub(crate) fn is_time(time: &Value) -> bool {
    let shape = "dddd-dd-ddTdd:dd:dd.dddZ";
    time.as_str().is_some_and(|time| {
        time.len() == shape.len()
            && time
                .bytes()
                .zip(shape.bytes())
                .all(|(byte, wanted)| match wanted {
                    b'd' => byte.is_ascii_digit(),
                    _ => byte == wanted,
                })
    })
}

#[test]
fn an_event_is_listed_with_all_that_it_is() {
    let hub = hub();
    let line = r#"{"topic":"t","event":"e","data":{"b":1, "a":2},"key":"k"}"#;
    let receipt = hub.post_lines(line).json();
    let body = hub.get("/api/events?topic=t").json();
    let event = &body["events"][0];
    assert_eq!(event["id"], receipt["first"]);
    assert_eq!(event["topic"], json!("t"));
    assert_eq!(event["event"], json!("e"));
    assert_eq!(event["data"], json!(r#"{"b":1,"a":2}"#));
    assert_eq!(event["key"], json!("k"));
    assert!(is_time(&event["time"]), "{event}");
    assert_eq!(body["last_event_id"], receipt["first"]);
    assert!(body["gap"].is_null(), "{body}");
}

#[test]
fn without_an_id_the_newest_come_oldest_first() {
    let hub = hub();
    publish_numbers(&hub, "t", 1..=120);
    assert_eq!(page(&hub, "topic=t").0, numbers(21..=120));
    assert_eq!(page(&hub, "topic=t&limit=5").0, numbers(116..=120));
    assert_eq!(page(&hub, "topic=t&limit=200").0, numbers(1..=120));
}

#[test]
fn with_an_id_the_oldest_after_it_come_and_pages_join_without_seam() {
    let hub = hub();
    let ids = publish_numbers(&hub, "t", 1..=50);
    let mut seen = Vec::new();
    let mut id = ids[9].clone();
    loop {
        let (data, body) = page(&hub, &format!("topic=t&limit=15&last_event_id={id}"));
        if data.is_empty() {
            break;
        }
        assert!(data.len() <= 15);
        seen.extend(data);
        id = body["last_event_id"]
            .as_str()
            .expect("a position")
            .to_owned();
    }
    assert_eq!(seen, numbers(11..=50));
}

#[test]
fn several_selectors_and_an_event_filter_apply() {
    let hub = hub();
    hub.publish("a/1", "x", "1");
    hub.publish("b", "x", "2");
    hub.publish("c", "x", "3");
    hub.publish("a/2", "y", "4");
    assert_eq!(page(&hub, "topic=a/*&topic=b").0, ["1", "2", "4"]);
    assert_eq!(page(&hub, "topic=a/*&topic=b&event=x").0, ["1", "2"]);
}

#[test]
fn a_long_poll_is_answered_by_the_next_event() {
    let hub = hub();
    let id = hub.publish("t", "n", "1");
    let target = format!("/api/events?topic=t&wait=50&last_event_id={id}");
    thread::scope(|scope| {
        let poll = scope.spawn(|| hub.get(&target).json());
        let id = hub.publish("t", "n", "2");
        let body = poll.join().expect("an answer");
        assert_eq!(body["events"][0]["data"], json!("2"));
        assert_eq!(body["last_event_id"], json!(id));
    });
}

#[test]
fn a_long_poll_with_events_behind_its_id_does_not_wait() {
    let hub = hub();
    let ids = publish_numbers(&hub, "t", 1..=3);
    let (data, _) = page(&hub, &format!("topic=t&wait=50&last_event_id={}", ids[0]));
    assert_eq!(data, ["2", "3"]);
}

#[test]
fn a_chain_of_long_polls_misses_nothing() {
    let hub = hub();
    let mut id = hub.publish("t", "n", "0");
    let seen = thread::scope(|scope| {
        scope.spawn(|| publish_numbers(&hub, "t", 1..=300));
        let mut seen = Vec::new();
        while seen.last().is_none_or(|last| last != "300") {
            let (data, body) = page(&hub, &format!("topic=t&wait=50&last_event_id={id}"));
            seen.extend(data);
            id = body["last_event_id"]
                .as_str()
                .expect("a position")
                .to_owned();
        }
        seen
    });
    assert_eq!(seen, numbers(1..=300));
}

#[test]
fn a_gap_is_answered_while_other_polls_still_wait() {
    let hub = hub();
    let id = hub.publish("t", "n", "1");
    let target = format!("/api/events?topic=t&wait=50&last_event_id={id}");
    thread::scope(|scope| {
        let waiting = scope.spawn(|| hub.get(&target).json());
        let garbage = encode("no id");
        let (_, body) = page(&hub, &format!("topic=t&wait=50&last_event_id={garbage}"));
        assert_eq!(body["gap"]["reason"], json!("unknown-id"));
        assert_eq!(body["gap"]["requested"], json!("no id"));
        hub.publish("t", "n", "2");
        let body = waiting.join().expect("an answer");
        assert_eq!(body["events"][0]["data"], json!("2"));
    });
}

#[test]
fn without_events_the_current_position_is_told() {
    let hub = hub();
    publish_numbers(&hub, "other", 1..=3);
    let (data, body) = page(&hub, "topic=t");
    assert_eq!(data.len(), 0);
    let id = body["last_event_id"].as_str().expect("a position");
    hub.publish("t", "n", "next");
    let (data, _) = page(&hub, &format!("topic=t&last_event_id={id}"));
    assert_eq!(data, ["next"]);
    let mut stream = hub.resume("topic=t", id);
    stream.expect("n");
    stream.expect("tidings.resumed");
}

#[test]
fn a_wait_that_ends_without_events_tells_the_position_too() {
    let hub = hub();
    let id = hub.publish("other", "n", "");
    let (data, body) = page(&hub, &format!("topic=t&wait=1&last_event_id={id}"));
    assert_eq!(data.len(), 0);
    assert!(body["gap"].is_null(), "{body}");
    assert!(body["last_event_id"].is_string(), "{body}");
}
