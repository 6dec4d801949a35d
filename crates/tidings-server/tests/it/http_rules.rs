use tidings_testkit::{Connection, Proxy, Request, StreamReader, eventually};

use crate::executions::{create, say};
use crate::{hub, hub_with};

const STREAM: &str = "/api/events/stream?topic=t";

#[test]
fn s13_what_covers_an_event_stream_gets_one() {
    let hub = hub();
    let accepted = [
        "*/*",
        "text/*",
        "text/event-stream",
        "TEXT/Event-Stream",
        "text/event-stream;q=0.1",
        "application/json, text/event-stream",
        "application/json;q=0.9, */*;q=0.1",
        "text/html, text/*;q=0.5",
        "*/*;q=0, text/event-stream",
    ];
    for accept in accepted {
        let mut stream = hub.open(&Request::get(STREAM).header("Accept", accept));
        stream.preamble();
    }
    hub.stream("topic=t").preamble();
}

#[test]
fn s13_what_does_not_cover_an_event_stream_is_not_acceptable() {
    let hub = hub();
    let refused = [
        "application/json",
        "text/html, application/xhtml+xml",
        "text/event-stream;q=0",
        "*/*, text/event-stream;q=0",
        "*/*;q=0",
    ];
    for accept in refused {
        let answer = hub.send(&Request::get(STREAM).header("Accept", accept));
        answer.problem(406);
    }
}

#[test]
fn s13_events_come_through_a_proxy_that_buffers_as_they_are_published() {
    let hub = hub();
    create(&hub, "e", &[]);
    for version in ["1.0", "1.1"] {
        let proxy = Proxy::of(hub.address(), version);
        let open = |target| StreamReader::open(proxy.address(), &Request::get(target));
        let mut stream = open(STREAM);
        stream.preamble();
        let mut execution = open("/api/executions/e/events");
        execution.expect("init");
        let mut dashboard = open("/dashboard/sse?event=mark");
        dashboard.expect("connected");
        let mut twin = open("/api/topics/stream");
        twin.expect("topics");
        for n in ["1", "2", "3"] {
            hub.publish("t", "n", n);
            assert_eq!(stream.expect("n").data, n);
            say(&hub, "e", "output", n);
            assert_eq!(execution.expect("output").data, n);
            let mark = Request::post(
                "/api/dashboard/events",
                format!(r#"{{"event":"mark","data":{n}}}"#),
            );
            assert_eq!(hub.send(&mark).status(), 200);
            assert_eq!(dashboard.expect("mark").data, n);
            let topic = format!("{version}/{n}");
            hub.publish(&topic, "n", n);
            twin.until(|event| event.data.contains(&topic));
        }
    }
}

#[test]
fn keep_alives_are_for_streams_alone() {
    let hub = hub_with(&[("TIDINGS_KEEP_ALIVE", "10ms")]);
    let mut poll = Connection::open(hub.address());
    let waits = Request::get("/api/events?topic=t&wait=60");
    poll.begin(&waits).expect("an open connection");
    eventually("the poll waits", || {
        (hub.get("/api/connections").json()["total"] == 1).then_some(())
    });
    let mut stream = hub.stream("topic=other");
    let twice = b": keepalive\n: keepalive\n";
    stream.read_until(|body| {
        let mut windows = body.windows(twice.len());
        windows.position(|window| window == twice)
    });
    hub.publish("t", "n", "1");
    assert_eq!(poll.receive().json()["events"][0]["data"], "1");
}

#[test]
fn other_methods_are_refused_with_those_allowed() {
    let hub = hub();
    let cases = [
        ("PUT", "/api/events", &["GET", "POST"][..]),
        ("DELETE", "/api/events/stream", &["GET", "POST"]),
        ("POST", "/api/topics", &["GET", "DELETE"]),
        ("PUT", "/api/connections", &["GET"]),
        ("GET", "/api/connections/x", &["PATCH", "DELETE"]),
        ("POST", "/api/topics/stream", &["GET"]),
        ("DELETE", "/healthz", &["GET"]),
    ];
    for (method, target, allowed) in cases {
        let answer = hub.send(&Request::new(method, target));
        answer.problem(405);
        let allow = answer.header("allow").unwrap_or_default();
        for name in allowed {
            assert!(allow.contains(name), "{method} {target}: {answer:?}");
        }
        assert!(!allow.contains(method), "{method} {target}: {answer:?}");
    }
}

#[test]
fn an_unknown_path_is_not_found() {
    let hub = hub();
    for target in [
        "/nothing",
        "/api",
        "/api/nothing",
        "/api/events/nothing",
        "/api/events/",
    ] {
        hub.get(target).problem(404);
    }
}

#[test]
fn head_answers_like_get_without_a_body() {
    let hub = hub();
    hub.publish("t", "n", "1");
    for (target, media_type) in [
        (STREAM, "text/event-stream"),
        ("/api/events?topic=t", "application/json"),
        ("/api/topics", "application/json"),
        ("/api/topics/stream", "text/event-stream"),
    ] {
        let answer = hub.send(&Request::new("HEAD", target));
        assert_eq!(answer.status(), 200, "{target}: {answer:?}");
        assert_eq!(answer.head.media_type(), media_type, "{target}");
        assert_eq!(answer.body, b"");
    }
    assert_eq!(
        hub.send(&Request::new("HEAD", "/api/events/stream"))
            .status(),
        400
    );
    assert_eq!(hub.send(&Request::new("HEAD", "/nothing")).status(), 404);
}

#[test]
fn head_opens_no_stream() {
    let hub = hub();
    hub.publish("t", "n", "1");
    let mut connection = Connection::open(hub.address());
    assert_eq!(connection.send(&Request::new("HEAD", STREAM)).status(), 200);
    assert_eq!(hub.subscribers("t"), 0);
}

#[test]
fn head_of_a_stream_has_the_status_of_get() {
    let hub = hub_with(&[("TIDINGS_LIMITS_CONNECTIONS", "1")]);
    hub.finish("over", "done", "");
    let head = |target: &str| hub.send(&Request::new("HEAD", target));
    assert_eq!(head("/api/events/stream?topic=over").status(), 204);
    assert_eq!(head(STREAM).status(), 200);

    let _stream = hub.stream("topic=t");
    for target in [STREAM, "/api/topics/stream"] {
        let refused = head(target);
        assert_eq!(refused.status(), 429, "{target}: {refused:?}");
        assert!(refused.header("retry-after").is_some(), "{refused:?}");
        let browser = Request::new("HEAD", target).header("Sec-Fetch-Mode", "cors");
        assert_eq!(hub.send(&browser).status(), 200, "{target}");
    }
}

#[test]
fn a_body_in_a_coding_that_is_not_undone_is_refused() {
    let hub = hub();
    let publish = Request::post("/api/events?topic=t", "x");
    for coding in ["gzip", "identity, br", "zstd"] {
        let refused = hub.send(&publish.clone().header("Content-Encoding", coding));
        refused.assert_names(415, "Content-Encoding");
    }
    let change = Request::new("PATCH", "/api/connections/x").body("{}");
    hub.send(&change.header("Content-Encoding", "gzip"))
        .assert_names(415, "Content-Encoding");
    let form = Request::post("/api/events/stream", "topic=t");
    hub.send(&form.header("Content-Encoding", "deflate"))
        .assert_names(415, "Content-Encoding");
    assert_eq!(hub.history("t").len(), 0);

    let identity = publish.header("Content-Encoding", "Identity");
    assert_eq!(hub.send(&identity).status(), 200);
    let without_body = Request::get("/api/topics").header("Content-Encoding", "gzip");
    assert_eq!(hub.send(&without_body).status(), 200);
}

#[test]
fn a_body_transferred_in_any_coding_but_chunked_is_refused() {
    let hub = hub();
    let publish = |coding: &str| {
        let mut connection = Connection::open(hub.address());
        let request = format!(
            "POST /api/events?topic=t HTTP/1.1\r\nHost: localhost\r\n\
             Transfer-Encoding: {coding}\r\n\r\n1\r\nx\r\n0\r\n\r\n"
        );
        connection
            .write(request.as_bytes())
            .expect("an open connection");
        connection.receive()
    };
    for coding in ["gzip, chunked", "identity, chunked", "chunked, chunked"] {
        publish(coding).assert_names(501, "Transfer-Encoding");
    }
    assert_eq!(hub.history("t").len(), 0);
    assert_eq!(publish("Chunked").status(), 200);
    assert_eq!(hub.history("t").len(), 1);
}

#[test]
fn options_names_the_methods() {
    let hub = hub();
    for (target, methods) in [
        ("/api/events", &["GET", "POST"][..]),
        ("/api/events/stream", &["GET", "POST"]),
        ("/api/topics", &["GET", "DELETE"]),
    ] {
        let answer = hub.send(&Request::new("OPTIONS", target));
        assert_eq!(answer.status() / 100, 2, "{answer:?}");
        let allow = answer.header("allow").unwrap_or_default();
        for method in methods {
            assert!(allow.contains(method), "{target}: {answer:?}");
        }
    }
}

#[test]
fn the_hub_says_that_it_lives_and_is_ready() {
    let hub = hub();
    assert_eq!(hub.get("/healthz").status(), 200);
    assert_eq!(hub.get("/readyz").status(), 200);
}

#[test]
fn answers_are_json_and_requests_share_a_connection() {
    let hub = hub();
    let mut connection = Connection::open(hub.address());
    for target in ["/api/events?topic=t", "/api/topics", "/api/connections"] {
        let answer = connection.send(&Request::get(target));
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.head.media_type(), "application/json", "{target}");
    }
}

#[test]
fn a_client_of_http_1_0_reads_the_stream_until_it_closes() {
    let hub = hub();
    hub.publish("t", "n", "1");
    let mut connection = Connection::open(hub.address());
    let request = format!(
        "GET {STREAM}&from=start HTTP/1.0\r\nHost: {}\r\n\r\n",
        hub.address()
    );
    connection
        .write(request.as_bytes())
        .expect("an open connection");
    hub.finish("t", "done", "2");
    let answer = connection.receive();
    assert_eq!(answer.head.header("transfer-encoding"), None, "{answer:?}");
    assert!(
        answer.text().ends_with("event: done\ndata: 2\n\n"),
        "{answer:?}"
    );
}

#[test]
fn what_is_no_http_does_not_disturb_the_hub() {
    let hub = hub();
    let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    let torn: [&[u8]; 5] = [
        b"\r\n\r\n",
        b"NONSENSE\r\n\r\n",
        b"GET / HTTP/1.1\r\n broken\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
        long.as_bytes(),
    ];
    for bytes in torn {
        let mut connection = Connection::open(hub.address());
        let _ = connection.write(bytes); // The hub may close before it has read all of it.
        drop(connection);
        assert_eq!(hub.get("/healthz").status(), 200);
    }
}
