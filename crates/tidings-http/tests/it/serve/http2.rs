use std::time::Duration;

use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::time::{self, Instant};

use super::*;

/// An HTTP/2 client of `server`, and its end.
async fn connect(server: &Running) -> (SendRequest<Empty<Bytes>>, JoinHandle<hyper::Result<()>>) {
    let stream = server.connect().await;
    let (client, connection) = Builder::new(TokioExecutor::new())
        .initial_stream_window_size(64 * 1024)
        .handshake(TokioIo::new(stream))
        .await
        .unwrap();
    (client, tokio::spawn(connection))
}

async fn get(client: &mut SendRequest<Empty<Bytes>>, path: &str) -> Response<Incoming> {
    client.ready().await.unwrap();
    let request = Request::get(format!("http://test{path}"))
        .body(Empty::new())
        .unwrap();
    client.send_request(request).await.unwrap()
}

async fn text(response: Response<Incoming>) -> String {
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

#[tokio::test]
async fn a_client_with_prior_knowledge_is_understood() {
    let server = start(ServeLimits::default()).await;
    let (mut client, _connection) = connect(&server).await;

    let remote = text(get(&mut client, "/remote").await).await;

    assert!(remote.starts_with("127.0.0.1:"), "{remote}");
}

#[tokio::test]
async fn a_large_body_arrives_whole() {
    let server = start(ServeLimits::default()).await;
    let (mut client, _connection) = connect(&server).await;

    let body = text(get(&mut client, "/large").await).await;

    assert!(body.as_bytes() == LARGE);
}

#[tokio::test]
async fn a_connection_over_the_cap_is_told_to_come_back() {
    let mut limits = ServeLimits::default();
    limits.connections = 0;
    let server = start(limits).await;
    let (mut client, connection) = connect(&server).await;

    let response = get(&mut client, "/remote").await;

    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(response.headers().contains_key("retry-after"));
    drop(response);
    connection.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_connection_without_requests_is_told_to_go_away() {
    let server = start(ServeLimits::default()).await;
    let (mut client, connection) = connect(&server).await;
    let start = Instant::now();
    text(get(&mut client, "/remote").await).await;
    time::pause();

    connection.await.unwrap().unwrap();

    assert!(start.elapsed() >= Duration::from_secs(30));
}

#[tokio::test]
async fn a_stream_keeps_its_connection() {
    let mut limits = ServeLimits::default();
    limits.idle_timeout = Duration::ZERO;
    let mut server = start(limits).await;
    let (mut client, connection) = connect(&server).await;
    let stream = get(&mut client, "/stream").await;
    let sender = server.streams.recv().await.unwrap();

    for _ in 0..100 {
        text(get(&mut client, "/remote").await).await;
    }
    drop(sender);

    assert_eq!(text(stream).await, "");
    connection.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_stream_that_is_not_read_is_reset_while_another_goes_on() {
    let mut limits = ServeLimits::default();
    limits.write_timeout = Duration::from_millis(100);
    let mut server = start(limits).await;
    let (mut client, _connection) = connect(&server).await;
    let stalled = get(&mut client, "/stream").await;
    let mut to_stalled = server.streams.recv().await.unwrap();
    let reading = get(&mut client, "/stream").await;
    let mut to_reading = server.streams.recv().await.unwrap();

    let piece = Bytes::from(vec![b'x'; 16 * 1024]);
    while to_stalled.send_data(piece.clone()).await.is_ok() {}
    to_reading
        .send_data(Bytes::from("still here"))
        .await
        .unwrap();
    drop(to_reading);

    assert_eq!(text(reading).await, "still here");
    let end = stalled.into_body().collect().await;
    assert!(end.is_err(), "a stream that was cut looks complete");
}

#[tokio::test]
async fn streams_in_flight_run_on_when_the_server_drains() {
    let mut server = start(ServeLimits::default()).await;
    let (mut client, connection) = connect(&server).await;
    let response = get(&mut client, "/stream").await;
    let mut sender = server.streams.recv().await.unwrap();

    server.shutdown.send(()).unwrap();
    sender.send_data(Bytes::from("goodbye")).await.unwrap();
    drop(sender);

    assert_eq!(text(response).await, "goodbye");
    connection.await.unwrap().unwrap();
    assert_eq!(server.server.await.unwrap().cut, 0);
}

#[tokio::test]
async fn streams_that_do_not_end_are_cut_at_the_deadline() {
    let mut server = start(ServeLimits::default()).await;
    let (mut client, _connection) = connect(&server).await;
    let response = get(&mut client, "/stream").await;
    let mut sender = server.streams.recv().await.unwrap();

    time::pause();
    server.shutdown.send(()).unwrap();

    assert_eq!(server.server.await.unwrap().cut, 1);
    assert!(response.into_body().collect().await.is_err());
    // Nothing of the connection is left to take it.
    assert!(sender.send_data(Bytes::from("late")).await.is_err());
}
