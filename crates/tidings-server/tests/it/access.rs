use tidings_testkit::{Command, Request};

use crate::{TIDINGS, hub, hub_with};

#[test]
fn unlisted_hosts_are_misdirected() {
    let hub = hub();
    hub.publish("t", "n", "secret");
    for host in ["evil.example", "evil.example:80", "127.0.0.1.evil.example"] {
        for request in [
            Request::get("/api/events?topic=t"),
            Request::get("/api/events/stream?topic=t&from=start"),
            Request::post("/api/events?topic=t", "x"),
            Request::get("/"),
        ] {
            hub.send(&request.header("Host", host)).problem(421);
        }
    }
    assert_eq!(hub.history("t").len(), 1);
}

#[test]
fn the_names_of_the_loopback_are_listed_hosts() {
    let hub = hub();
    let port = hub.address().port();
    for host in [format!("127.0.0.1:{port}"), format!("localhost:{port}")] {
        let request = Request::get("/api/events?topic=t");
        assert_eq!(
            hub.send(&request.header("Host", &host)).status(),
            200,
            "{host}"
        );
    }
}

#[test]
fn a_foreign_page_changes_nothing() {
    let hub = hub();
    hub.publish("t", "n", "1");
    let mut stream = hub.stream("topic=t&hello=1");
    let connected = stream.expect("tidings.connected").json();
    let connection = connected["connection_id"]
        .as_str()
        .expect("a connection id");
    let connection = format!("/api/connections/{connection}");
    for origin in ["https://evil.example", "http://127.0.0.1:1", "null"] {
        let changes = [
            Request::post("/api/events?topic=t", "x"),
            Request::post("/api/events", "{\"topic\":\"t\",\"data\":\"x\"}")
                .header("Content-Type", "application/x-ndjson"),
            Request::delete("/api/topics?topic=t"),
            Request::delete(&connection),
            Request::new("PATCH", &connection).body("{\"subscribe\":[\"u\"]}"),
        ];
        for change in changes {
            hub.send(&change.header("Origin", origin)).problem(403);
        }
    }
    assert_eq!(hub.history("t").len(), 1);
    hub.publish("t", "n", "2");
    assert_eq!(stream.event().data, "2");
}

#[test]
fn a_foreign_origin_is_refused_before_the_request_is_looked_at() {
    let hub = hub();
    for target in ["/api/events?topic=a/*", "/api/events"] {
        let request = Request::post(target, "x").header("Origin", "https://evil.example");
        hub.send(&request).problem(403);
    }
}

#[test]
fn the_hubs_own_pages_may_publish() {
    let hub = hub();
    let request = Request::post("/api/events?topic=t", "x");
    assert_eq!(
        hub.send(&request.header("Origin", &hub.url())).status(),
        200
    );
}

#[test]
fn a_foreign_page_is_given_no_leave_to_read() {
    let hub = hub();
    hub.publish("t", "n", "secret");
    let origin = "https://evil.example";
    let allowed = "access-control-allow-origin";
    let read = hub.send(&Request::get("/api/events?topic=t").header("Origin", origin));
    assert_eq!(read.header(allowed), None, "{read:?}");
    let stream = Request::get("/api/events/stream?topic=t&from=start").header("Origin", origin);
    let stream = tidings_testkit::StreamReader::open(hub.address(), &stream);
    assert_eq!(stream.head().header(allowed), None, "{:?}", stream.head());
    let preflight = Request::new("OPTIONS", "/api/events?topic=t")
        .header("Origin", origin)
        .header("Access-Control-Request-Method", "POST");
    let preflight = hub.send(&preflight);
    assert_eq!(preflight.header(allowed), None, "{preflight:?}");
}

#[test]
fn a_listed_page_may_send_every_header_the_hub_knows() {
    let origin = "https://app.example";
    let hub = hub_with(&[("TIDINGS_ALLOWED_ORIGINS", origin)]);
    let preflight = Request::new("OPTIONS", "/api/events?topic=t")
        .header("Origin", origin)
        .header("Access-Control-Request-Method", "POST");
    let answer = hub.send(&preflight);
    let allowed = answer.header("access-control-allow-headers");
    let allowed = allowed.unwrap_or_default().to_ascii_lowercase();
    let mut names: Vec<_> = allowed.split(',').map(str::trim).collect();
    names.sort_unstable();
    let known = [
        "authorization",
        "cache-control",
        "content-type",
        "idempotency-key",
        "last-event-id",
        "x-api-key",
    ];
    assert_eq!(names, known, "{answer:?}");
}

#[test]
fn an_open_address_without_keys_is_refused_with_what_to_set() {
    let serve = ["serve", "--listen", "0.0.0.0:0", "--memory"];
    let finished = Command::new(TIDINGS, &serve).run();
    assert!(finished.code.is_some_and(|code| code != 0), "{finished:?}");
    assert!(
        finished.stderr.contains("--insecure-anonymous"),
        "{finished:?}"
    );
    assert!(!finished.stderr.contains("panicked"), "{finished:?}");
}
