use serde_json::json;
use tidings_testkit::{Position, Request};

use crate::{data, hub};

const TASK: &str =
    r#"{"taskId":"task-1","taskTitle":"Validate Environment","progress":1,"total":5}"#;

#[test]
fn s1_two_followers_receive_the_same_bytes_and_a_third_elsewhere_none_of_them() {
    let hub = hub();
    let mut followers = [hub.stream("topic=exec-1"), hub.stream("topic=exec-1")];
    let mut elsewhere = hub.stream("topic=exec-2");

    let id = hub.publish("exec-1", "task-start", TASK);

    for follower in &mut followers {
        let preamble = follower.preamble();
        assert!((2400..=3600).contains(&preamble.retry), "{preamble:?}");
        follower.expect("task-start");
        let start = preamble.id.expect("a position in the first block");
        let body = format!(
            "retry: {}\nid: {start}\n\nid: {id}\nevent: task-start\ndata: {TASK}\n\n",
            preamble.retry
        );
        assert_eq!(String::from_utf8_lossy(follower.body()), body);
        assert!(Position::of(&start).sequence < Position::of(&id).sequence);
    }
    assert_eq!(hub.subscribers("exec-1"), 2);
    assert_eq!(hub.subscribers("exec-3"), 0);
    hub.publish("exec-2", "marker", "");
    elsewhere.expect("marker");
}

#[test]
fn s1_the_head_and_the_first_block_come_before_anything_is_published() {
    let hub = hub();
    let request = Request::get("/api/events/stream?topic=exec-1")
        .header("Accept", "text/event-stream")
        .header("Accept-Encoding", "gzip, br");

    let mut stream = hub.open(&request);
    stream.preamble();

    let head = stream.head();
    assert_eq!(head.header("cache-control"), Some("no-cache, no-transform"));
    assert_eq!(head.header("x-accel-buffering"), Some("no"));
    assert_eq!(head.header("transfer-encoding"), Some("chunked"));
    assert_eq!(head.header("content-encoding"), None);
    assert_eq!(head.header("content-length"), None);
}

#[test]
fn a_subscription_exists_when_its_head_has_arrived() {
    let hub = hub();
    let mut publisher = hub.publisher();
    for round in 0..200 {
        let topic = format!("round-{round}");
        let mut stream = hub.stream(&format!("topic={topic}"));
        publisher.publish(&topic, "first", "");
        stream.expect("first");
    }
}

#[test]
fn a_first_visit_sees_no_word_of_the_hub() {
    let hub = hub();
    hub.publish("t", "before", "");
    let mut now = hub.stream("topic=t");
    let mut start = hub.stream("topic=t&from=start");
    let mut last = hub.stream("topic=t&from=last:1");
    hub.publish("t", "after", "");
    assert_eq!(now.event().event, "after");
    for stream in [&mut start, &mut last] {
        assert_eq!(stream.event().event, "before");
        assert_eq!(stream.event().event, "after");
    }
}

#[test]
fn s2_what_was_published_before_the_first_follower_is_there_from_the_start() {
    let hub = hub();
    let started = hub.publish("exec-7", "execution-start", r#"{"id":"exec-7"}"#);
    let task = hub.publish("exec-7", "task-start", TASK);

    let mut stream = hub.stream("topic=exec-7&from=start");
    let end = hub.finish("exec-7", "execution-complete", "{}");

    let events = stream.rest();
    let seen: Vec<_> = events
        .iter()
        .map(|event| (event.id(), event.event.as_str()))
        .collect();
    assert_eq!(
        seen,
        [
            (started.as_str(), "execution-start"),
            (task.as_str(), "task-start"),
            (end.as_str(), "execution-complete")
        ]
    );
}

#[test]
fn an_event_without_a_name_is_a_message_and_has_no_event_line() {
    let hub = hub();
    let mut stream = hub.stream("topic=t");
    let start = stream.preamble().length;
    let id = hub.publisher().publish_with("topic=t", "plain");
    stream.expect("message");
    let block = String::from_utf8_lossy(&stream.body()[start..]).into_owned();
    assert_eq!(block, format!("id: {id}\ndata: plain\n\n"));
}

#[test]
fn ids_of_one_hub_share_an_epoch_and_rise_over_all_topics() {
    let hub = hub();
    let mut publisher = hub.publisher();
    let ids: Vec<_> = (0..20)
        .map(|n| Position::of(&publisher.publish(&format!("t{}", n % 3), "n", "")))
        .collect();
    for pair in ids.windows(2) {
        assert_eq!(pair[0].epoch, pair[1].epoch);
        assert!(pair[0].sequence < pair[1].sequence, "{pair:?}");
    }
}

#[test]
fn the_receipt_counts_the_receivers() {
    let hub = hub();
    let _followers = [
        hub.stream("topic=t"),
        hub.stream("topic=t"),
        hub.stream("topic=u"),
    ];
    let receipt = hub.post("/api/events?topic=t", "x").json();
    assert_eq!(receipt["receivers"], json!(2), "{receipt}");
    assert_eq!(receipt["durability"], json!("memory"), "{receipt}");
}

#[test]
fn a_stream_over_many_topics_is_in_global_order() {
    let hub = hub();
    let mut publisher = hub.publisher();
    let mut live = hub.stream("topic=a&topic=b/*&topic=c/**");
    let topics = ["a", "b/1", "c", "b/2", "c/x/y", "other", "a"];
    for n in 0..210 {
        publisher.publish(topics[n % topics.len()], "n", &n.to_string());
    }
    let expected: Vec<_> = (0..210)
        .filter(|n| topics[n % topics.len()] != "other")
        .map(|n| n.to_string())
        .collect();
    let mut replay = hub.stream("topic=a&topic=b/*&topic=c/**&from=start");
    for stream in [&mut live, &mut replay] {
        assert_eq!(data(&stream.take(expected.len())), expected);
    }
}
