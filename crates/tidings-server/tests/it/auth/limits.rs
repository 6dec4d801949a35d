//! One identity does not take the place of others.

use tidings_testkit::{Hub, Request, StreamReader, eventually};

use super::{admin, bearer, guarded_with, publish, stream, token};
use crate::hub_with;

#[test]
fn an_identity_has_so_many_streams_of_all_kinds() {
    let hub = guarded_with("[limits]\nconnections_per_identity = 2\n");
    let [one, other] =
        ["one", "other"].map(|name| token(&["--subscribe", "**", "--identity", name]));
    let first = hub.open(&stream("topic=t", &one));
    let twin = hub.open(&bearer(Request::get("/api/topics/stream"), &one));
    for request in [
        stream("topic=t", &one),
        bearer(Request::get("/api/topics/stream"), &one),
        bearer(Request::get("/dashboard/sse"), &one),
    ] {
        let refused = hub.send(&request);
        assert!(refused.header("Retry-After").is_some());
        refused.problem(429);
    }
    let _of_another = hub.open(&stream("topic=t", &other));
    drop(first);
    drop(twin);
}

/// The twin of the list of topics with this limit.
fn topics(limit: usize) -> Request {
    Request::get(&format!("/api/topics/stream?limit={limit}"))
}

fn look(hub: &Hub, request: &Request) -> StreamReader {
    StreamReader::open(hub.address(), request)
}

#[test]
fn one_identity_has_a_tenth_of_the_views_of_a_resource() {
    let hub = guarded_with("[limits]\nviews = 20\n");
    let [one, other] =
        ["one", "other"].map(|name| token(&["--subscribe", "**", "--identity", name]));
    let mut held: Vec<_> = (1..=2)
        .map(|limit| hub.open(&bearer(topics(limit), &one)))
        .collect();
    let refused = hub.send(&bearer(topics(3), &one));
    assert!(refused.header("Retry-After").is_some());
    let problem = refused.problem(429);
    assert_eq!(problem["type"], "urn:tidings:problem:too-many-views");
    // What it looks at already it may look at again, and at other resources.
    held.push(hub.open(&bearer(topics(2), &one)));
    held.push(hub.open(&bearer(Request::get("/api/executions/stream"), &one)));
    let mut of_another = hub.open(&bearer(topics(3), &other));
    assert_eq!(of_another.expect("topics").json()["total"], 0);
    publish(&hub, &admin(), "t", "x");
    of_another.until(|event| event.json()["total"] == 1);
    held.clear();
    eventually("there is room again", || {
        (look(&hub, &bearer(topics(4), &one)).status() == 200).then_some(())
    });
}

#[test]
fn those_without_an_identity_have_a_tenth_for_each_address() {
    let hub = guarded_with(
        "trusted_proxies = [\"127.0.0.1\"]\n[auth]\nanonymous_subscribe = [\"**\"]\n[limits]\nviews = 10\n",
    );
    let from = |address: &str, limit| topics(limit).header("X-Forwarded-For", address);
    let _first = hub.open(&from("192.0.2.1", 1));
    hub.send(&from("192.0.2.1", 2)).problem(429);
    let _second = hub.open(&from("192.0.2.2", 2));
    let _third = hub.open(&from("2001:db8::1", 3));
    hub.send(&from("2001:db8::2", 4)).problem(429);
}

#[test]
fn on_an_open_hub_there_are_so_many_views_for_all() {
    let hub = hub_with(&[("TIDINGS_LIMITS_VIEWS", "10")]);
    let held: Vec<_> = (1..=10).map(|limit| hub.open(&topics(limit))).collect();
    hub.send(&topics(11)).problem(429);
    drop(held);
}
