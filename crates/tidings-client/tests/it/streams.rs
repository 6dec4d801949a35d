use futures_util::StreamExt;
use tidings_client::{BuildError, Item, Limits, Loss, Method, Start, SubscribeError};

use crate::script::{Reply, Server, all_data, answer, event, loss, no_content, stream};

#[tokio::test]
async fn a_stream_of_any_server_is_asked_for_as_it_is_named() {
    let mut server = Server::start([no_content(), no_content()]).await;
    let client = server.client_at("/live?of=gold#now");
    let start = Start::After("7".to_owned());
    assert!(
        all_data(client.stream().from(start).open())
            .await
            .is_empty()
    );
    let request = server.request().await;
    assert_eq!(request.line, "GET /live?of=gold");
    assert_eq!(request.header("accept"), Some("text/event-stream"));
    assert_eq!(request.header("cache-control"), Some("no-cache"));
    assert_eq!(request.header("last-event-id"), Some("7"));

    let other = client.stream_at("/api/x/stream?a=1").unwrap();
    assert!(all_data(other.open()).await.is_empty());
    assert_eq!(server.request().await.line, "GET /api/x/stream?a=1");
    let none = client.stream_at("ftp://127.0.0.1/");
    assert!(matches!(none, Err(BuildError::Url { .. })));
}

#[tokio::test]
async fn method_and_body_are_the_same_on_every_connection() {
    let mut server = Server::start([stream("data: one\n\n"), no_content()]).await;
    let client = server.client_with(|builder| builder.header("content-type", "application/json"));
    let subscribe = client.stream_at("query").unwrap();
    let report = Method::from_bytes(b"REPORT").unwrap();
    let subscription = subscribe.method(report).body(r#"{"a":1}"#).open();
    assert_eq!(all_data(subscription).await, ["one"]);
    for _ in 0..2 {
        let request = server.request().await;
        assert_eq!(request.line, "REPORT /query");
        assert_eq!(request.header("content-type"), Some("application/json"));
        assert_eq!(request.body, r#"{"a":1}"#);
    }
}

#[tokio::test]
async fn a_body_of_no_other_type_is_text() {
    let mut server = Server::start([no_content()]).await;
    let subscribe = server.client().stream().method(Method::POST).body("hi");
    assert!(all_data(subscribe.open()).await.is_empty());
    let request = server.request().await;
    let text = Some("text/plain;charset=UTF-8");
    assert_eq!(request.header("content-type"), text);
}

#[tokio::test]
async fn comments_are_given_in_their_place_to_who_asks_for_them() {
    let body = ":one\nid: 1\ndata: a\n: two\n\n:three\n";
    let server = Server::start([stream(body), stream(body), no_content(), no_content()]).await;
    let items: Vec<_> = server
        .client()
        .stream()
        .comments()
        .open()
        .take(4)
        .collect()
        .await;
    let told = items.into_iter().map(|item| match item.unwrap() {
        Item::Comment(text) => format!("comment {text}"),
        Item::Event(event) => format!("event {} {}", event.id, event.data),
        other => panic!("{other:?}"),
    });
    let told: Vec<_> = told.collect();
    assert_eq!(
        told,
        ["comment one", "comment two", "event 1 a", "comment three"]
    );
    assert_eq!(all_data(server.client().stream().open()).await, ["a"]);
}

#[tokio::test]
async fn ids_of_other_servers_are_only_remembered() {
    let body = "id: order-5\ndata: a\n\ndata: b\n\nid: order-4\ndata: c\n\n";
    let server = Server::start([stream(body), no_content()]).await;
    assert_eq!(
        all_data(server.client().stream().open()).await,
        ["a", "b", "c"]
    );
}

#[tokio::test]
async fn the_position_is_that_of_what_was_given() {
    let body = "id: e-0\n\nid: e-1\ndata: a\n\nid: e-2\ndata: b\n\nid: e-3\n\n";
    let server = Server::start([stream(body), no_content()]).await;
    let mut subscription = server.client().subscribe(["t"]).open();
    assert_eq!(subscription.position(), "");
    event(&mut subscription).await;
    assert_eq!(subscription.position(), "e-1");
    event(&mut subscription).await;
    assert_eq!(subscription.position(), "e-2");
    assert!(subscription.next().await.is_none());
    assert_eq!(subscription.position(), "e-3");
}

#[tokio::test]
async fn the_attempts_are_counted_exactly_and_the_last_one_says_why() {
    let busy = || answer("503 Busy", "", r#"{"detail":"full"}"#);
    let mut server = Server::start([busy(), Reply::Close(String::new()), busy(), busy()]).await;
    let client = server.client_with(|builder| builder.attempts(3));
    let mut subscription = client.stream().open();
    let Some(Err(error)) = subscription.next().await else {
        panic!("an error");
    };
    assert_eq!(
        error.to_string(),
        "gave up after 3 attempts: full (HTTP 503)"
    );
    let SubscribeError::Exhausted { attempts, loss } = error else {
        panic!("{error:?}");
    };
    assert_eq!(attempts, 3);
    assert!(matches!(loss, Loss::Unavailable(_)));
    assert!(subscription.next().await.is_none());
    for _ in 0..3 {
        server.request().await;
    }
    server.quiet();
}

#[tokio::test]
async fn a_hostile_reconnection_time_is_brought_within_bounds() {
    let server = Server::start([stream("retry: 99999999999\n\n")]).await;
    let limits = Limits::default();
    let (_, delay) = loss(&mut server.client().stream().open()).await;
    assert_eq!(delay, limits.retry_cap);
}

#[tokio::test]
async fn every_limit_is_the_clients_to_set() {
    for (body, expected) in [
        (
            "data: 12345678901\n\n",
            "event data is longer than 10 bytes",
        ),
        (
            ":2345678901234567890123456789012",
            "line is longer than 30 bytes",
        ),
        ("id: 123456\n\n", "event id is longer than 5 bytes"),
        ("event: 1234567\n\n", "event name is longer than 6 bytes"),
    ] {
        let server = Server::start([stream(body)]).await;
        let limits = Limits {
            line: 30,
            event: 10,
            id: 5,
            name: 6,
            ..Limits::default()
        };
        let client = server.client_with(|builder| builder.limits(limits));
        let (reason, _) = loss(&mut client.stream().open()).await;
        assert!(matches!(reason, Loss::Undecodable(_)));
        assert_eq!(reason.to_string(), expected);
    }
}
