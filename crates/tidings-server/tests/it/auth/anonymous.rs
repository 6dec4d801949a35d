//! What may be done without credentials where there are keys.

use tidings_testkit::Request;

use super::{admin, bearer, guarded_with, publish};

#[test]
fn those_without_credentials_have_the_rights_that_are_set() {
    let hub = guarded_with("[auth]\nanonymous_subscribe = [\"public/**\"]\n");
    let all = admin();
    let mut stream = hub.stream("topic=**");
    publish(&hub, &all, "private", "hidden");
    publish(&hub, &all, "public/news", "seen");
    assert_eq!(stream.event().data, "seen");
    hub.get("/api/events?topic=private").problem(403);
    hub.post("/api/events?topic=public/news", "x").problem(403);
    hub.get("/api/connections").problem(403);
    // Who shows something is judged by it.
    hub.send(&bearer(Request::get("/api/topics"), "x"))
        .problem(401);
}
