//! One identity does not take the place of others.

use tidings_testkit::Request;

use super::{bearer, guarded_with, stream, token};

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
