use futures_util::StreamExt;
use tidings_client::SubscribeError;

use crate::script::{Server, all_data, event, held_stream, no_content, stream};

fn enveloped(id: &str, topic: &str, is_final: bool) -> String {
    format!(
        "id: {id}\ndata: {{\"id\":\"{id}\",\"topic\":\"{topic}\",\"event\":\"message\",\"data\":\"{id}\",\
         \"time\":\"2026-01-01T00:00:00.000Z\",\"final\":{is_final}}}\n\n"
    )
}

#[tokio::test]
async fn no_content_ends_the_subscription_without_an_error() {
    let server = Server::start([no_content()]).await;
    let mut subscription = server.client().subscribe(["t"]).open();
    assert!(subscription.next().await.is_none());
    assert!(subscription.next().await.is_none());
}

#[tokio::test]
async fn the_final_event_of_the_last_topic_ends_the_subscription_at_once() {
    let body = enveloped("e-1", "a", true) + &enveloped("e-2", "b", false);
    let body = body + &enveloped("e-3", "b", true);
    let mut server = Server::start([held_stream(&body)]).await;
    let subscription = server.client().subscribe(["a", "b"]).enveloped().open();
    assert_eq!(all_data(subscription).await, ["e-1", "e-2", "e-3"]);
    server.client_closed().await;
}

#[tokio::test]
async fn a_topic_that_begins_again_is_waited_for() {
    let first = enveloped("e-1", "a", true) + &enveloped("e-2", "a", false);
    let second = enveloped("e-3", "b", true) + &enveloped("e-4", "a", true);
    let server = Server::start([held_stream(&(first + &second))]).await;
    let subscription = server.client().subscribe(["a", "b"]).enveloped().open();
    assert_eq!(all_data(subscription).await, ["e-1", "e-2", "e-3", "e-4"]);
}

#[tokio::test]
async fn with_a_pattern_a_final_event_ends_nothing() {
    let server = Server::start([
        stream(&enveloped("e-1", "a", true)),
        stream(&enveloped("e-2", "b", true)),
        no_content(),
    ])
    .await;
    let subscription = server.client().subscribe(["*"]).enveloped().open();
    assert_eq!(all_data(subscription).await, ["e-1", "e-2"]);
}

#[tokio::test]
async fn an_envelope_carries_the_topic_and_what_the_hub_sent() {
    let server = Server::start([held_stream(&enveloped("e-1", "a/b", false))]).await;
    let mut subscription = server.client().subscribe(["a/*"]).enveloped().open();
    let event = event(&mut subscription).await;
    let envelope = event.envelope.unwrap();
    assert_eq!(
        (event.data.as_str(), envelope.topic.as_str()),
        ("e-1", "a/b")
    );
    let raw: serde_json::Value = serde_json::from_str(&envelope.raw).unwrap();
    assert_eq!(raw["id"], "e-1");
}

#[tokio::test]
async fn an_envelope_that_is_missing_is_an_error_after_what_came_before() {
    let body = enveloped("e-1", "a", false) + "id: e-2\ndata: bare\n\n";
    let server = Server::start([held_stream(&body)]).await;
    let mut subscription = server.client().subscribe(["a"]).enveloped().open();
    assert_eq!(event(&mut subscription).await.data, "e-1");
    let next = subscription.next().await;
    let Some(Err(SubscribeError::NoEnvelope { id, .. })) = next else {
        panic!("{next:?}");
    };
    assert_eq!(id, "e-2");
}
