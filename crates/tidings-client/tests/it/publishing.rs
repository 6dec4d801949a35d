use std::sync::mpsc;
use std::time::Duration;

use tidings_client::{Client, Durability, NewEvent, PublishError, ReadError};

use crate::script::{Reply, Server, answer, nobody};

const RECEIPT: &str = r#"{"id":"e-5","receivers":2,"durability":"disk"}"#;

fn receipt() -> Reply {
    answer("200 OK", "Content-Type: application/json\r\n", RECEIPT)
}

#[tokio::test]
async fn an_event_is_published_with_everything_it_has() {
    let mut server = Server::start([receipt()]).await;
    let event = NewEvent::new("line\r\n\0é").event("a b").key("k&").last();
    let receipt = server.client().publish("x/y z", event).await.unwrap();
    assert_eq!((receipt.id.as_str(), receipt.receivers), ("e-5", 2));
    assert_eq!(receipt.durability, Durability::Disk);
    let request = server.request().await;
    assert_eq!(
        request.line,
        "POST /api/events?topic=x%2Fy+z&event=a+b&key=k%26&final=1"
    );
    assert_eq!(request.body, "line\r\n\0é");
}

#[tokio::test]
async fn when_the_outcome_is_unknown_it_is_published_again_with_the_same_key() {
    let mut server = Server::start([
        Reply::Close(String::new()),
        Reply::Close("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"id\"".to_owned()),
        answer("503 Busy", "Retry-After: 0\r\n", ""),
        receipt(),
    ])
    .await;
    let published = server.client().publish("t", NewEvent::new("hi")).await;
    assert_eq!(published.unwrap().id, "e-5");
    let first = server.request().await;
    let key = first.header("idempotency-key").unwrap().to_owned();
    for _ in 0..3 {
        let again = server.request().await;
        assert_eq!(again.header("idempotency-key"), Some(key.as_str()));
        assert_eq!(again.body, "hi");
    }
}

#[tokio::test]
async fn two_events_have_two_keys_unless_told_otherwise() {
    let mut server = Server::start([receipt(), receipt(), receipt()]).await;
    let client = server.client();
    client.publish("t", NewEvent::new("hi")).await.unwrap();
    client.publish("t", NewEvent::new("hi")).await.unwrap();
    let own = NewEvent::new("hi").idempotency_key("mine");
    client.publish("t", own).await.unwrap();
    let first = server.request().await;
    let second = server.request().await;
    assert_ne!(
        first.header("idempotency-key"),
        second.header("idempotency-key")
    );
    let third = server.request().await;
    assert_eq!(third.header("idempotency-key"), Some("mine"));
}

#[tokio::test]
async fn a_refusal_is_not_tried_again() {
    let body = r#"{"type":"/problems/topic-ended","detail":"the topic has ended"}"#;
    let server = Server::start([answer("409 Conflict", "", body)]).await;
    let published = server.client().publish("t", NewEvent::new("hi")).await;
    let Err(error @ PublishError::Refused(_)) = published else {
        panic!("{published:?}");
    };
    assert!(!error.is_transient());
    assert_eq!(
        error.to_string(),
        "the hub refused: the topic has ended (HTTP 409)"
    );
}

#[tokio::test]
async fn the_attempts_are_counted() {
    let busy = || answer("500 Oops", "", "");
    let mut server = Server::start([busy(), busy(), busy()]).await;
    let client = server.client_with(|builder| builder.publish_attempts(2));
    let published = client.publish("t", NewEvent::new("hi")).await;
    let Err(error @ PublishError::Unavailable { .. }) = published else {
        panic!("{published:?}");
    };
    assert!(error.is_transient());
    server.request().await;
    server.request().await;
    assert!(
        server
            .client()
            .publish("t", NewEvent::new("x"))
            .await
            .is_err()
    );
    assert_eq!(server.request().await.body, "x");
}

#[tokio::test]
async fn every_further_attempt_is_announced_with_its_reason() {
    let server = Server::start([
        Reply::Close(String::new()),
        answer("503 Full", "", r#"{"detail":"full"}"#),
        answer("503 Full", "", r#"{"detail":"still full"}"#),
    ])
    .await;
    let (tell, told) = mpsc::channel();
    let client = server.client_with(|builder| {
        builder
            .publish_attempts(3)
            .on_publish_retry(move |error, _| {
                tell.send(error.to_string()).unwrap();
            })
    });
    assert!(client.publish("t", NewEvent::new("hi")).await.is_err());
    let told: Vec<_> = told.try_iter().collect();
    let full = "the hub cannot take events now: full (HTTP 503)";
    assert_eq!(told, ["no answer from the hub", full]);
}

#[tokio::test]
async fn a_hub_that_wants_to_be_left_alone_is_left_alone() {
    let server = Server::start([answer("503 Full", "Retry-After: 600\r\n", "")]).await;
    let published = server.client().publish("t", NewEvent::new("hi")).await;
    let Err(PublishError::Unavailable { retry_after, .. }) = published else {
        panic!("{published:?}");
    };
    assert_eq!(retry_after, Some(Duration::from_secs(600)));
}

#[tokio::test]
async fn an_unreachable_hub_is_told_from_an_unknown_outcome() {
    let builder = Client::builder(nobody().await).publish_attempts(1);
    let client = builder.build().unwrap();
    match client.publish("t", NewEvent::new("hi")).await {
        Err(PublishError::NoAnswer(error)) => assert!(error.is_connect()),
        other => panic!("{other:?}"),
    }

    let server = Server::start([Reply::Close(String::new())]).await;
    let client = server.client_with(|builder| builder.publish_attempts(1));
    match client.publish("t", NewEvent::new("hi")).await {
        Err(PublishError::NoAnswer(error)) => assert!(!error.is_connect()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_batch_keeps_its_keys_when_it_is_published_again() {
    let body = r#"{"published":2,"first":"e-1","last":"e-2","durability":"memory"}"#;
    let mut server = Server::start([
        Reply::Close(String::new()),
        answer("200 OK", "", body),
        answer("200 OK", "", body),
    ])
    .await;
    let client = server.client();
    let mut batch = client.batch();
    batch.push("t", &NewEvent::new("one"));
    batch.push("t", &NewEvent::new("two").last());
    let receipt = client.publish_batch(&batch).await.unwrap();
    assert_eq!(receipt.published, 2);
    assert_eq!(receipt.last.as_deref(), Some("e-2"));
    client.publish_batch(&batch).await.unwrap();

    let first = server.request().await;
    assert_eq!(first.line, "POST /api/events");
    assert_eq!(first.header("content-type"), Some("application/x-ndjson"));
    assert_eq!(first.body.lines().count(), 2);
    assert_eq!(server.request().await.body, first.body);
    assert_eq!(server.request().await.body, first.body);
}

#[tokio::test]
async fn an_answer_that_is_no_receipt_is_an_error() {
    let server = Server::start([answer("200 OK", "", "<html>welcome</html>")]).await;
    let published = server.client().publish("t", NewEvent::new("hi")).await;
    assert!(matches!(published, Err(PublishError::Answer(_))));
}

#[tokio::test]
async fn any_resource_can_be_read() {
    let mut server = Server::start([
        answer("200 OK", "", r#"{"total":3}"#),
        answer("503 Busy", "", r#"{"detail":"later"}"#),
        Reply::Close(String::new()),
    ])
    .await;
    let client = server.client_with(|builder| builder.bearer_token("t"));
    let topics = client.read("api/topics?limit=1").await.unwrap();
    assert_eq!(topics.json::<serde_json::Value>().unwrap()["total"], 3);
    let request = server.request().await;
    assert_eq!(request.line, "GET /api/topics?limit=1");
    assert_eq!(request.header("authorization"), Some("Bearer t"));
    let refused = client.read("x").await;
    assert!(matches!(refused, Err(ReadError::Refused(problem)) if problem.status == 503));
    assert!(matches!(
        client.read("x").await,
        Err(ReadError::NoAnswer(_))
    ));
    assert!(matches!(
        client.read("ftp://x/").await,
        Err(ReadError::Url { .. })
    ));
}

#[tokio::test]
async fn retained_events_are_read() {
    let body = r#"{"events":[{"id":"e-9","topic":"a","event":"note","data":"hi",
        "time":"2026-01-01T00:00:00.000Z","key":null,"final":true}],"last_event_id":"e-9","gap":null}"#;
    let mut server = Server::start([
        answer("200 OK", "", body),
        answer("400 Bad Request", "", r#"{"detail":"topic: empty"}"#),
    ])
    .await;
    let client = server.client();
    let selectors = ["a".to_owned(), "b".to_owned()];
    let newest = client.newest(&selectors, 1).await.unwrap();
    assert_eq!(newest[0].id, "e-9");
    assert!(newest[0].is_final);
    let request = server.request().await;
    assert_eq!(request.line, "GET /api/events?topic=a&topic=b&limit=1");
    let refused = client.newest(&selectors, 1).await;
    assert!(matches!(refused, Err(ReadError::Refused(problem)) if problem.status == 400));
}
