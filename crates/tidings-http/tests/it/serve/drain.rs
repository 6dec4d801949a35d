use std::time::Duration;

use futures_util::FutureExt;
use tidings_http::EngineCount;
use tokio::io::AsyncWriteExt;
use tokio::time::{self, Instant};

use super::*;

#[tokio::test]
async fn the_threads_that_write_streams_are_counted_while_they_run() {
    let count = EngineCount::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Server::new(Router::new())
        .engine_threads(3)
        .engines_counted_by(count.clone());
    let (shutdown, asked) = oneshot::channel::<()>();
    assert_eq!(count.running(), 0);
    let mut running = Box::pin(server.run(listener, async move { drop(asked.await) }));
    // They are started before the first connection is waited for.
    assert!((&mut running).now_or_never().is_none());
    assert_eq!(count.running(), 3);
    shutdown.send(()).unwrap();
    running.await;
    assert_eq!(count.running(), 0);
}

#[tokio::test]
async fn streams_in_flight_run_on_to_their_end() {
    let mut server = start(ServeLimits::default()).await;
    let (mut stream, mut sender) = server.open_stream().await;

    server.shutdown.send(()).unwrap();
    sender.send_data(Bytes::from("goodbye")).await.unwrap();
    drop(sender);

    let body = read_to_end(&mut stream).await;
    assert_eq!(body, "7\r\ngoodbye\r\n0\r\n\r\n");
    assert_eq!(server.server.await.unwrap().cut, 0);
}

#[tokio::test]
async fn new_connections_get_one_answer_each_while_others_drain() {
    let mut server = start(ServeLimits::default()).await;
    let (_stream, sender) = server.open_stream().await;
    let mut idle = server.idle_connection().await;
    let Running {
        address,
        shutdown,
        server,
        ..
    } = server;
    shutdown.send(()).unwrap();
    // It closes once the server has heard of the shutdown.
    assert_eq!(read_to_end(&mut idle).await, "");

    let mut late = TcpStream::connect(address).await.unwrap();
    late.write_all(format!("{REMOTE}{REMOTE}").as_bytes())
        .await
        .unwrap();
    let answer = read_to_end(&mut late).await;
    drop(sender);

    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
    assert_eq!(server.await.unwrap().cut, 0);
}

#[tokio::test]
async fn idle_connections_do_not_hold_up_the_drain() {
    let server = start(ServeLimits::default()).await;
    let _asked = server.idle_connection().await;
    let post = "POST /echo HTTP/1.1\r\nhost: test\r\ncontent-length: 4\r\n\r\nbody";
    let (mut posted, _head) = server.begin(post).await;
    read_until(&mut posted, "body").await;
    time::pause();
    let start = Instant::now();

    server.shutdown.send(()).unwrap();

    assert_eq!(server.server.await.unwrap().cut, 0);
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn a_connection_without_a_request_holds_up_the_drain_for_a_moment_only() {
    let mut server = start(ServeLimits::default()).await;
    let mut silent = server.connect().await;
    // Accepted in order: the silent one is in by the time that this one is answered.
    let (_stream, sender) = server.open_stream().await;
    drop(sender);
    time::pause();
    let start = Instant::now();

    server.shutdown.send(()).unwrap();

    assert_eq!(server.server.await.unwrap().cut, 0);
    assert!(start.elapsed() < Duration::from_secs(2));
    assert_eq!(read_to_end(&mut silent).await, "");
}

#[tokio::test]
async fn what_does_not_end_is_cut_at_the_deadline() {
    let mut server = start(ServeLimits::default()).await;
    let (mut stream, _sender) = server.open_stream().await;
    time::pause();
    let start = Instant::now();

    server.shutdown.send(()).unwrap();

    assert_eq!(server.server.await.unwrap().cut, 1);
    assert_eq!(start.elapsed().as_secs(), 30);
    assert_eq!(read_to_end(&mut stream).await, "");
}

#[tokio::test]
async fn dropping_the_server_cuts_its_connections() {
    let mut server = start(ServeLimits::default()).await;
    let (mut stream, _sender) = server.open_stream().await;

    server.server.abort();

    assert_eq!(read_to_end(&mut stream).await, "");
    assert!(TcpStream::connect(server.address).await.is_err());
}
