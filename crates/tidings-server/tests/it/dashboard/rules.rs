use tidings_testkit::{Request, Response};

use super::{SNAPSHOT, STATUS, STREAM, connected_clients, dashboard, quiet};
use crate::hub_with;

const STREAMS: [&str; 2] = [STREAM, "/dashboard/sse"];

#[test]
fn s13_what_does_not_cover_an_event_stream_is_not_acceptable() {
    let hub = quiet();
    for path in STREAMS {
        for accept in ["application/json", "text/event-stream;q=0"] {
            let answer = hub.send(&Request::get(path).header("Accept", accept));
            answer.assert_names(406, "Accept");
        }
        for accept in ["*/*", "text/*", "text/event-stream"] {
            let mut stream = hub.open(&Request::get(path).header("Accept", accept));
            stream.expect("connected");
        }
    }
}

#[test]
fn head_answers_like_get_and_opens_nothing() {
    let hub = quiet();
    for (path, media_type) in [
        (STREAM, "text/event-stream"),
        ("/dashboard/sse", "text/event-stream"),
        (SNAPSHOT, "application/json"),
        (STATUS, "application/json"),
    ] {
        let answer = hub.send(&Request::new("HEAD", path));
        assert_eq!(answer.status(), 200, "{path}: {answer:?}");
        assert_eq!(answer.head.media_type(), media_type, "{path}");
        assert_eq!(answer.body, b"");
    }
    assert_eq!(connected_clients(&hub), 0);
}

#[test]
fn other_methods_are_refused_with_those_allowed() {
    let hub = quiet();
    for (method, target, allowed) in [
        ("POST", STREAM, "GET"),
        ("POST", "/dashboard/sse", "GET"),
        ("DELETE", SNAPSHOT, "GET"),
        ("PUT", STATUS, "GET"),
        ("GET", "/api/dashboard/events", "POST"),
    ] {
        let answer = hub.send(&Request::new(method, target));
        answer.problem(405);
        let allow = answer.header("allow").unwrap_or_default();
        assert!(allow.contains(allowed), "{method} {target}: {answer:?}");
    }
    for path in [
        "/dashboard",
        "/dashboard/",
        "/dashboard/sse/",
        "/api/dashboard/",
    ] {
        hub.get(path).problem(404);
    }
}

#[test]
fn bad_parameters_are_named() {
    let hub = quiet();
    for path in STREAMS {
        hub.get(&format!("{path}?ids=no")).assert_names(400, "ids");
        hub.get(&format!("{path}?event=open"))
            .assert_names(400, "event");
    }
}

#[test]
fn a_page_of_others_broadcasts_nothing() {
    let hub = quiet();
    let body = r#"{"event":"x","data":1}"#;
    let foreign =
        Request::post("/api/dashboard/events", body).header("Origin", "https://a.example");
    hub.send(&foreign).assert_names(403, "Origin");
    let unlisted = Request::get("/dashboard/sse").header("Host", "a.example");
    hub.send(&unlisted).assert_names(421, "Host");
}

#[test]
fn one_dashboard_more_than_allowed_is_sent_away() {
    let hub = hub_with(&[("TIDINGS_LIMITS_CONNECTIONS", "1")]);
    let _only = dashboard(&hub);
    for path in STREAMS {
        let refused: Response = hub.get(path);
        refused.problem(429);
        assert!(refused.header("retry-after").is_some(), "{refused:?}");
        let browser = Request::get(path).header("Sec-Fetch-Mode", "cors");
        assert!(hub.send(&browser).text().starts_with("retry: "));
    }
    let health = hub.get(SNAPSHOT).json()["health"].clone();
    assert_eq!(health["overall_status"], "degraded", "{health}");
    assert_eq!(
        health["services"]["readiness"]["status"], "degraded",
        "{health}"
    );
}
