use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::join;
use http::Request;
use tidings_client::{
    Client, Connection, Exchange, Loss, NewEvent, SubscribeError, Transport, TransportError,
};
use tokio::time;

use crate::script::{
    Reply, Server, all_data, answer, cut_stream, event, held_stream, hold_clock, loss, no_content,
    nobody, stream,
};

/// Longer than the idle timeout.
const SILENCE: Duration = Duration::from_secs(46);

/// Longer than these clients wait before they try again.
const WAIT: Duration = Duration::from_secs(1);

#[tokio::test]
async fn every_kind_of_loss_is_tried_again() {
    let server = Server::start([
        Reply::Close(String::new()),
        Reply::Close("HTTP/1.1 200 O".to_owned()),
        Reply::Close("SSH-2.0-OpenSSH\r\n".to_owned()),
        cut_stream("data: cut"),
        stream(": ended\n"),
        stream("data: here\n\n"),
        no_content(),
    ])
    .await;
    let subscription = server.client().subscribe(["t"]).open();
    assert_eq!(all_data(subscription).await, ["here"]);
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_is_taken_for_dead() {
    let _clock = hold_clock();
    let mut server = Server::start([held_stream("id: e-1\ndata: one\n\n"), no_content()]).await;
    let mut subscription = server.client().subscribe(["t"]).open();
    assert_eq!(event(&mut subscription).await.data, "one");
    let ((loss, _), ()) = join(loss(&mut subscription), time::advance(SILENCE)).await;
    assert!(matches!(loss, Loss::Idle), "{loss:?}");
    server.client_closed().await;
    let (data, ()) = join(all_data(subscription), time::advance(WAIT)).await;
    assert!(data.is_empty());
    server.request().await;
    assert_eq!(server.request().await.header("last-event-id"), Some("e-1"));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_answer_is_taken_for_dead() {
    let _clock = hold_clock();
    let mut server = Server::start([Reply::Hold(String::new()), no_content()]).await;
    let mut subscription = server.client().subscribe(["t"]).open();
    let silence = async {
        server.request().await;
        time::advance(SILENCE).await;
    };
    let ((loss, _), ()) = join(loss(&mut subscription), silence).await;
    assert!(matches!(loss, Loss::Idle), "{loss:?}");
    let (data, ()) = join(all_data(subscription), time::advance(WAIT)).await;
    assert!(data.is_empty());
}

#[tokio::test]
async fn an_unreachable_server_is_a_loss_that_names_its_cause() {
    let client = Client::builder(nobody().await).build().unwrap();
    let mut subscription = client.subscribe(["t"]).open();
    let (reason, _) = loss(&mut subscription).await;
    let Loss::Transport(error) = &reason else {
        panic!("{reason:?}");
    };
    assert!(error.is_connect());
    assert!(reason.to_string().contains("refused"), "{reason}");
}

/// Can send nothing.
#[derive(Clone, Debug, Default)]
struct Unable {
    asked: Arc<AtomicUsize>,
}

impl Transport for Unable {
    fn send(&self, _: Request<Bytes>) -> Exchange<'_> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Box::pin(async { Err(TransportError::settings("no such method")) })
    }
}

#[tokio::test]
async fn what_cannot_be_sent_is_an_error_and_not_tried_again() {
    let unable = Unable::default();
    let builder = Client::builder("http://example.org/").transport(unable.clone());
    let client = builder
        .base_delay(Duration::ZERO)
        .attempts(3)
        .build()
        .unwrap();
    let next = client.stream().open().next().await;
    assert!(
        matches!(next, Some(Err(SubscribeError::Request(_)))),
        "{next:?}"
    );
    let published = client.publish("t", NewEvent::new("a")).await;
    assert!(!published.unwrap_err().is_transient());
    assert_eq!(unable.asked.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn the_wait_is_at_least_the_servers_reconnection_time() {
    let server = Server::start([stream("retry: 7000\ndata: one\n\n")]).await;
    let mut subscription = server.client().subscribe(["t"]).open();
    let (reason, delay) = loss(&mut subscription).await;
    assert!(matches!(reason, Loss::Closed));
    assert!(delay >= Duration::from_secs(7), "{delay:?}");
}

#[tokio::test]
async fn a_reconnection_time_of_nothing_does_not_spin() {
    let server = Server::start([stream("retry: 0\n\n")]).await;
    let mut subscription = server.client().subscribe(["t"]).open();
    let (_, delay) = loss(&mut subscription).await;
    assert!(delay >= Duration::from_millis(100), "{delay:?}");
}

#[tokio::test]
async fn the_wait_is_at_least_what_retry_after_asks_for() {
    let server = Server::start([answer("503 Busy", "Retry-After: 120\r\n", "")]).await;
    let mut subscription = server.client().subscribe(["t"]).open();
    let (reason, delay) = loss(&mut subscription).await;
    assert!(matches!(reason, Loss::Unavailable(problem) if problem.status == 503));
    assert!(delay >= Duration::from_secs(120), "{delay:?}");
}

#[tokio::test]
async fn a_retry_after_date_is_waited_for() {
    let header = "Retry-After: Fri, 31 Dec 2100 23:59:59 GMT\r\n";
    let server = Server::start([answer("429 Slow down", header, "")]).await;
    let mut subscription = server.client().subscribe(["t"]).open();
    let (_, delay) = loss(&mut subscription).await;
    assert_eq!(delay, Duration::from_secs(3600));
}

#[tokio::test]
async fn a_goodbye_tells_why_and_for_how_long() {
    let server = Server::start([stream(
        "event: tidings.goodbye\ndata: {\"reason\":\"drain\",\"retry_after_ms\":9000}\n\n",
    )])
    .await;
    let mut subscription = server.client().subscribe(["t"]).open();
    let (reason, delay) = loss(&mut subscription).await;
    assert!(matches!(reason, Loss::Goodbye { reason } if reason == "drain"));
    assert!(delay >= Duration::from_secs(9), "{delay:?}");
}

#[tokio::test]
async fn what_goes_over_a_limit_twice_in_one_place_is_an_error() {
    let endless = format!("id: e-1\ndata: one\n\nid: {}\n", "x".repeat(2000));
    let server = Server::start([stream(&endless), stream(&endless)]).await;
    let mut subscription = server.client().subscribe(["t"]).open();
    assert_eq!(event(&mut subscription).await.data, "one");
    assert!(matches!(
        loss(&mut subscription).await.0,
        Loss::Undecodable(_)
    ));
    let error = subscription.next().await;
    let Some(Err(SubscribeError::Undecodable { last_event_id, .. })) = error else {
        panic!("{error:?}");
    };
    assert_eq!(last_event_id, "e-1");
}

#[tokio::test]
async fn the_connection_can_be_watched() {
    let server = Server::start([held_stream("data: one\n\n")]).await;
    let mut subscription = server.client().subscribe(["t"]).open();
    let connection = subscription.connection();
    assert!(matches!(*connection.borrow(), Connection::Connecting));
    event(&mut subscription).await;
    assert!(matches!(*connection.borrow(), Connection::Open));
}

#[tokio::test]
async fn dropping_the_subscription_closes_the_connection() {
    let mut server = Server::start([held_stream("data: one\n\n")]).await;
    let mut subscription = server.client().subscribe(["t"]).open();
    event(&mut subscription).await;
    drop(subscription);
    server.client_closed().await;
}
