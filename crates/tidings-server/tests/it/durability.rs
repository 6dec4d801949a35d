use serde_json::json;
use tidings_testkit::{Hub, Request};

use crate::{hub, hubs};

/// A hub on disk with topics of both kinds.
fn hub_of_both_kinds() -> Hub {
    let settings = "listen = \"127.0.0.1:0\"\ndurability = \"memory\"\n\
                    [[topic]]\npattern = \"orders/*\"\ndurability = \"disk\"\n";
    let command = tidings_testkit::Command::new(crate::TIDINGS, &["serve"]);
    Hub::spawn(command.file("tidings.toml", settings))
}

fn publish(hub: &Hub, query: &str) -> serde_json::Value {
    hub.post(&format!("/api/events?{query}"), "x").json()["durability"].clone()
}

fn publish_batch(hub: &Hub, query: &str, topics: &[&str]) -> serde_json::Value {
    let lines = topics
        .iter()
        .map(|topic| json!({"topic": topic, "data": 1}).to_string() + "\n");
    let request = Request::post(&format!("/api/events{query}"), lines.collect::<String>())
        .header("Content-Type", "application/x-ndjson");
    hub.send(&request).json()["durability"].clone()
}

#[test]
fn a_receipt_tells_what_its_event_survives() {
    let [stored, in_memory] = hubs();
    assert_eq!(publish(&stored, "topic=t"), "disk");
    assert_eq!(publish(&stored, "topic=t&durability=disk"), "disk");
    assert_eq!(publish(&stored, "topic=t&durability=memory"), "memory");
    assert_eq!(publish_batch(&stored, "", &["t", "u"]), "disk");
    assert_eq!(
        publish_batch(&stored, "?durability=memory", &["t"]),
        "memory"
    );
    for query in ["topic=t", "topic=t&durability=memory"] {
        assert_eq!(publish(&in_memory, query), "memory");
    }
    assert_eq!(publish_batch(&in_memory, "", &["t"]), "memory");
}

#[test]
fn a_topic_has_a_durability_of_its_own() {
    let hub = hub_of_both_kinds();
    assert_eq!(publish(&hub, "topic=t"), "memory");
    assert_eq!(publish(&hub, "topic=orders/1"), "disk");
    assert_eq!(publish(&hub, "topic=orders/1&durability=memory"), "memory");
    assert_eq!(publish(&hub, "topic=t&durability=disk"), "disk");
}

#[test]
fn a_batch_is_as_durable_as_the_least_of_its_lines() {
    let hub = hub_of_both_kinds();
    assert_eq!(publish_batch(&hub, "", &["orders/1", "orders/2"]), "disk");
    assert_eq!(publish_batch(&hub, "", &["orders/1", "t"]), "memory");
    assert_eq!(
        publish_batch(&hub, "?durability=disk", &["orders/1", "t"]),
        "disk"
    );
}

#[test]
fn a_durability_that_is_not_to_be_had_is_refused_before_anything_is_done() {
    let [stored, in_memory] = hubs();
    for (hub, values) in [
        (&stored, &["cluster", "Disk", "none", ""][..]),
        (&in_memory, &["disk", "cluster", "none"]),
    ] {
        for value in values {
            let query = format!("topic=t&durability={value}");
            let request = Request::post(&format!("/api/events?{query}"), "x");
            let keyed = request.clone().header("Idempotency-Key", "k");
            for request in [request, keyed] {
                hub.send(&request).assert_names(400, "durability");
            }
            let batch = Request::post(&format!("/api/events?{query}"), "{\"data\":1}")
                .header("Content-Type", "application/x-ndjson");
            hub.send(&batch).assert_names(400, "durability");
        }
        hub.post(
            "/api/events?topic=t&durability=memory&durability=memory",
            "x",
        )
        .assert_names(400, "durability");
        assert_eq!(hub.history("t").len(), 0);
        assert_eq!(hub.get("/api/topics").json()["total"], json!(0));
    }
}

#[test]
fn a_conflation_key_has_1_to_1024_bytes() {
    let hub = hub();
    let longest = "\u{e9}".repeat(512);
    let encoded = tidings_testkit::encode(&longest);
    hub.post(&format!("/api/events?topic=t&key={encoded}"), "x")
        .json();
    let line = |key: &str| json!({"topic": "t", "data": "x", "key": key}).to_string();
    hub.post_lines(&line(&longest)).json();
    hub.post(&format!("/api/events?topic=t&key={encoded}x"), "x")
        .assert_names(400, "key");
    hub.post("/api/events?topic=t&key=", "x")
        .assert_names(400, "key");
    let lines = format!("{}\n{}", line("k"), line(&format!("{longest}x")));
    hub.post_lines(&lines).assert_names(400, "line 2: key");
    hub.post_lines(&line("")).assert_names(400, "line 1: key");
    assert_eq!(hub.history("t").len(), 2);
}
