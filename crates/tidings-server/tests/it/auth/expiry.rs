//! A stream lives no longer than the token it was opened with.

use tidings_testkit::Request;

use super::{bearer, guarded, stream, token};

#[test]
fn t6_every_kind_of_stream_ends_when_its_token_does() {
    let hub = guarded();
    let short = token(&[
        "--subscribe",
        "**",
        "--publish",
        "**",
        "--admin",
        "--expires",
        "2s",
    ]);
    let start = "{\"id\":\"run\"}";
    let create = Request::post("/api/executions", start).header("Content-Type", "application/json");
    assert_eq!(hub.send(&bearer(create, &short)).status(), 201);
    let streams = [
        "/api/events/stream?topic=a/*",
        "/api/topics/stream",
        "/api/connections/stream",
        "/api/executions/stream",
        "/api/executions/run/events",
        "/api/executions/run/stream",
        "/api/dashboard/stream",
    ];
    let opened = streams.map(|target| (target, hub.open(&bearer(Request::get(target), &short))));
    for (target, mut stream) in opened {
        let events = stream.rest();
        let last = events.last().expect("a goodbye");
        assert_eq!(last.event, "tidings.goodbye", "{target}");
        assert_eq!(last.json()["reason"], "token-expired", "{target}");
    }
    hub.send(&stream("topic=a", &short)).problem(401);
}
