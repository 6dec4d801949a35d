use serde_json::json;
use tidings_testkit::{Position, Request};

use crate::{data, hub};

#[test]
fn a_batch_is_published_in_order_and_answered_once() {
    let hub = hub();
    let mut stream = hub.stream("topic=a&topic=b");
    let lines = "{\"topic\":\"a\",\"event\":\"x\",\"data\":\"1\"}\n\
                 {\"topic\":\"b\",\"event\":\"y\",\"data\":\"2\"}\n\
                 {\"topic\":\"a\",\"data\":\"3\",\"key\":\"k\"}\n";

    let receipt = hub.post_lines(lines).json();

    let events = stream.take(3);
    assert_eq!(data(&events), ["1", "2", "3"]);
    let names: Vec<_> = events.iter().map(|event| event.event.as_str()).collect();
    assert_eq!(names, ["x", "y", "message"]);
    assert_eq!(receipt["published"], json!(3));
    assert_eq!(receipt["first"], json!(events[0].id()));
    assert_eq!(receipt["last"], json!(events[2].id()));
    assert_eq!(receipt["durability"], json!("memory"));
    let first = Position::of(events[0].id()).sequence;
    assert!(first < Position::of(events[2].id()).sequence);
}

#[test]
fn the_last_line_needs_no_line_end() {
    let hub = hub();
    let receipt =
        hub.post_lines("{\"topic\":\"t\",\"data\":\"1\"}\r\n{\"topic\":\"t\",\"data\":\"2\"}");
    assert_eq!(receipt.json()["published"], json!(2));
}

#[test]
fn data_that_is_not_a_string_is_serialised_compactly_in_its_order() {
    let hub = hub();
    let mut stream = hub.stream("topic=t");
    let cases = [
        (r#"{ "b" : 1, "a" : [ 1, 2 ] }"#, r#"{"b":1,"a":[1,2]}"#),
        ("[1, 2.5, true, null]", "[1,2.5,true,null]"),
        ("7", "7"),
        ("true", "true"),
        (r#""text""#, "text"),
    ];
    for (given, expected) in cases {
        let line = format!(r#"{{"topic":"t","event":"e","data":{given}}}"#);
        assert_eq!(hub.post_lines(&line).status(), 200, "{given}");
        assert_eq!(stream.expect("e").data, expected);
    }
}

#[test]
fn a_bad_line_is_named_and_nothing_of_the_batch_is_published() {
    let hub = hub();
    let good = r#"{"topic":"t","event":"e","data":"x"}"#;
    let bad = [
        "{not json",
        r#"{"topic":"t","event":"error","data":"x"}"#,
        r#"{"topic":"a/*","event":"e","data":"x"}"#,
        r#"{"topic":"tidings/x","event":"e","data":"x"}"#,
        r#"{"event":"e","data":"x"}"#,
        r#"{"topic":"t","event":7,"data":"x"}"#,
        r#"{"topic":"t","event":"a\nb","data":"x"}"#,
    ];
    for bad in bad {
        let answer = hub.post_lines(&format!("{good}\n{good}\n{bad}\n{good}\n"));
        let problem = answer.problem(400);
        let named = problem["line"] == json!(3) || problem.to_string().contains("line 3");
        assert!(named, "{bad}: {problem}");
    }
    assert_eq!(hub.history("t").len(), 0);
}

#[test]
fn a_line_is_an_object_and_what_is_wrong_with_it_is_said_in_words() {
    let hub = hub();
    let cases = [
        (
            r#"["t","e","d",null,true,"k"]"#,
            "line 2",
            "is not a JSON object",
        ),
        ("7", "line 2", "is not a JSON object"),
        (r#"{"topic":"t","data":1"#, "line 2", "is not a JSON object"),
        (r#"{"topic":"t","data":tru}"#, "line 2: data", "is not JSON"),
        (
            r#"{"topic":"t","dta":"x"}"#,
            "line 2: dta",
            "is not a known field",
        ),
        (
            r#"{"topic":"t","data":1,"data":2}"#,
            "line 2: data",
            "is there twice",
        ),
        (
            r#"{"topic":["t"],"data":1}"#,
            "line 2: topic",
            "must be a string",
        ),
    ];
    for (line, place, words) in cases {
        let answer = hub.post_lines(&format!("{{\"topic\":\"t\",\"data\":0}}\n{line}\n"));
        let problem = answer.problem(400);
        assert_eq!(problem["field"], place, "{line}: {problem}");
        let detail = problem["detail"].as_str().expect("a detail");
        assert!(detail.ends_with(words), "{line}: {detail}");
        assert!(!detail.contains("column"), "{line}: {detail}");
    }
    assert_eq!(hub.history("t").len(), 0);
}

#[test]
fn bad_utf_8_on_a_line_is_a_bad_line() {
    let hub = hub();
    let mut body =
        b"{\"topic\":\"t\",\"data\":\"x\"}\n{\"topic\":\"t\",\"data\":\"\xff\"}\n".to_vec();
    body.extend_from_slice(b"{\"topic\":\"t\",\"data\":\"x\"}\n");
    let request = Request::post("/api/events", body);
    let answer = hub.send(&request.header("Content-Type", "application/x-ndjson"));
    let problem = answer.problem(400);
    let named = problem["line"] == json!(2) || problem.to_string().contains("line 2");
    assert!(named, "{problem}");
    assert_eq!(hub.history("t").len(), 0);
}

#[test]
fn a_batch_that_meets_an_ended_topic_is_refused_whole() {
    let hub = hub();
    hub.finish("over", "done", "");
    let answer =
        hub.post_lines("{\"topic\":\"t\",\"data\":\"1\"}\n{\"topic\":\"over\",\"data\":\"2\"}\n");
    answer.problem(409);
    assert_eq!(hub.history("t").len(), 0);
    assert_eq!(hub.history("over").len(), 1);
}

#[test]
fn a_final_line_ends_its_topic() {
    let hub = hub();
    let mut stream = hub.stream("topic=t");
    let lines = "{\"topic\":\"t\",\"data\":\"1\"}\n\
                 {\"topic\":\"t\",\"event\":\"done\",\"data\":\"2\",\"final\":true}\n";
    assert_eq!(hub.post_lines(lines).status(), 200);
    assert_eq!(data(&stream.rest()), ["1", "2"]);
}

#[test]
fn a_batch_of_more_than_8_mib_is_too_large() {
    let hub = hub();
    let line = format!(
        "{{\"topic\":\"t\",\"data\":\"{}\"}}\n",
        "x".repeat(64 * 1024)
    );
    let count = 8 * 1024 * 1024 / line.len();
    let fits = hub.post_lines(&line.repeat(count));
    assert_eq!(fits.json()["published"], json!(count));
    hub.delete("/api/topics?topic=t");
    hub.post_lines(&line.repeat(count + 1)).problem(413);
    assert_eq!(hub.history("t").len(), 0);
}

#[test]
fn a_line_with_a_known_idempotency_key_adds_nothing() {
    let hub = hub();
    let lines = "{\"topic\":\"t\",\"data\":\"1\",\"idempotency_key\":\"k1\"}\n\
                 {\"topic\":\"t\",\"data\":\"2\",\"idempotency_key\":\"k2\"}\n";
    assert_eq!(hub.post_lines(lines).status(), 200);
    assert_eq!(hub.post_lines(lines).status(), 200);
    assert_eq!(hub.history("t").len(), 2);
}
