//! Publishing: where it is allowed, and how fast.

use tidings_testkit::Request;

use super::{admin, bearer, guarded, guarded_with, token};

#[test]
fn publishing_is_for_the_topics_of_the_rights() {
    let hub = guarded();
    let some = token(&["--publish", "a/*"]);
    let post = |target: &str, body: &str, media_type: &str| {
        let request = Request::post(target, body).header("Content-Type", media_type);
        hub.send(&bearer(request, &some))
    };
    assert_eq!(
        post("/api/events?topic=a/1", "x", "text/plain").status(),
        200
    );
    post("/api/events?topic=b", "x", "text/plain").assert_names(403, "topic");
    let lines = "{\"topic\":\"a/1\",\"data\":1}\n{\"topic\":\"b\",\"data\":1}";
    post("/api/events", lines, "application/x-ndjson").assert_names(403, "line 2: topic");
    let history = hub
        .send(&bearer(Request::get("/api/events?topic=**"), &admin()))
        .json();
    assert_eq!(history["events"].as_array().unwrap().len(), 1);
    let reader = token(&["--subscribe", "**"]);
    let nothing_of_it = Request::post("/api/events?topic=*&final=maybe", "x");
    hub.send(&bearer(nothing_of_it, &reader)).problem(403);
}

#[test]
fn nobody_publishes_on_the_topics_of_the_hub() {
    let hub = guarded();
    let everything = ["--admin", "--publish", "**", "--publish", "tidings/**"];
    let somebody = token(&everything);
    let post = |target: &str, body: &str, media_type: &str| {
        let request = Request::post(target, body).header("Content-Type", media_type);
        hub.send(&bearer(request, &somebody))
    };
    for topic in [
        "tidings",
        "tidings/executions/e",
        "tidings%2Fexecutions%2Fe",
        "tidings/dashboard/health",
        "tidings/live/topics/1",
    ] {
        let target = format!("/api/events?topic={topic}");
        post(&target, "x", "text/plain").assert_names(400, "topic");
    }
    let lines = "{\"topic\":\"a\",\"data\":1}\n{\"topic\":\"tidings/x\",\"data\":1}";
    post("/api/events", lines, "application/x-ndjson").assert_names(400, "line 2: topic");
    let reader = token(&["--subscribe", "tidings/**", "--subscribe", "**"]);
    let listed = Request::get("/api/topics?selector=tidings/**");
    let listed = hub.send(&bearer(listed, &reader)).json();
    assert_eq!(listed["total"], 0, "{listed}");
}

#[test]
fn idempotency_keys_of_different_identities_never_meet() {
    let hub = guarded();
    let post = |identity: &str, data: &str| {
        let token = token(&["--publish", "**", "--identity", identity]);
        let request = Request::post("/api/events?topic=t", data).header("Idempotency-Key", "k");
        hub.send(&bearer(request, &token))
    };
    let first = post("one", "x").json();
    assert_eq!(post("one", "x").json()["id"], first["id"]);
    let other = post("other", "y");
    assert_eq!(other.status(), 200);
    assert_ne!(other.json()["id"], first["id"]);
    post("one", "y").problem(409);
}

#[test]
fn an_identity_publishes_no_faster_than_it_may() {
    let hub = guarded_with("[limits]\npublish_rate = 3\n");
    let post = |token: &str| {
        let lines = "{\"topic\":\"t\",\"data\":1}\n".repeat(3);
        let request = Request::post("/api/events", lines);
        hub.send(&bearer(
            request.header("Content-Type", "application/x-ndjson"),
            token,
        ))
    };
    let [one, other] = ["one", "other"].map(|name| token(&["--publish", "**", "--identity", name]));
    assert_eq!(post(&one).status(), 200);
    let refused = post(&one);
    assert!(refused.header("Retry-After").is_some());
    assert_eq!(
        refused.problem(429)["type"],
        "urn:tidings:problem:publish-rate"
    );
    assert_eq!(post(&other).status(), 200);
    // One that is larger than what there may be at once takes as long as its events would.
    let lines = "{\"topic\":\"t\",\"data\":1}\n".repeat(90);
    let large = Request::post("/api/events", lines);
    let large = large.header("Content-Type", "application/x-ndjson");
    let many = token(&["--publish", "**", "--identity", "many"]);
    assert_eq!(hub.send(&bearer(large, &many)).status(), 200);
    let refused = post(&many);
    let seconds: u64 = refused.header("Retry-After").unwrap().parse().unwrap();
    assert!((20..=31).contains(&seconds), "{seconds}");
    // Who has no name is known by the address.
    let nameless = [token(&["--publish", "**"]), token(&["--publish", "**"])];
    assert_eq!(nameless.map(|token| post(&token).status()), [200, 429]);
}
