use futures_util::StreamExt;
use tidings_client::{Connection, SubscribeError};

use crate::script::{Server, all_data, answer, no_content};

#[tokio::test]
async fn statuses_that_say_not_now_are_tried_again() {
    let statuses = ["408", "425", "429", "500", "502", "503", "504", "599"];
    let replies = statuses.map(|status| answer(&format!("{status} Later"), "", ""));
    let server = Server::start(replies.into_iter().chain([no_content()])).await;
    let subscription = server.client().subscribe(["t"]).open();
    let connection = subscription.connection();
    assert!(all_data(subscription).await.is_empty());
    assert!(matches!(*connection.borrow(), Connection::Ended));
}

#[tokio::test]
async fn statuses_that_say_no_are_errors_with_what_the_server_says() {
    for status in [201, 206, 300, 400, 401, 403, 404, 405, 409, 410, 418, 421] {
        let body = r#"{"type":"/problems/nope","title":"Nope","detail":"topic: not like that"}"#;
        let server = Server::start([answer(&format!("{status} No"), "", body)]).await;
        let mut subscription = server.client().subscribe(["t"]).open();
        let connection = subscription.connection();
        match subscription.next().await {
            Some(Err(SubscribeError::Refused(problem))) => {
                assert_eq!(problem.status, status);
                assert_eq!(problem.kind.as_deref(), Some("/problems/nope"));
                assert_eq!(problem.detail.as_deref(), Some("topic: not like that"));
            }
            other => panic!("{status}: {other:?}"),
        }
        assert!(matches!(*connection.borrow(), Connection::Ended));
        assert!(subscription.next().await.is_none());
    }
}

#[tokio::test]
async fn an_answer_that_is_no_event_stream_is_an_error() {
    for (header, expected) in [
        ("", ""),
        ("Content-Type: text/html\r\n", "text/html"),
        ("Content-Type: text/event-streamx\r\n", "text/event-streamx"),
        (
            "Content-Type: text/event-stream\r\nContent-Encoding: gzip\r\n",
            "text/event-stream in gzip",
        ),
    ] {
        let server = Server::start([answer("200 OK", header, "data: x\n\n")]).await;
        let mut subscription = server.client().subscribe(["t"]).open();
        match subscription.next().await {
            Some(Err(SubscribeError::NotAStream { found })) => assert_eq!(found, expected),
            other => panic!("{expected:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn the_content_type_may_have_parameters_and_any_case() {
    for content_type in [
        "text/event-stream;charset=utf-8",
        "Text/Event-Stream",
        "text/event-stream ;",
        "text/event-stream\r\nContent-Encoding: Identity",
    ] {
        let header = format!("Content-Type: {content_type}\r\n");
        let server = Server::start([answer("200 OK", &header, "data: x\n\n"), no_content()]).await;
        let subscription = server.client().subscribe(["t"]).open();
        assert_eq!(all_data(subscription).await, ["x"], "{content_type}");
    }
}
