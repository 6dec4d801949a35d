use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::time::{self, Instant};

use super::*;

/// Checks that a peer that sends `bytes` and no more is closed without an answer after the head
/// timeout.
async fn check_closed_without_answer(bytes: &str) {
    let server = start(ServeLimits::default()).await;
    let mut stream = server.connect().await;
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let start = Instant::now();
    time::pause();

    assert_eq!(read_to_end(&mut stream).await, "");
    assert!(start.elapsed().as_secs() == 10, "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_peer_that_sends_nothing_is_closed() {
    check_closed_without_answer("").await;
}

#[tokio::test]
async fn half_an_http2_preface_does_not_hold_a_connection() {
    check_closed_without_answer("PRI * HTTP/2.0").await;
}

#[tokio::test]
async fn half_a_head_does_not_hold_a_connection() {
    check_closed_without_answer("GET / HTTP/1.1\r\nhost: te").await;
}

#[tokio::test(start_paused = true)]
async fn a_head_that_trickles_in_does_not_move_its_deadline() {
    let server = start(ServeLimits::default()).await;
    let (mut reading, mut writing) = server.connect().await.into_split();
    let trickle = tokio::spawn(async move {
        while writing.write_all(b"G").await.is_ok() {
            time::sleep(Duration::from_secs(1)).await;
        }
    });
    let start = Instant::now();

    let mut answer = Vec::new();
    // The connection may be reset, since the server has not read the last bytes.
    let _ = reading.read_to_end(&mut answer).await;

    assert_eq!(answer, b"");
    assert_eq!(start.elapsed().as_secs(), 10);
    trickle.abort();
}

#[tokio::test]
async fn a_connection_between_requests_is_closed_after_the_idle_timeout() {
    let server = start(ServeLimits::default()).await;
    let start = Instant::now();
    let mut stream = server.idle_connection().await;
    time::pause();

    assert_eq!(read_to_end(&mut stream).await, "");
    assert!(start.elapsed() >= Duration::from_secs(30));
}

#[tokio::test]
async fn a_stream_with_nothing_to_send_is_left_alone() {
    let mut server = start(ServeLimits::default()).await;
    let (mut stream, mut sender) = server.open_stream().await;

    time::pause();
    time::sleep(Duration::from_secs(24 * 60 * 60)).await;
    time::resume();

    sender.send_data(Bytes::from("still here")).await.unwrap();
    read_until(&mut stream, "still here\r\n").await;
}
