use serde_json::{Value, json};
use tidings_testkit::Request;

use crate::harness::{Service, StreamServer};

#[test]
fn everything_the_client_can_do_is_declared() {
    let status = Service::start().send(&Request::get("/"));
    assert_eq!(status.status(), 200);
    let capabilities = status.json()["capabilities"].as_array().unwrap().clone();
    for expected in [
        "bom",
        "comments",
        "event-type-listeners",
        "headers",
        "last-event-id",
        "post",
        "read-timeout",
        "report",
        "restart",
        "server-directed-shutdown",
        "server-directed-shutdown-request",
    ] {
        assert!(capabilities.contains(&Value::from(expected)), "{expected}");
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    let service = Service::start();
    let callback = "http://127.0.0.1:1/";
    for params in [
        json!("nothing"),
        json!({}),
        json!({ "streamUrl": "http://127.0.0.1:1/" }),
        json!({ "streamUrl": "here", "callbackUrl": callback }),
        json!({ "streamUrl": callback, "callbackUrl": callback, "method": "G T" }),
        json!({ "streamUrl": callback, "callbackUrl": callback, "headers": { "a b": "c" } }),
    ] {
        let refused = service.send(&Request::post("/", params.to_string()));
        assert_eq!(refused.status(), 400, "{params}");
    }
    let server = StreamServer::start();
    let client = service.open(&server, &json!({}));
    assert_eq!(client.command(&json!({ "command": "dance" })), 400);
    assert_eq!(client.command(&json!({ "command": "listen" })), 400);
    let none = service.send(&Request::delete("/streams/99"));
    assert_eq!(none.status(), 404);
}

#[test]
fn events_of_other_types_are_reported_once_they_are_listened_for() {
    let service = Service::start();
    let server = StreamServer::start();
    let mut client = service.open(&server, &json!({}));
    let mut stream = server.accept();
    stream.send("event: greeting\ndata: unheard\n\ndata: a\n\n");
    assert_eq!(client.data(), "a");
    client.listen("greeting");
    stream.send("event: greeting\ndata: heard\n\n");
    assert_eq!(client.event()["data"], "heard");
}

#[test]
fn it_ends_when_it_is_told_to() {
    let service = Service::start();
    let server = StreamServer::start();
    service.open(&server, &json!({}));
    let stream = server.accept();
    assert_eq!(service.send(&Request::delete("/")).status(), 204);
    stream.closed();
    assert_eq!(service.exit_code(), Some(0));
}
