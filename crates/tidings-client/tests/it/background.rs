use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use tidings_client::{EnqueueError, NewEvent};

use crate::script::{Reply, Request, Server, answer};

fn receipt(published: usize) -> Reply {
    let body = format!(
        r#"{{"published":{published},"first":"e-1","last":"e-{published}","durability":"disk"}}"#
    );
    answer("200 OK", "", &body)
}

fn data(request: &Request) -> Vec<String> {
    let lines = request.body.lines().map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line["data"].as_str().unwrap().to_owned()
    });
    lines.collect()
}

#[tokio::test]
async fn what_gathers_while_a_batch_is_under_way_goes_as_one() {
    let mut server = Server::start([receipt(3), receipt(1)]).await;
    let publisher = server.client().publisher().start();
    for data in ["one", "two", "three"] {
        publisher.publish("t", &NewEvent::new(data)).await.unwrap();
    }
    publisher.flush().await;
    let first = server.request().await;
    assert_eq!(first.line, "POST /api/events");
    assert_eq!(data(&first), ["one", "two", "three"]);
    publisher
        .publish("t", &NewEvent::new("four"))
        .await
        .unwrap();
    let delivered = publisher.close().await;
    assert_eq!((delivered.published, delivered.failed), (4, 0));
    assert_eq!(data(&server.request().await), ["four"]);
}

#[tokio::test]
async fn a_batch_of_unknown_outcome_goes_again_as_it_was() {
    let mut server = Server::start([Reply::Close(String::new()), receipt(2)]).await;
    let publisher = server.client().publisher().start();
    publisher.publish("t", &NewEvent::new("one")).await.unwrap();
    publisher.publish("t", &NewEvent::new("two")).await.unwrap();
    assert_eq!(publisher.close().await.published, 2);
    assert_eq!(server.request().await.body, server.request().await.body);
}

#[tokio::test]
async fn an_event_that_is_refused_takes_no_other_with_it() {
    let refused = || answer("409 Conflict", "", r#"{"detail":"the topic has ended"}"#);
    let mut server = Server::start([refused(), receipt(2), refused(), receipt(1), refused()]).await;
    let failures = Arc::new(Mutex::new(Vec::new()));
    let told = failures.clone();
    let publisher = server
        .client()
        .publisher()
        .on_failure(move |error, events| told.lock().unwrap().push((error.to_string(), events)))
        .start();
    for data in ["a", "b", "c", "bad"] {
        publisher.publish("t", &NewEvent::new(data)).await.unwrap();
    }
    let delivered = publisher.close().await;
    assert_eq!((delivered.published, delivered.failed), (3, 1));
    let why = "the hub refused: the topic has ended (HTTP 409)";
    assert_eq!(delivered.error.unwrap().to_string(), why);
    assert_eq!(*failures.lock().unwrap(), [(why.to_owned(), 1)]);
    let tried = ["a b c bad", "a b", "c bad", "c", "bad"];
    for expected in tried {
        assert_eq!(data(&server.request().await).join(" "), expected);
    }
}

#[tokio::test]
async fn memory_is_bounded_and_whoever_publishes_waits_for_room() {
    let mut server = Server::start([Reply::Hold(String::new()), receipt(1), receipt(1)]).await;
    let publisher = server.client().publisher().memory(600).start();
    let event = || NewEvent::new("x".repeat(400));
    publisher.publish("t", &event()).await.unwrap();
    server.request().await;
    assert_eq!(
        publisher.try_publish("t", &event()),
        Err(EnqueueError::Full)
    );
    let event = event();
    let mut waiting = Box::pin(publisher.publish("t", &event));
    assert!(waiting.as_mut().now_or_never().is_none());
    let large = publisher.try_publish("t", &NewEvent::new("x".repeat(600)));
    assert!(matches!(
        large,
        Err(EnqueueError::TooLarge { limit: 600, .. })
    ));
}

#[tokio::test]
async fn room_comes_back_as_events_are_published() {
    let server = Server::start((0..20).map(|_| receipt(1))).await;
    let publisher = server.client().publisher().memory(600).start();
    for _ in 0..20 {
        let event = NewEvent::new("x".repeat(400));
        publisher.publish("t", &event).await.unwrap();
    }
    assert_eq!(publisher.close().await.published, 20);
}

#[tokio::test]
async fn one_that_is_dropped_publishes_what_it_has() {
    let mut server = Server::start([receipt(2)]).await;
    let publisher = server.client().publisher().start();
    publisher.try_publish("t", &NewEvent::new("one")).unwrap();
    publisher.try_publish("t", &NewEvent::new("two")).unwrap();
    drop(publisher);
    assert_eq!(data(&server.request().await), ["one", "two"]);
}

#[tokio::test]
async fn a_hub_that_stays_away_does_not_hold_up_a_close_for_ever() {
    let away = || Reply::Close(String::new());
    let server = Server::start([away(), away()]).await;
    let client = server.client_with(|builder| builder.publish_attempts(2));
    let publisher = client.publisher().start();
    publisher.try_publish("t", &NewEvent::new("one")).unwrap();
    let delivered = publisher.close().await;
    assert_eq!((delivered.published, delivered.failed), (0, 1));
    assert!(delivered.error.unwrap().is_transient());
}
