//! T9: what opens one stream, once.

use std::thread;

use tidings_testkit::{Connection, Hub, Request, StreamReader, eventually};

use super::{admin, bearer, guarded, guarded_with, publish, stream, token};
use crate::hub;

#[test]
fn t9_a_ticket_opens_one_stream_as_who_asked_for_it() {
    let hub = guarded();
    let reader = token(&["--subscribe", "a/*", "--identity", "me"]);
    let asked = hub.send(&bearer(Request::post("/api/tickets", ""), &reader));
    assert_eq!(asked.status(), 201);
    let ticket = asked.json()["ticket"].as_str().unwrap().to_owned();
    assert!(asked.json()["expires_at"].is_string());
    let target = format!("/api/events/stream?topic=**&ticket={ticket}");
    let mut stream = hub.open(&Request::get(&target));
    hub.get(&target).problem(401);
    let all = admin();
    publish(&hub, &all, "b", "hidden");
    publish(&hub, &all, "a/1", "seen");
    assert_eq!(stream.event().data, "seen");
    let connections = hub
        .send(&bearer(Request::get("/api/connections"), &all))
        .json();
    assert_eq!(connections["connections"][0]["identity"], "me");
}

/// A ticket of somebody.
fn ticket(hub: &Hub, token: &str) -> String {
    let asked = hub.send(&bearer(Request::post("/api/tickets", ""), token));
    asked.json()["ticket"]
        .as_str()
        .expect("a ticket")
        .to_owned()
}

#[test]
fn t9_a_ticket_is_used_up_by_nothing_but_a_stream() {
    let hub = guarded();
    let ticket = ticket(
        &hub,
        &token(&["--subscribe", "a/*", "--subscribe", "executions/**"]),
    );
    let with = |target: &str| Request::get(&format!("{target}ticket={ticket}"));
    let events = || with("/api/events/stream?topic=a/1&");
    let form = Request::post(&format!("/api/events/stream?ticket={ticket}"), "topic=a/1")
        .header("Content-Type", "text/plain");
    for (request, status) in [
        (with("/api/events/stream?"), 400),
        (with("/api/events/stream?topic=a/1&from=yesterday&"), 400),
        (with("/api/events/stream?topic=b&"), 403),
        (with("/api/dashboard/stream?"), 403),
        (with("/api/executions/none/stream?"), 404),
        (events().header("Accept", "text/html"), 406),
        (form, 415),
    ] {
        assert_eq!(hub.send(&request).status(), status, "{request:?}");
    }
    for target in ["/api/events/stream?topic=a/1&", "/api/topics/stream?"] {
        let request = Request::new("HEAD", &format!("{target}ticket={ticket}"));
        assert_eq!(hub.send(&request).status(), 200, "{target}");
    }
    let _stream = hub.open(&events());
    hub.send(&events()).problem(401);
}

#[test]
fn t9_who_is_told_to_come_back_comes_with_the_same_ticket() {
    let hub = guarded_with("[limits]\nconnections = 1\n");
    let all = admin();
    let only = hub.open(&stream("topic=t", &all));
    let ticket = ticket(&hub, &all);
    let request = || Request::get(&format!("/api/events/stream?topic=t&ticket={ticket}"));
    hub.send(&request()).problem(429);
    let of_browser = request()
        .header("Accept", "text/event-stream")
        .header("Sec-Fetch-Mode", "cors");
    let told = hub.send(&of_browser);
    assert_eq!(told.status(), 200);
    assert!(told.text().starts_with("retry:"), "{}", told.text());
    drop(only);
    let _stream = eventually("there is room", || {
        let stream = StreamReader::open(hub.address(), &request());
        (stream.status() == 200).then_some(stream)
    });
    hub.send(&request()).problem(401);
}

#[test]
fn t9_of_all_who_come_at_once_with_one_ticket_one_gets_the_stream() {
    let hub = guarded();
    let ticket = ticket(&hub, &admin());
    let request = Request::get(&format!("/api/events/stream?topic=t&ticket={ticket}"));
    let streams: Vec<_> = thread::scope(|scope| {
        let open = || StreamReader::open(hub.address(), &request);
        let opening: Vec<_> = (0..16).map(|_| scope.spawn(open)).collect();
        opening
            .into_iter()
            .map(|opened| opened.join().unwrap())
            .collect()
    });
    let count = |status| {
        streams
            .iter()
            .filter(|stream| stream.status() == status)
            .count()
    };
    assert_eq!((count(200), count(401)), (1, 15));
}

#[test]
fn t9_a_ticket_is_for_a_stream_and_nothing_else() {
    let hub = guarded();
    let all = admin();
    let asked = hub
        .send(&bearer(Request::post("/api/tickets", ""), &all))
        .json();
    let ticket = asked["ticket"].as_str().unwrap();
    hub.post(&format!("/api/events?topic=t&ticket={ticket}"), "x")
        .problem(401);
    hub.get(&format!("/api/topics?ticket={ticket}"))
        .problem(401);
    hub.send(&bearer(Request::post("/api/events?topic=t", "x"), ticket))
        .problem(401);
    hub.send(&stream("topic=t", ticket)).problem(401);
    let stream = format!("/api/topics/stream?access_token={ticket}");
    let mut stream = hub.open(&Request::get(&stream));
    stream.expect("topics");
}

#[test]
fn t9_one_identity_takes_the_tickets_of_nobody() {
    let hub = guarded();
    let [greedy, other] =
        ["greedy", "other"].map(|name| token(&["--subscribe", "**", "--identity", name]));
    let mut connection = Connection::open(hub.address());
    let mut ask = |token: &str| connection.send(&bearer(Request::post("/api/tickets", ""), token));
    let of_another = ask(&other);
    let first = ask(&greedy);
    for _ in 1..100 {
        assert_eq!(ask(&greedy).status(), 201);
    }
    let refused = ask(&greedy);
    refused.problem(429);
    assert_eq!(refused.header("Retry-After"), Some("30"));
    for issued in [of_another, first] {
        let ticket = issued.json()["ticket"].as_str().unwrap().to_owned();
        let target = format!("/api/events/stream?topic=t&ticket={ticket}");
        hub.open(&Request::get(&target)).preamble();
    }
    assert_eq!(ask(&greedy).status(), 201);
    ask(&greedy).problem(429);
    assert_eq!(ask(&other).status(), 201);
}

#[test]
fn a_ticket_is_for_those_who_show_something_unless_nobody_has_to() {
    let guarded = guarded_with("[auth]\nanonymous_subscribe = [\"**\"]\n");
    let refused = guarded.post("/api/tickets", "");
    refused.problem(401);
    assert_eq!(
        refused.header("WWW-Authenticate"),
        Some("Bearer realm=\"tidings\", error=\"invalid_token\"")
    );
    let open = hub();
    for _ in 0..=100 {
        assert_eq!(open.post("/api/tickets", "").status(), 201);
    }
    let ticket = open.post("/api/tickets", "").json()["ticket"].clone();
    let ticket = ticket.as_str().unwrap();
    let _stream = open.stream(&format!("topic=t&ticket={ticket}"));
}
