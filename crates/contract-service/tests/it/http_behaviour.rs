use serde_json::json;

use crate::harness::{Service, StreamServer};

#[test]
fn the_request_is_a_plain_one_for_a_stream() {
    let service = Service::start();
    let server = StreamServer::start();
    let _client = service.open(&server, &json!({}));
    let request = server.request().request;
    assert_eq!((&*request.method, &*request.path), ("GET", "/stream"));
    assert_eq!(request.header("accept"), Some("text/event-stream"));
    assert_eq!(request.header("cache-control"), Some("no-cache"));
    assert_eq!(request.header("last-event-id"), None);
    assert_eq!(request.body, "");
}

#[test]
fn headers_and_the_last_id_are_the_harness_to_choose() {
    let service = Service::start();
    let server = StreamServer::start();
    let params = json!({
        "headers": { "header-name-1": "value-1", "header-name-2": "value-2" },
        "lastEventId": "abc",
    });
    let _client = service.open(&server, &params);
    let request = server.request().request;
    assert_eq!(request.header("header-name-1"), Some("value-1"));
    assert_eq!(request.header("header-name-2"), Some("value-2"));
    assert_eq!(request.header("last-event-id"), Some("abc"));
}

#[test]
fn other_methods_have_their_body() {
    let service = Service::start();
    for method in ["POST", "REPORT"] {
        let server = StreamServer::start();
        let params = json!({
            "method": method,
            "body": "{\"hello\": \"world\"}",
            "headers": { "content-type": "application/json; charset=utf-8" },
        });
        let _client = service.open(&server, &params);
        let request = server.request().request;
        assert_eq!(request.method, method);
        assert_eq!(request.body, "{\"hello\": \"world\"}");
        let json = Some("application/json; charset=utf-8");
        assert_eq!(request.header("content-type"), json);
    }
}

#[test]
fn redirects_are_followed() {
    let service = Service::start();
    for status in ["301 Moved", "307 Moved"] {
        let (server, other) = (StreamServer::start(), StreamServer::start());
        let mut client = service.open(&server, &json!({}));
        let location = format!("Location: {}\r\n", other.url("/there"));
        server.request().answer(status, &location);
        let mut stream = other.accept();
        assert_eq!(stream.request.path, "/there");
        stream.send("data: hello\n\n");
        assert_eq!(client.data(), "hello");
    }
}

#[test]
fn a_redirect_to_nowhere_is_an_error() {
    let service = Service::start();
    for status in ["301 Moved", "307 Moved"] {
        for location in ["", "Location: \r\n"] {
            let server = StreamServer::start();
            let mut client = service.open(&server, &json!({}));
            server.request().answer(status, location);
            assert!(
                client.error().contains("redirected"),
                "{status} {location:?}"
            );
        }
    }
}

#[test]
fn no_content_is_the_end_and_no_error() {
    let service = Service::start();
    let server = StreamServer::start();
    let mut client = service.open(&server, &json!({ "initialDelayMs": 0 }));
    let mut stream = server.accept();
    stream.send("data: a\n\n");
    assert_eq!(client.data(), "a");
    stream.end();
    assert!(client.error().contains("ended"));
    server.request().answer("204 No Content", "");
    // Had it come back, or told of an error, this would come after it.
    let next = service.open(&server, &json!({ "headers": { "x-next": "1" } }));
    assert_eq!(server.request().request.header("x-next"), Some("1"));
    drop(next);
    assert!(client.is_silent());
}
