use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::*;

#[tokio::test]
async fn handlers_know_the_peer() {
    let server = start(ServeLimits::default()).await;
    let mut stream = server.connect().await;
    let local = stream.local_addr().unwrap().to_string();

    stream.write_all(REMOTE_AND_CLOSE.as_bytes()).await.unwrap();

    let answer = read_to_end(&mut stream).await;
    assert!(answer.ends_with(&local), "{answer}");
}

#[tokio::test]
async fn a_connection_serves_one_request_after_another() {
    let server = start(ServeLimits::default()).await;
    let mut stream = server.idle_connection().await;

    stream.write_all(REMOTE_AND_CLOSE.as_bytes()).await.unwrap();

    let second = read_to_end(&mut stream).await;
    assert!(second.starts_with("HTTP/1.1 200"), "{second}");
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let server = start(ServeLimits::default()).await;
    let echo = "POST /echo HTTP/1.1\r\nhost: test\r\ncontent-length: 5\r\n\r\nfirst";

    let answers = server.exchange(&format!("{echo}{REMOTE_AND_CLOSE}")).await;

    let (first, second) = answers.split_once("first").unwrap();
    assert!(first.starts_with("HTTP/1.1 200"), "{first}");
    assert!(second.starts_with("HTTP/1.1 200"), "{second}");
}

#[tokio::test]
async fn a_head_over_16_kib_is_refused_to_a_client_that_is_still_sending_it() {
    let server = start(ServeLimits::default()).await;
    let flood = "x".repeat(2_000_000);

    let answer = server
        .exchange(&format!(
            "GET / HTTP/1.1\r\nhost: test\r\nx: {flood}\r\n\r\n"
        ))
        .await;

    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn a_head_of_more_than_100_fields_is_refused() {
    let server = start(ServeLimits::default()).await;
    let fields = "x: y\r\n".repeat(101);

    let answer = server
        .exchange(&format!("GET / HTTP/1.1\r\n{fields}\r\n"))
        .await;

    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn a_router_can_be_served_without_further_ado() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/", get(async || "hello"));
    let server = tokio::spawn(tidings_http::serve(listener, router));

    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = "GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();

    let answer = read_to_end(&mut stream).await;
    assert!(answer.ends_with("hello"), "{answer}");
    server.abort();
}
