use tidings_testkit::{Hub, Request, encode};

use crate::hub;

/// Asserts that the hub works and holds nothing on topic `t`.
fn assert_untouched(hub: &Hub) {
    assert_eq!(hub.history("t").len(), 0);
    let topics = hub.get("/api/topics").json();
    assert_eq!(topics["total"], 0, "{topics}");
    assert_eq!(hub.get("/readyz").status(), 200);
}

#[test]
fn what_is_no_topic_is_refused_for_publishing() {
    let hub = hub();
    let long = "t".repeat(513);
    let wide = "\u{e9}".repeat(257);
    let topics = [
        "",
        "a/",
        "/",
        "a/*",
        "*",
        "**",
        "a*b",
        "a\nb",
        "a\u{7f}b",
        "a\0b",
        "tidings/x",
        &long,
        &wide,
    ];
    for topic in topics {
        let target = format!("/api/events?topic={}", encode(topic));
        hub.post(&target, "x").assert_names(400, "topic");
    }
    hub.post("/api/events", "x").assert_names(400, "topic");
    hub.post("/api/events?topic=%FF%FE", "x")
        .assert_names(400, "topic");
    assert_untouched(&hub);
}

#[test]
fn an_over_long_topic_is_refused_for_reading() {
    let hub = hub();
    let topic = "t".repeat(513);
    for path in ["/api/events", "/api/events/stream"] {
        hub.get(&format!("{path}?topic={topic}"))
            .assert_names(400, "topic");
        hub.get(path).assert_names(400, "topic");
        hub.get(&format!("{path}?topic=%FF"))
            .assert_names(400, "topic");
    }
}

#[test]
fn data_that_is_not_utf_8_is_refused() {
    let hub = hub();
    for body in [&b"\xff"[..], b"ok \xc3\x28", b"\xed\xa0\x80"] {
        hub.post("/api/events?topic=t", body).problem(400);
    }
    assert_untouched(&hub);
}

#[test]
fn unknown_parameter_values_are_refused_by_name() {
    let hub = hub();
    let queries = [
        ("/api/events/stream?topic=t", "from", "yesterday"),
        ("/api/events/stream?topic=t", "from", "last:"),
        ("/api/events/stream?topic=t", "from", "last:-1"),
        ("/api/events/stream?topic=t", "from", "last:many"),
        ("/api/events/stream?topic=t", "format", "xml"),
        ("/api/events?topic=t", "limit", "many"),
        ("/api/events?topic=t", "limit", "-1"),
        ("/api/events?topic=t", "wait", "soon"),
        ("/api/events?topic=t", "wait", "-1"),
    ];
    for (target, field, value) in queries {
        let answer = hub.get(&format!("{target}&{field}={value}"));
        answer.assert_names(400, field);
    }
    let publish = hub.post("/api/events?topic=t&durability=tape", "x");
    publish.assert_names(400, "durability");
    assert_untouched(&hub);
}

#[test]
fn the_form_is_judged_like_the_query() {
    let hub = hub();
    for (form, field) in [
        ("topic=a*", "topic"),
        ("from=start", "topic"),
        ("topic=t&from=yesterday", "from"),
        ("topic=t&format=xml", "format"),
    ] {
        let request = Request::post("/api/events/stream", form)
            .header("Content-Type", "application/x-www-form-urlencoded");
        hub.send(&request).assert_names(400, field);
    }
}

#[test]
fn a_body_over_the_limit_is_too_large_and_still_answered() {
    let hub = hub();
    let body = "x".repeat(1024 * 1024 + 1);
    hub.post("/api/events?topic=t", body).problem(413);
    hub.post("/api/events?topic=t", "x".repeat(4 * 1024 * 1024))
        .problem(413);
    assert_untouched(&hub);
    let largest = "x".repeat(1024 * 1024);
    assert_eq!(hub.post("/api/events?topic=t", largest).status(), 200);
}

#[test]
fn a_request_refused_before_its_body_is_read_still_gets_its_answer() {
    let hub = hub();
    let body = "x".repeat(512 * 1024);
    hub.post("/nothing", body.as_str()).problem(404);
    let foreign = Request::post("/api/events?topic=t", body.as_str());
    hub.send(&foreign.header("Origin", "https://evil.example"))
        .problem(403);
    let misdirected = Request::post("/api/events?topic=t", body.as_str());
    hub.send(&misdirected.header("Host", "evil.example"))
        .problem(421);
    hub.post("/api/events?topic=a/*", body.as_str())
        .assert_names(400, "topic");
    assert_untouched(&hub);
}

#[test]
fn a_garbage_last_event_id_is_no_bad_request() {
    let hub = hub();
    let mut stream = hub.resume("topic=t", "\u{fffd}garbage;--");
    stream.expect("tidings.gap");
}
