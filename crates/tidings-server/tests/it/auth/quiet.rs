//! T3 and T9: no secret is said anywhere.

use tidings_testkit::{Hub, Request, Signal};

use super::{SECRET, admin, bearer, stream, token};
use crate::hub_with;

#[test]
fn t3_no_credentials_are_in_the_log_nor_in_any_answer() {
    let variables = [(super::VARIABLE, SECRET), ("TIDINGS_LOG", "trace")];
    let hub: Hub = hub_with(&variables);
    let good = admin();
    let bad = format!("{good}x");
    let ticket = hub
        .send(&bearer(Request::post("/api/tickets", ""), &good))
        .json();
    let ticket = ticket["ticket"].as_str().unwrap().to_owned();
    let mut said = String::new();
    for request in [
        bearer(Request::get("/api/connections"), &good),
        bearer(Request::get("/api/topics"), &bad),
        Request::get(&format!("/api/events/stream?topic=t&access_token={bad}")),
        Request::get(&format!("/api/topics?ticket={ticket}")),
        Request::get("/api/topics").header("Cookie", &format!("tidings_token={bad}")),
        Request::get("/api/topics").header("X-API-Key", "tdk_abcdefgh_secretsecret"),
    ] {
        said += &hub.send(&request).text();
    }
    let open = hub.open(&stream("topic=t", &good));
    drop(open);
    hub.signal(Signal::SIGTERM);
    let finished = hub.wait();
    said += &finished.stderr;
    for secret in [SECRET, &good, &bad, &ticket, "secretsecret"] {
        assert!(!said.contains(secret), "{secret}");
    }
    assert!(finished.stderr.contains("denied"), "{}", finished.stderr);
}

#[test]
fn t3_what_is_denied_is_written_down_on_one_line_and_not_without_end() {
    let hub = super::guarded();
    for _ in 0..100 {
        hub.get("/api/events?topic=t%0a").problem(401);
    }
    hub.signal(Signal::SIGTERM);
    let finished = hub.wait();
    let denied = finished
        .stderr
        .lines()
        .filter(|line| line.contains("denied"));
    assert!((1..100).contains(&denied.count()), "{}", finished.stderr);
}

#[test]
fn t3_pages_of_others_are_written_down() {
    let hub = hub_with(&[]);
    let foreign =
        Request::post("/api/events?topic=t", "x").header("Origin", "https://evil.example");
    hub.send(&foreign).problem(403);
    let rebound = Request::get("/api/topics").header("Host", "evil.example");
    hub.send(&rebound).problem(421);
    hub.signal(Signal::SIGTERM);
    let finished = hub.wait();
    for denied in ["reason=\"Origin: ", "reason=\"Host: "] {
        assert!(finished.stderr.contains(denied), "{}", finished.stderr);
    }
}

#[test]
fn t3_who_is_refused_by_what_was_asked_is_written_down() {
    let hub = super::guarded_with("[auth]\nanonymous_subscribe = [\"**\"]\n");
    hub.post("/api/tickets", "").problem(401);
    hub.delete("/api/topics?topic=t").problem(403);
    hub.signal(Signal::SIGTERM);
    let finished = hub.wait();
    for denied in [
        "reason=\"a ticket is ",
        "reason=\"this needs the admin right",
    ] {
        assert!(finished.stderr.contains(denied), "{}", finished.stderr);
    }
}

#[test]
fn t3_a_topic_adds_no_fields_to_what_is_written_down() {
    let hub = super::guarded();
    let reader = token(&["--subscribe", "a"]);
    let query = "topic=x%20remote=192.0.2.1:1%20%E2%80%A8identity=you";
    hub.send(&stream(query, &reader)).problem(403);
    hub.signal(Signal::SIGTERM);
    let finished = hub.wait();
    let mut lines = finished.stderr.lines();
    let denied = lines.find(|line| line.contains("denied")).unwrap();
    let (fields, reason) = denied.split_once("reason=").unwrap();
    assert!(fields.contains(" remote=127.0.0.1:"), "{denied}");
    assert!(reason.starts_with("\"topic: "), "{denied}");
    assert!(reason.contains("\\u{2028}"), "{denied}");
}
