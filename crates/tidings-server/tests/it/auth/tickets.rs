//! T9: what opens one stream, once.

use tidings_testkit::Request;

use super::{admin, bearer, guarded, publish, token};

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
    hub.send(&super::stream("topic=t", ticket)).problem(401);
    let stream = format!("/api/topics/stream?access_token={ticket}");
    let mut stream = hub.open(&Request::get(&stream));
    stream.expect("topics");
}
