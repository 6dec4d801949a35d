use serde_json::json;

use crate::harness::{Service, StreamServer};

#[test]
fn a_restart_connects_again_at_once_and_is_no_error() {
    let service = Service::start();
    let server = StreamServer::start();
    let mut client = service.open(&server, &json!({ "initialDelayMs": 0 }));
    let mut first = server.accept();
    first.send("data: Hello\n\n");
    assert_eq!(client.data(), "Hello");
    assert_eq!(client.command(&json!({ "command": "restart" })), 204);
    let mut second = server.accept();
    first.closed();
    second.send("data: Thanks\n\n");
    assert_eq!(client.data(), "Thanks");
}

#[test]
fn the_last_id_is_sent_until_it_is_taken_back() {
    let service = Service::start();
    let server = StreamServer::start();
    let mut client = service.open(&server, &json!({ "initialDelayMs": 0 }));
    let mut stream = server.accept();
    assert_eq!(stream.request.header("last-event-id"), None);
    stream.send("id: abc\ndata: Hello\n\ndata: World\n\n");
    assert_eq!(client.event()["id"], "abc");
    assert_eq!(client.event()["id"], "abc");
    stream.end();
    client.error();

    let mut stream = server.accept();
    assert_eq!(stream.request.header("last-event-id"), Some("abc"));
    stream.send("id: \ndata: World\n\n");
    assert_eq!(client.event()["id"], "");
    stream.end();
    client.error();

    let stream = server.accept();
    assert_eq!(stream.request.header("last-event-id"), None);
}

#[test]
fn a_body_is_sent_again() {
    let service = Service::start();
    let server = StreamServer::start();
    let params = json!({
        "initialDelayMs": 0,
        "method": "POST",
        "body": "{\"hello\": \"world\"}",
        "headers": { "content-type": "application/json; charset=utf-8" },
    });
    let _client = service.open(&server, &params);
    let first = server.accept();
    let body = first.request.body.clone();
    first.end();
    let second = server.accept();
    assert_eq!(second.request.method, "POST");
    assert_eq!(second.request.body, body);
}

#[test]
fn silence_is_an_error_and_ends_the_connection() {
    let service = Service::start();
    let server = StreamServer::start();
    let params = json!({ "initialDelayMs": 0, "readTimeoutMs": 500 });
    let mut client = service.open(&server, &params);
    let mut stream = server.accept();
    stream.send("data: Hello\n\n");
    assert_eq!(client.data(), "Hello");
    assert_eq!(client.error(), "the server went silent");
    stream.closed();
    server.accept();
}

#[test]
fn what_was_not_finished_is_not_remembered() {
    let service = Service::start();
    let server = StreamServer::start();
    let mut client = service.open(&server, &json!({ "initialDelayMs": 0 }));
    let mut stream = server.accept();
    stream.send("id: abc\ndata: Hello\n\nid: def\ndata: Goodbye");
    assert_eq!(client.event()["id"], "abc");
    stream.end();
    client.error();
    let mut stream = server.accept();
    assert_eq!(stream.request.header("last-event-id"), Some("abc"));
    stream.send("data: We meet again\n\n");
    let event = client.event();
    assert_eq!(event["data"], "We meet again");
    assert_eq!(event["id"], "abc");
    stream.send("id: def\ndata: Goodbye\n\n");
    let event = client.event();
    assert_eq!(event["data"], "Goodbye");
    assert_eq!(event["id"], "def");
}

#[test]
fn a_stream_that_is_closed_is_closed_at_its_server_too() {
    let service = Service::start();
    let server = StreamServer::start();
    let client = service.open(&server, &json!({}));
    let stream = server.accept();
    assert_eq!(client.close(), 204);
    stream.closed();
    assert_eq!(client.close(), 404);
    assert_eq!(client.command(&json!({ "command": "restart" })), 404);
}
