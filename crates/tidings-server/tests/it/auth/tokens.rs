//! T6: what is no good token is nobody's.

use tidings_testkit::{Command, Request};

use super::{SECRET, VARIABLE, admin, bearer, guarded, token};
use crate::TIDINGS;

#[test]
fn t6_without_credentials_nothing_is_answered_but_health_and_the_page() {
    let hub = guarded();
    for target in [
        "/api/events?topic=t",
        "/api/events/stream?topic=t",
        "/api/topics",
        "/api/topics/stream",
        "/api/connections",
        "/api/executions",
        "/api/executions/x",
        "/api/executions/x/events",
        "/api/execution-stream/x",
        "/api/execution-state/x",
        "/api/dashboard",
        "/api/dashboard/stream",
        "/api/revocations",
        "/dashboard/sse",
        "/dashboard/api/sse/status",
    ] {
        let answer = hub.get(target);
        assert_eq!(
            answer.header("WWW-Authenticate"),
            Some("Bearer realm=\"tidings\""),
            "{target}"
        );
        assert_eq!(
            answer.problem(401)["type"],
            "urn:tidings:problem:unauthorized"
        );
    }
    for (method, target) in [
        ("POST", "/api/events?topic=t"),
        ("POST", "/api/events/stream"),
        ("DELETE", "/api/topics?topic=t"),
        ("POST", "/api/executions"),
        ("POST", "/api/executions/x/cancel"),
        ("POST", "/api/dashboard/events"),
        ("POST", "/api/tickets"),
        ("POST", "/api/revocations"),
        ("PATCH", "/api/connections/x"),
    ] {
        hub.send(&Request::new(method, target)).problem(401);
    }
    for target in ["/", "/healthz", "/readyz"] {
        assert_eq!(hub.get(target).status(), 200, "{target}");
    }
}

#[test]
fn t6_a_request_is_judged_before_anything_else_of_it() {
    let hub = guarded();
    let request = Request::post("/api/events?topic=bad/*&final=maybe", "x");
    hub.send(&request.header("Content-Encoding", "gzip"))
        .problem(401);
}

#[test]
fn t6_tokens_that_are_not_good_are_all_answered_alike() {
    let hub = guarded();
    let good = admin();
    let [head, body, signature] = good.split('.').collect::<Vec<_>>()[..] else {
        panic!("not a token: {good}");
    };
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
    let of_another = Command::new(TIDINGS, &["token", "--admin"])
        .env(VARIABLE, "another secret of thirty-two bytes")
        .run()
        .success();
    let mut answers: Vec<_> = [
        "",
        "x",
        "..",
        &format!("{head}.{body}."),
        &format!("{head}.{body}"),
        &format!("{none}.{body}."),
        &format!("{none}.{body}.{signature}"),
        &format!("{head}.{body}.{}", &signature[1..]),
        &format!("{head}.{}.{signature}", body.to_lowercase()),
        of_another.trim_end(),
        "tdk_0123456789_secret",
        "tdt_secret",
        &"x".repeat(10_000),
    ]
    .into_iter()
    .map(|token| {
        let answer = hub.send(&bearer(Request::get("/api/topics"), token));
        let challenge = answer.header("WWW-Authenticate").map(str::to_owned);
        assert_eq!(
            challenge.as_deref(),
            Some("Bearer realm=\"tidings\", error=\"invalid_token\""),
            "{token}"
        );
        answer.problem(401).to_string()
    })
    .collect();
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(
        hub.send(&bearer(Request::get("/api/topics"), &good))
            .status(),
        200
    );
}

#[test]
fn a_token_tells_what_it_says() {
    let text = token(&[
        "--publish",
        "a/{identity}",
        "--identity",
        "me",
        "--jti",
        "t1",
    ]);
    let explained = Command::new(TIDINGS, &["token", "--explain", &text])
        .run()
        .success();
    for line in [
        "identity me",
        "publish  a/me",
        "read     nothing",
        "admin    no",
    ] {
        assert!(
            explained.lines().any(|told| told == line),
            "{line}: {explained}"
        );
    }
    assert!(explained.contains("\"jti\":\"t1\""), "{explained}");
    assert!(!explained.contains("over"), "{explained}");
    let nonsense = Command::new(TIDINGS, &["token", "--explain", "-"])
        .stdin("nonsense")
        .run();
    assert_eq!(nonsense.code, Some(1));
}

#[test]
fn a_secret_that_is_too_short_signs_nothing() {
    let command = Command::new(TIDINGS, &["token"]).env(VARIABLE, "short");
    let refused = command.run();
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains(VARIABLE), "{}", refused.stderr);
    assert!(!refused.stderr.contains(SECRET));
    let missing = Command::new(TIDINGS, &["token"]).run();
    assert_eq!(missing.code, Some(2));
    assert!(missing.stderr.contains(VARIABLE), "{}", missing.stderr);
}

#[test]
fn t6_a_token_is_good_for_no_longer_than_is_allowed() {
    let hub = super::guarded_with("[auth]\nmax_token_lifetime = \"1h\"\n");
    let status = |expires: &str| {
        let token = token(&["--subscribe", "**", "--expires", expires]);
        hub.send(&bearer(Request::get("/api/topics"), &token))
            .status()
    };
    assert_eq!([status("59m"), status("61m")], [200, 401]);
}
