use futures_util::StreamExt;
use tidings_client::{GapReason, Item, Start};

use crate::script::{Server, all_data, cut_stream, event, no_content, stream};

#[tokio::test]
async fn the_first_request_asks_for_what_was_described() {
    let mut server = Server::start([no_content()]).await;
    let subscribe = server.client().subscribe(["a/*", "b"]).event("note");
    let subscription = subscribe.from(Start::Last(3)).open();
    assert!(all_data(subscription).await.is_empty());
    let request = server.request().await;
    assert_eq!(
        request.line,
        "GET /api/events/stream?topic=a%2F*&topic=b&event=note&from=last%3A3"
    );
    assert_eq!(request.header("accept"), Some("text/event-stream, */*"));
    assert_eq!(request.header("cache-control"), Some("no-cache"));
    assert_eq!(request.header("last-event-id"), None);
}

#[tokio::test]
async fn a_cut_stream_goes_on_after_the_last_event() {
    let mut server = Server::start([
        cut_stream("id: e-1\ndata: one\n\nid: e-2\ndata: two\n\nid: e-3\ndata: lost"),
        stream("id: e-3\ndata: three\n\n"),
        no_content(),
    ])
    .await;
    let subscription = server.client().subscribe(["t"]).open();
    assert_eq!(all_data(subscription).await, ["one", "two", "three"]);
    assert_eq!(server.request().await.header("last-event-id"), None);
    assert_eq!(server.request().await.header("last-event-id"), Some("e-2"));
    assert_eq!(server.request().await.header("last-event-id"), Some("e-3"));
}

#[tokio::test]
async fn a_stream_cut_before_its_first_event_goes_on_from_its_start_position() {
    let mut server = Server::start([
        cut_stream("retry: 100\nid: e-41\n\n: keepalive\n"),
        no_content(),
    ])
    .await;
    let subscription = server.client().subscribe(["t"]).open();
    assert!(all_data(subscription).await.is_empty());
    server.request().await;
    assert_eq!(server.request().await.header("last-event-id"), Some("e-41"));
}

#[tokio::test]
async fn a_given_id_is_where_it_starts() {
    let mut server = Server::start([no_content()]).await;
    let start = Start::After("e-7".to_owned());
    let subscription = server.client().subscribe(["t"]).from(start).open();
    assert!(all_data(subscription).await.is_empty());
    let request = server.request().await;
    assert_eq!(request.line, "GET /api/events/stream?topic=t");
    assert_eq!(request.header("last-event-id"), Some("e-7"));
}

#[tokio::test]
async fn an_event_that_comes_twice_is_given_once() {
    let server = Server::start([
        cut_stream("id: e-1\ndata: one\n\nid: e-2\ndata: two\n\n"),
        stream("id: e-1\ndata: one\n\nid: e-2\ndata: two\n\nid: e-10\ndata: ten\n\n"),
        no_content(),
    ])
    .await;
    let subscription = server.client().subscribe(["t"]).open();
    assert_eq!(all_data(subscription).await, ["one", "two", "ten"]);
}

#[tokio::test]
async fn after_a_gap_of_epochs_lower_ids_are_new() {
    let gap = r#"{"reason":"unknown-id","requested":"e-9","oldest":null}"#;
    let server = Server::start([
        cut_stream("id: e-9\ndata: nine\n\n"),
        stream(&format!(
            "event: tidings.gap\ndata: {gap}\n\nid: e-2\ndata: two\n\n"
        )),
        no_content(),
    ])
    .await;
    let mut subscription = server.client().subscribe(["t"]).open();
    assert_eq!(event(&mut subscription).await.data, "nine");
    let Some(Ok(Item::Gap(gap))) = subscription.next().await else {
        panic!("a gap");
    };
    assert_eq!(gap.reason, GapReason::UnknownId);
    assert_eq!(event(&mut subscription).await.data, "two");
    assert!(subscription.next().await.is_none());
}

#[tokio::test]
async fn control_events_are_typed() {
    let server = Server::start([
        stream(
            "event: tidings.connected\ndata: {\"connection_id\":\"c1\",\"topics\":[\"t\"]}\n\n\
             event: tidings.resumed\ndata: {\"from\":\"e-1\",\"count\":4}\n\n\
             event: tidings.error\ndata: {\"code\":\"slow\",\"message\":\"m\",\"retryable\":true}\n\n\
             event: tidings.goodbye\ndata: {\"reason\":\"drain\",\"retry_after_ms\":1}\n\n",
        ),
        no_content(),
    ])
    .await;
    let subscription = server.client().subscribe(["t"]).open();
    let items: Vec<_> = subscription.map(Result::unwrap).collect().await;
    let [
        Item::Connected(connected),
        Item::Resumed(resumed),
        Item::Error(error),
        Item::Goodbye(goodbye),
    ] = items.as_slice()
    else {
        panic!("{items:?}");
    };
    assert_eq!(connected.connection_id, "c1");
    assert_eq!((resumed.from.as_deref(), resumed.count), (Some("e-1"), 4));
    assert!(error.retryable);
    assert_eq!(goodbye.reason, "drain");
}

#[tokio::test]
async fn many_selectors_travel_in_a_form() {
    let selectors: Vec<String> = (0..100)
        .map(|n| format!("{n}/{}", "x".repeat(500)))
        .collect();
    let mut server = Server::start([no_content()]).await;
    let subscription = server.client().subscribe(selectors.clone()).open();
    assert!(all_data(subscription).await.is_empty());
    let request = server.request().await;
    assert_eq!(request.line, "POST /api/events/stream");
    let form = Some("application/x-www-form-urlencoded;charset=UTF-8");
    assert_eq!(request.header("content-type"), form);
    assert_eq!(request.body.matches("topic=").count(), selectors.len());
}
