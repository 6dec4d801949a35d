use serde_json::{Value, json};
use tidings_testkit::{Hub, Request, StreamReader, eventually};

use crate::executions::create;
use crate::{hub, hub_with};

fn topics(hub: &Hub) -> Vec<String> {
    let body = hub.get("/api/topics").json();
    let topics = body["topics"].as_array().expect("a list of topics");
    let mut names: Vec<_> = topics
        .iter()
        .filter_map(|entry| entry["topic"].as_str().map(str::to_owned))
        .collect();
    names.sort_unstable();
    names
}

fn assert_retry_after(header: Option<&str>) {
    let seconds = header.and_then(|value| value.parse::<u64>().ok());
    assert!(seconds.is_some(), "Retry-After: {header:?}");
}

#[test]
fn the_event_size_is_a_setting() {
    let hub = hub_with(&[("TIDINGS_LIMITS_EVENT_SIZE", "1KiB")]);
    assert_eq!(
        hub.post("/api/events?topic=t", "x".repeat(1024)).status(),
        200
    );
    let line = json!({"topic": "t", "data": "x".repeat(1025)}).to_string();
    for (answer, field) in [
        (hub.post("/api/events?topic=t", "x".repeat(1025)), "body"),
        (hub.post_lines(&line), "line 1: data"),
    ] {
        let refused = answer.problem(413);
        assert_eq!(refused["field"], field, "{refused}");
        let detail = refused["detail"].as_str().expect("a detail");
        assert!(detail.starts_with(&format!("{field}: ")), "{refused}");
    }
    assert_eq!(hub.history("t").len(), 1);
}

#[test]
fn a_connection_has_at_most_100_selectors() {
    let hub = hub();
    let form = |count: usize| {
        let topics: Vec<_> = (0..count).map(|n| format!("topic=t{n}")).collect();
        Request::post("/api/events/stream", topics.join("&"))
            .header("Content-Type", "application/x-www-form-urlencoded")
    };
    hub.open(&form(100)).preamble();
    let refused = hub.send(&form(101));
    refused.problem(refused.status());
    assert_eq!(refused.status() / 100, 4, "{refused:?}");
}

#[test]
fn beyond_the_number_of_topics_the_least_recently_published_goes() {
    let hub = hub_with(&[("TIDINGS_LIMITS_TOPICS", "3")]);
    for topic in ["a", "b", "c", "a"] {
        hub.publish(topic, "n", "");
    }
    hub.publish("d", "n", "");
    assert_eq!(topics(&hub), ["a", "c", "d"]);
}

#[test]
fn topics_with_subscribers_stay() {
    let hub = hub_with(&[("TIDINGS_LIMITS_TOPICS", "2")]);
    hub.publish("a", "n", "");
    hub.publish("b", "n", "");
    let _reader = hub.stream("topic=a");
    hub.publish("c", "n", "");
    assert_eq!(topics(&hub), ["a", "c"]);
}

#[test]
fn ended_topics_go_last() {
    let hub = hub_with(&[("TIDINGS_LIMITS_TOPICS", "2")]);
    hub.finish("a", "done", "");
    hub.publish("b", "n", "");
    hub.publish("c", "n", "");
    assert_eq!(topics(&hub), ["a", "c"]);
}

#[test]
fn if_no_topic_can_go_a_new_one_is_refused() {
    let hub = hub_with(&[("TIDINGS_LIMITS_TOPICS", "2")]);
    hub.publish("a", "n", "");
    hub.publish("b", "n", "");
    let _readers = [hub.stream("topic=a"), hub.stream("topic=b")];
    let refused = hub.post("/api/events?topic=c", "");
    refused.problem(429);
    assert_retry_after(refused.header("retry-after"));
    hub.publish("a", "n", "still");
}

#[test]
fn an_evicted_topic_is_a_gap_for_whoever_comes_back_to_it() {
    let hub = hub_with(&[("TIDINGS_LIMITS_TOPICS", "1")]);
    let first = hub.publish("a", "n", "1");
    hub.publish("a", "n", "2");
    hub.publish("b", "n", "");
    let mut stream = hub.resume("topic=a", &first);
    let gap: Value = stream.expect("tidings.gap").json();
    assert_eq!(gap["reason"], json!("evicted"));
}

#[test]
fn a_stream_beyond_the_limit_is_refused_and_a_browser_is_told_to_come_back() {
    let hub = hub_with(&[("TIDINGS_LIMITS_CONNECTIONS", "2")]);
    let _streams = [hub.stream("topic=t"), hub.stream("topic=t")];
    let request = Request::get("/api/events/stream?topic=t");

    let refused = hub.send(&request);
    refused.problem(429);
    assert_retry_after(refused.header("retry-after"));

    let browser = request.header("Sec-Fetch-Mode", "cors");
    let page = browser.clone().header("Accept", "text/event-stream, */*");
    let refused = hub.send(&page);
    refused.problem(429);
    assert_retry_after(refused.header("retry-after"));

    let event_source = browser.header("Accept", "text/event-stream");
    let mut stream = StreamReader::open(hub.address(), &event_source);
    assert_eq!(stream.status(), 200, "{:?}", stream.head());
    assert_eq!(stream.head().media_type(), "text/event-stream");
    stream.rest();
    assert!(stream.retry().is_some(), "{:?}", stream.body());
}

#[test]
fn streams_of_all_kinds_count_as_one() {
    let hub = hub_with(&[("TIDINGS_LIMITS_CONNECTIONS", "3")]);
    create(&hub, "e", &[]);
    let targets = [
        "/api/topics/stream",
        "/api/executions/e/stream",
        "/api/executions/e/events",
        "/api/events/stream?topic=t",
        "/api/dashboard/stream",
        "/api/events?topic=t&wait=60",
    ];
    for open in [[0, 1, 2], [1, 3, 4], [4, 2, 0]] {
        let streams = open.map(|index| hub.open(&Request::get(targets[index])));
        for target in targets {
            hub.get(target).problem(429);
        }
        let seen = hub.get("/api/dashboard").json();
        assert_eq!(
            seen["health"]["services"]["readiness"]["status"],
            "degraded"
        );
        assert_eq!(hub.get("/api/connections").json()["total"], 3);
        drop(streams);
        eventually("nobody is there", || {
            (hub.get("/api/connections").json()["total"] == 0).then_some(())
        });
    }
}

#[test]
fn event_types_and_changes_have_the_limit_of_selectors() {
    let hub = hub();
    let types = "&event=e".repeat(101);
    hub.get(&format!("/api/events/stream?topic=t{types}"))
        .assert_names(400, "event");
    hub.get(&format!("/api/events?topic=t{types}"))
        .assert_names(400, "event");

    let mut stream = hub.stream("topic=t&hello=1");
    let id = stream.expect("tidings.connected").json()["connection_id"].clone();
    let path = format!("/api/connections/{}", id.as_str().expect("an id"));
    let names: Vec<_> = (0..101).map(|n| format!("t/{n}")).collect();
    for field in ["subscribe", "unsubscribe"] {
        let body = json!({ field: names }).to_string();
        hub.send(&Request::new("PATCH", &path).body(body))
            .assert_names(400, field);
    }
    hub.publish("t", "note", "still there");
    assert_eq!(stream.event().data, "still there");
}
