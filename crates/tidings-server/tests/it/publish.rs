use serde_json::json;
use tidings_testkit::{Connection, Position, Request, encode};

use crate::hub;

#[test]
fn the_body_is_the_data_as_it_is_whatever_its_type() {
    let hub = hub();
    let mut stream = hub.stream("topic=t");
    let data = "{ \"b\": 1,  \"a\": [ 1 ] }";
    for content_type in ["text/plain", "application/json", "application/octet-stream"] {
        let request = Request::post("/api/events?topic=t&event=note", data);
        let receipt = hub
            .send(&request.header("Content-Type", content_type))
            .json();
        let event = stream.expect("note");
        assert_eq!(event.data, data, "{content_type}");
        assert_eq!(receipt["id"], event.id());
    }
}

#[test]
fn a_receipt_carries_a_well_formed_id() {
    let receipt = hub().post("/api/events?topic=t", "x").json();
    Position::of(receipt["id"].as_str().expect("an id"));
    assert_eq!(receipt["receivers"], json!(0));
    assert_eq!(receipt["durability"], json!("memory"));
}

#[test]
fn a_durability_that_is_not_available_is_refused() {
    let hub = hub();
    for durability in ["disk", "cluster", "tape"] {
        let target = format!("/api/events?topic=t&durability={durability}");
        hub.post(&target, "x").assert_names(400, "durability");
    }
    assert_eq!(hub.history("t").len(), 0);
    let receipt = hub
        .post("/api/events?topic=t&durability=memory", "x")
        .json();
    assert_eq!(receipt["durability"], json!("memory"));
}

#[test]
fn key_and_final_are_kept_with_the_event() {
    let hub = hub();
    hub.publisher().publish_with("topic=t&event=a&key=k", "1");
    hub.publisher().publish_with("topic=t&event=b&final=1", "2");
    let history = hub.history("t");
    assert_eq!(history[0]["key"], json!("k"));
    assert_ne!(history[0]["final"], json!(true));
    assert_eq!(history[1]["final"], json!(true));
}

#[test]
fn a_url_and_a_topic_of_512_bytes_are_topics() {
    let hub = hub();
    let long = "t".repeat(512);
    for topic in ["https://example.com/items/1", "a", "a/b/c", long.as_str()] {
        let mut stream = hub.stream(&format!("topic={}", encode(topic)));
        hub.publish(topic, "note", topic);
        assert_eq!(stream.expect("note").data, topic);
    }
}

#[test]
fn an_empty_body_is_an_event_with_empty_data() {
    let hub = hub();
    let mut stream = hub.stream("topic=t");
    hub.publish("t", "note", "");
    assert_eq!(stream.expect("note").data, "");
}

#[test]
fn a_body_may_come_in_chunks() {
    let hub = hub();
    let mut connection = Connection::open(hub.address());
    let request = format!(
        "POST /api/events?topic=t HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n\
         5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
        hub.address()
    );
    connection
        .write(request.as_bytes())
        .expect("an open connection");
    assert!(connection.receive().json()["id"].is_string());
    assert_eq!(hub.history("t")[0]["data"], json!("hello world"));
}
