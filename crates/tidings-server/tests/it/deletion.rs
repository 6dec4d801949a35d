use serde_json::json;

use crate::{data, hub, hubs};

#[test]
fn a_deleted_topic_is_forgotten_and_starts_anew() {
    for hub in hubs() {
        hub.publish("t", "n", "1");
        let answer = hub.delete("/api/topics?topic=t");
        assert_eq!((answer.status(), answer.body.len()), (204, 0));
        assert_eq!(hub.history("t").len(), 0);
        hub.publish("t", "n", "2");
        assert_eq!(hub.stream("topic=t&from=start").event().data, "2");
    }
}

#[test]
fn streams_on_a_deleted_topic_end_with_goodbye() {
    for hub in hubs() {
        let mut stream = hub.stream("topic=t");
        hub.publish("t", "n", "1");
        hub.delete("/api/topics?topic=t");
        stream.expect("n");
        let goodbye = stream.expect("tidings.goodbye").json();
        assert!(goodbye["reason"].is_string(), "{goodbye}");
        assert!(goodbye["retry_after_ms"].is_u64(), "{goodbye}");
        assert_eq!(stream.rest().len(), 0);
    }
}

#[test]
fn wildcards_go_on_after_a_gap() {
    for hub in hubs() {
        let mut stream = hub.stream("topic=a/*");
        hub.publish("a/1", "n", "1");
        hub.delete("/api/topics?topic=a/1");
        hub.publish("a/2", "n", "2");
        hub.publish("a/1", "n", "3");
        stream.expect("n");
        let gap = stream.expect("tidings.gap").json();
        assert_eq!(gap["reason"], json!("deleted"));
        assert_eq!(data(&stream.take(2)), ["2", "3"]);
    }
}

#[test]
fn an_id_from_before_the_deletion_is_not_resumed_in_silence() {
    for hub in hubs() {
        let first = hub.publish("t", "n", "1");
        let last = hub.publish("t", "n", "2");
        hub.delete("/api/topics?topic=t");

        for query in ["topic=t", "topic=*", "topic=t&topic=u"] {
            let gap = hub.resume(query, &first).expect("tidings.gap").json();
            let reason = gap["reason"].as_str().expect("a reason");
            assert!(["evicted", "deleted"].contains(&reason), "{query}: {gap}");
        }

        for query in ["topic=t", "topic=*", "topic=t&topic=u"] {
            let resumed = hub.resume(query, &last).expect("tidings.resumed").json();
            assert_eq!(resumed["count"], json!(0), "{query}");
        }
    }
}

#[test]
fn a_deletion_names_its_topic() {
    let hub = hub();
    hub.delete("/api/topics").assert_names(400, "topic");
    hub.delete("/api/topics?topic=a/*")
        .assert_names(400, "topic");
}

#[test]
fn other_topics_are_left_alone() {
    let hub = hub();
    hub.publish("t", "n", "1");
    hub.publish("u", "n", "2");
    let mut stream = hub.stream("topic=u&from=start");
    hub.delete("/api/topics?topic=t");
    hub.publish("u", "n", "3");
    assert_eq!(data(&stream.take(2)), ["2", "3"]);
}
