use serde_json::json;
use tidings_testkit::{Position, Request};

use super::{dashboard, names, post, quiet};

const KINDS: [(&str, &str); 8] = [
    (
        "health-update",
        r#"{"overall_status":"healthy","healthy_count":3,"total_services":3,"total_metrics":12,"timestamp":"2026-01-01T00:00:00Z"}"#,
    ),
    ("metrics-update", r#"{"total_metrics":12,"counters":4}"#),
    ("trace-update", r#"{"trace_id":"00ab","span_count":2}"#),
    (
        "notification",
        r#"{"id":"n1","source":"core","message":"m","severity":"warning","time":1}"#,
    ),
    (
        "contributor-health",
        r#"{"contributor":"c","old_state":"up","new_state":"down"}"#,
    ),
    ("widget-refresh", r#"{"widget":"w"}"#),
    ("nav-badge-update", r#"{"path":"/inbox","count":3}"#),
    ("deployment", r#"{"z":1,"a":[1.0,2],"text":"x  y"}"#),
];

#[test]
fn s17_each_of_a_hundred_dashboards_has_all_kinds_in_one_order() {
    let hub = quiet();
    let mut dashboards: Vec<_> = (0..100).map(|_| dashboard(&hub)).collect();
    let starts: Vec<_> = dashboards
        .iter()
        .map(|stream| stream.body().len())
        .collect();

    let mut expected = String::new();
    for (name, data) in KINDS {
        let body = format!(r#"{{ "event": "{name}", "data": {data} }}"#);
        let receipt = hub.post("/api/dashboard/events", body).json();
        assert_eq!(receipt["receivers"], json!(100), "{receipt}");
        assert_eq!(receipt["durability"], json!("memory"), "{receipt}");
        let id = receipt["id"].as_str().expect("an id");
        expected += &format!("id: {id}\nevent: {name}\ndata: {data}\n\n");
    }
    for (stream, start) in dashboards.iter_mut().zip(starts) {
        let events = stream.take(KINDS.len());
        assert_eq!(names(&events), KINDS.map(|(name, _)| name));
        assert!(events.is_sorted_by_key(|event| Position::of(event.id()).sequence));
        assert_eq!(String::from_utf8_lossy(&stream.body()[start..]), expected);
    }
}

#[test]
fn data_is_a_text_as_it_is_or_json_without_spaces() {
    let hub = quiet();
    let mut stream = dashboard(&hub);
    for (data, told) in [
        (r#""plain text""#, "plain text"),
        (r#""two\nlines""#, "two\nlines"),
        ("null", "null"),
        ("[ 1.0, 1e400 ]", "[1.0,1e400]"),
        (r#"{ "b" : 1, "a" : 2 }"#, r#"{"b":1,"a":2}"#),
    ] {
        let body = format!(r#"{{"event":"x","data":{data}}}"#);
        assert_eq!(hub.post("/api/dashboard/events", body).status(), 200);
        assert_eq!(stream.expect("x").data, told);
    }
}

#[test]
fn the_same_broadcast_twice_is_one_with_an_idempotency_key() {
    let hub = quiet();
    let mut stream = dashboard(&hub);
    let send = |data: u32| {
        let body = json!({"event": "x", "data": data}).to_string();
        let request = Request::post("/api/dashboard/events", body);
        hub.send(&request.header("Idempotency-Key", "once"))
    };
    let first = send(1).json();
    assert_eq!(send(1).json(), first);
    send(2).problem(409);
    post(&hub, &json!({"event": "last", "data": 3}));
    assert_eq!(stream.expect("x").id(), first["id"]);
    stream.expect("last");
}

#[test]
fn what_cannot_be_broadcast_names_its_field_and_reaches_nobody() {
    let hub = quiet();
    let mut stream = dashboard(&hub);
    let long_name = format!(r#"{{"event":"{}","data":1}}"#, "x".repeat(257));
    let long_key = format!(
        r#"{{"event":"nav-badge-update","data":1,"key":"{}"}}"#,
        "x".repeat(129)
    );
    for (body, field) in [
        ("", "body"),
        ("7", "body"),
        ("[]", "body"),
        ("{", "body"),
        ("{} {}", "body"),
        ("{}", "event"),
        (r#"{"data":1}"#, "event"),
        (r#"{"event":null,"data":1}"#, "event"),
        (r#"{"event":7,"data":1}"#, "event"),
        (r#"{"event":"","data":1}"#, "event"),
        (r#"{"event":"a\nevent: b","data":1}"#, "event"),
        (r#"{"event":"a\r","data":1}"#, "event"),
        (r#"{"event":"a\u0000","data":1}"#, "event"),
        (r#"{"event":"error","data":1}"#, "event"),
        (r#"{"event":"open","data":1}"#, "event"),
        (r#"{"event":"connected","data":1}"#, "event"),
        (r#"{"event":"tidings.goodbye","data":1}"#, "event"),
        (&long_name, "event"),
        (r#"{"event":"x"}"#, "data"),
        (r#"{"event":"x","data":tru}"#, "data"),
        (r#"{"event":"x","data":"\ud800"}"#, "data"),
        (r#"{"event":"x","data":1,"data":2}"#, "data"),
        (r#"{"event":"x","data":1,"key":7}"#, "key"),
        (r#"{"event":"x","data":1,"key":""}"#, "key"),
        (&long_key, "key"),
        (r#"{"event":"x","data":1,"final":true}"#, "final"),
        (r#"{"event":"x","data":1,"topic":"t"}"#, "topic"),
    ] {
        hub.post("/api/dashboard/events", body)
            .assert_names(400, field);
    }
    hub.post("/api/dashboard/events", b"{\"event\":\"\xff\"}".to_vec())
        .problem(400);
    let form = Request::post("/api/dashboard/events", "event=x");
    hub.send(&form.header("Content-Type", "application/x-www-form-urlencoded"))
        .assert_names(415, "Content-Type");
    let large = json!({"event": "x", "data": "x".repeat((1 << 20) + 1)});
    post(&hub, &large).assert_names(413, "data");
    let with_key = json!({"event": "x", "data": "x".repeat(1 << 20), "key": "k"});
    post(&hub, &with_key).assert_names(413, "data");
    for (event, bytes) in [("nav-badge-update", 4 << 10), ("notification", 64 << 10)] {
        let body = |bytes| json!({"event": event, "data": "x".repeat(bytes)});
        post(&hub, &body(bytes + 1)).assert_names(413, "data");
        assert_eq!(post(&hub, &body(bytes)).status(), 200);
        assert_eq!(stream.expect(event).data.len(), bytes);
    }
    let larger = json!({"event": "x", "data": "x".repeat(9 << 20)});
    post(&hub, &larger).problem(413);

    post(&hub, &json!({"event": "last", "data": 1}));
    stream.expect("last");
}

#[test]
fn nobody_publishes_on_the_topics_of_dashboards() {
    let hub = quiet();
    for topic in ["tidings/dashboard/events", "tidings/dashboard/badges/a"] {
        hub.post(&format!("/api/events?topic={topic}&event=x"), "x")
            .assert_names(400, "topic");
        let line = json!({"topic": topic, "data": "x"}).to_string();
        hub.post_lines(&line).assert_names(400, "topic");
    }
}

#[test]
fn a_thousand_badges_are_as_many_as_there_may_be() {
    let hub = quiet();
    let badge = |n: u32, count: u32| {
        post(
            &hub,
            &json!({"event": "nav-badge-update", "data": {"count": count}, "key": format!("b{n}")}),
        )
    };
    for n in 0..1000 {
        assert_eq!(badge(n, 1).status(), 200);
    }
    let refused = badge(1000, 1);
    refused.assert_names(429, "key");
    assert!(refused.header("retry-after").is_some());
    assert_eq!(badge(7, 2).status(), 200);
    let mut late = dashboard(&hub);
    assert_eq!(
        late.take(1000).last().expect("a badge").data,
        r#"{"count":2}"#
    );
}
