use tidings_testkit::{Connection, Request};

use crate::{hub, hub_with};

/// What would be a header of its own if it came to stand in a head as it is.
const INJECTIONS: [&str; 4] = [
    "%0d%0aInjected:%201",
    "%0aInjected:%201",
    "%0dInjected:%201",
    "%E5%98%8A%E5%98%8DInjected:%201",
];

#[test]
fn t2_nothing_of_a_request_becomes_a_header_of_its_answer() {
    let hub = hub();
    let id = hub.publish("t", "n", "1");
    for injection in INJECTIONS {
        let requests = [
            Request::get(&format!(
                "/api/events/stream?topic=t&last_event_id={injection}"
            )),
            Request::get(&format!("/api/events/stream?topic={injection}")),
            Request::get(&format!("/api/events/stream?topic=t&event={injection}")),
            Request::get(&format!(
                "/api/events?topic={injection}&last_event_id={id}{injection}"
            )),
            Request::post(&format!("/api/events?topic={injection}"), "x"),
            Request::post(&format!("/api/events?topic=t&event={injection}"), "x"),
            Request::post(&format!("/api/events?topic=t&key={injection}"), "x"),
            Request::get(&format!("/api/topics?selector={injection}")),
            Request::delete(&format!("/api/topics?topic={injection}")),
            Request::get(&format!("/api/connections?identity={injection}")),
            Request::delete(&format!("/api/connections/{injection}")),
            Request::get(&format!("/api/executions/{injection}")),
            Request::get(&format!("/api/execution-stream/{injection}")),
            Request::post(&format!("/api/executions/{injection}/cancel"), ""),
            Request::get(&format!("/assets/{injection}")),
            Request::get(&format!("/{injection}")),
        ];
        for request in requests {
            check(&hub, &request);
        }
    }
    for text in ["e\\r\\nInjected: 1", "e\\nInjected: 1", "e\\u0000"] {
        let execution = format!("{{\"id\":\"{text}\",\"tasks\":[]}}");
        let create = Request::post("/api/executions", execution);
        check(&hub, &create.header("Content-Type", "application/json"));
        let line =
            format!("{{\"topic\":\"t\",\"data\":\"x\",\"key\":\"{text}\",\"event\":\"{text}\"}}");
        let batch = Request::post("/api/events", line);
        check(&hub, &batch.header("Content-Type", "application/x-ndjson"));
    }
}

#[test]
fn t2_headers_that_are_echoed_are_those_listed() {
    let hub = hub_with(&[("TIDINGS_ALLOWED_ORIGINS", "https://app.example")]);
    for origin in [
        "https://app.example\tInjected: 1",
        "https://app.example, https://evil.example",
        "https://app.example/",
        "https://evil.example",
    ] {
        let answer = hub.send(&Request::get("/api/topics").header("Origin", origin));
        let allowed = answer.header("access-control-allow-origin");
        assert_eq!(allowed, None, "{answer:?}");
    }
    let line_end = "Injected: 1\r\nX: \rInjected: 1";
    let mut connection = Connection::open(hub.address());
    let request = format!(
        "GET /api/topics HTTP/1.1\r\nHost: localhost\r\nOrigin: https://app.example\r {line_end}\r\n\r\n"
    );
    connection
        .write(request.as_bytes())
        .expect("an open connection");
    let answer = connection.receive();
    assert_eq!(answer.status(), 400, "a bare CR: {answer:?}");
    assert_eq!(answer.header("injected"), None, "{answer:?}");
}

/// Sends a request and looks at the lines of the head.
#[track_caller]
fn check(hub: &tidings_testkit::Hub, request: &Request) {
    let stream = tidings_testkit::StreamReader::open(hub.address(), request);
    let head = stream.head();
    assert!(head.status < 500, "{request:?}: {head:?}");
    for (name, value) in &head.headers {
        let line = format!("{name}: {value}").to_ascii_lowercase();
        let is_whole = !line.contains(['\r', '\n', '\0']);
        assert!(
            is_whole && !name.eq_ignore_ascii_case("injected"),
            "{request:?}: {head:?}"
        );
    }
}
