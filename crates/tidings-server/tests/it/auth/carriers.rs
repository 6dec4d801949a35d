//! Where credentials may be carried.

use tidings_testkit::Request;

use super::{admin, guarded, guarded_with, token};

#[test]
fn a_token_may_be_in_either_header() {
    let hub = guarded();
    let token = admin();
    let get = || Request::get("/api/topics");
    for request in [
        get().header("Authorization", &format!("Bearer {token}")),
        get().header("authorization", &format!("bearer {token}")),
        get().header("X-API-Key", &token),
        get()
            .header("Authorization", "Basic dTpw")
            .header("X-API-Key", &token),
    ] {
        assert_eq!(hub.send(&request).status(), 200);
    }
    // What comes first decides, even if it is no good.
    let both = get()
        .header("Authorization", "Bearer x")
        .header("X-API-Key", &token);
    hub.send(&both).problem(401);
}

#[test]
fn t9_a_url_carries_a_token_only_where_that_is_enabled_and_only_for_a_stream() {
    let token = token(&["--subscribe", "**", "--publish", "**"]);
    let stream = format!("/api/events/stream?topic=t&access_token={token}");
    guarded().get(&stream).problem(401);
    let hub = guarded_with("[auth]\nquery_tokens = true\n");
    let opened = hub.open(&Request::get(&stream));
    assert_eq!(opened.status(), 200);
    hub.get(&format!("/api/events?topic=t&access_token={token}"))
        .problem(401);
    hub.post(&format!("/api/events?topic=t&access_token={token}"), "x")
        .problem(401);
}
