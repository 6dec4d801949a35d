use futures_util::StreamExt;
use tidings_client::{GapReason, Item, SubscribeError};

use crate::script::{Reply, Server, answer, event, held_stream, no_content};

const GAP: &str = "id: e-4\ndata: four\n\n\
    id: e-5\nevent: tidings.gap\ndata: {\"reason\":\"evicted\",\"requested\":\"e-1\",\"oldest\":\"e-6\"}\n\n\
    id: e-6\ndata: six\n\n";

#[tokio::test]
async fn a_gap_can_be_the_end() {
    let mut server = Server::start([held_stream(GAP)]).await;
    let mut subscription = server.client().subscribe(["t"]).stop_at_gap().open();
    assert_eq!(event(&mut subscription).await.data, "four");
    let Some(Err(error @ SubscribeError::Gap(_))) = subscription.next().await else {
        panic!("the gap is an error");
    };
    assert_eq!(
        error.to_string(),
        "events are missing: the hub no longer has all of them"
    );
    assert!(subscription.next().await.is_none());
    server.client_closed().await;
}

#[tokio::test]
async fn a_snapshot_is_read_after_a_gap_and_given_before_what_follows() {
    let snapshot = answer("200 OK", "Content-Type: application/json\r\n", r#"{"n":5}"#);
    let mut server = Server::start([held_stream(GAP), snapshot]).await;
    let client = server.client_with(|builder| builder.bearer_token("t"));
    let subscribe = client.subscribe(["t"]).refetch_after_gap("api/x?a=1");
    let mut subscription = subscribe.unwrap().open();
    assert_eq!(event(&mut subscription).await.data, "four");
    let Some(Ok(Item::Gap(gap))) = subscription.next().await else {
        panic!("a gap");
    };
    assert_eq!(gap.reason, GapReason::Evicted);
    let Some(Ok(Item::Snapshot(snapshot))) = subscription.next().await else {
        panic!("a snapshot");
    };
    assert_eq!(snapshot.json::<serde_json::Value>().unwrap()["n"], 5);
    assert_eq!(event(&mut subscription).await.data, "six");
    server.request().await;
    let request = server.request().await;
    assert_eq!(request.line, "GET /api/x?a=1");
    assert_eq!(request.header("authorization"), Some("Bearer t"));
    assert_eq!(request.header("last-event-id"), None);
}

#[tokio::test]
async fn a_snapshot_that_fails_is_tried_again_and_nothing_is_skipped() {
    let mut server = Server::start([
        held_stream(GAP),
        Reply::Close(String::new()),
        held_stream(": nothing new\n"),
        answer("503 Busy", "", ""),
        no_content(),
        answer("200 OK", "", "whole"),
    ])
    .await;
    let subscribe = server.client().subscribe(["t"]).refetch_after_gap("api/x");
    let subscription = subscribe.unwrap().open();
    let items: Vec<_> = subscription.map(Result::unwrap).collect().await;
    let [
        Item::Event(_),
        Item::Gap(_),
        Item::Snapshot(snapshot),
        Item::Event(last),
    ] = items.as_slice()
    else {
        panic!("{items:?}");
    };
    assert_eq!(
        (snapshot.body.as_str(), last.data.as_str()),
        ("whole", "six")
    );
    for expected in [None, None, Some("e-6"), None, Some("e-6"), None] {
        assert_eq!(server.request().await.header("last-event-id"), expected);
    }
}

#[tokio::test]
async fn a_snapshot_that_is_refused_is_the_end() {
    let server = Server::start([held_stream(GAP), answer("404 Gone", "", "")]).await;
    let subscribe = server.client().subscribe(["t"]).refetch_after_gap("api/x");
    let mut subscription = subscribe.unwrap().open();
    assert_eq!(event(&mut subscription).await.data, "four");
    assert!(matches!(subscription.next().await, Some(Ok(Item::Gap(_)))));
    let next = subscription.next().await;
    assert!(matches!(next, Some(Err(SubscribeError::Snapshot(problem))) if problem.status == 404));
    assert!(subscription.next().await.is_none());
}
