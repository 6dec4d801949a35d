use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

/// What comes over the wire for a request, from the first byte to the last.
async fn wire(site: &Site, request: &str, end: &str) -> String {
    let mut socket = TcpStream::connect(site.address).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut read = String::new();
    while !read.ends_with(end) {
        read.push(char::from(socket.read_u8().await.unwrap()));
    }
    read
}

fn without(text: &str, header: &str) -> String {
    let keep = |line: &&str| !line.starts_with(header);
    text.split_inclusive('\n').filter(keep).collect()
}

#[tokio::test]
async fn head_and_first_blocks_are_the_same_to_the_byte_but_for_the_close() {
    let broker = broker().build();
    for data in ["1", "2", "3"] {
        publish(&broker, "a", Event::new(data)).await;
    }
    let subscription = to("a").start_at(tidings::StartAt::Start);
    let engine = Site::of(Drain::Engine, &broker, subscription.clone()).await;
    let body = Site::of(Drain::Body, &broker, subscription).await;
    let request = "GET / HTTP/1.1\r\nhost: test\r\n\r\n";

    let of_engine = wire(&engine, request, "data: 3\n\n\r\n").await;
    let of_body = wire(&body, request, "data: 3\n\n\r\n").await;

    assert!(
        of_engine.contains("\r\nconnection: close\r\n"),
        "{of_engine}"
    );
    assert!(!of_body.contains("connection:"), "{of_body}");
    assert!(
        of_body.contains("\r\ntransfer-encoding: chunked\r\n"),
        "{of_body}"
    );
    let of_engine = without(&without(&of_engine, "connection:"), "date:");
    assert_eq!(of_engine, without(&of_body, "date:"));
}

#[tokio::test]
async fn a_stream_that_the_engines_write_has_no_task() {
    let broker = broker().build();
    let site = Site::of(Drain::Engine, &broker, to("a")).await;
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    let before = tasks();

    let mut readers = Vec::new();
    for _ in 0..10 {
        readers.push(site.read().await);
    }
    while tasks() > before {
        tokio::task::yield_now().await;
    }

    publish(&broker, "a", Event::new("1")).await;
    for reader in &mut readers {
        reader.until("data: 1\n\n").await;
    }
}

#[tokio::test]
async fn a_stream_follows_other_answers_on_a_connection() {
    let broker = broker().build();
    let router =
        route(&broker, to("a"), quiet()).route("/hello", axum::routing::get(async || "hello"));
    let site = Site::start(Drain::Engine, router, ServeLimits::default()).await;
    let hello = "GET /hello HTTP/1.1\r\nhost: test\r\n\r\n";
    let stream = "GET / HTTP/1.1\r\nhost: test\r\n\r\n";

    let read = wire(&site, &format!("{hello}{hello}{stream}"), "\n\n\r\n").await;

    assert_eq!(read.matches("HTTP/1.1 200 OK").count(), 3, "{read}");
    assert_eq!(read.matches("connection: close").count(), 1, "{read}");
}

#[tokio::test]
async fn http_1_0_and_head_requests_are_answered_by_the_runtime() {
    let broker = broker().build();
    let site = Site::of(Drain::Engine, &broker, to("a")).await;

    let old = wire(&site, "GET / HTTP/1.0\r\n\r\n", "\n\n").await;
    let head = wire(&site, "HEAD / HTTP/1.1\r\nhost: test\r\n\r\n", "\r\n\r\n").await;

    assert!(old.starts_with("HTTP/1.0 200 OK"), "{old}");
    assert!(
        old.ends_with(&format!("\r\n\r\nretry: 0\nid: {}\n\n", broker.position())),
        "{old}"
    );
    assert!(head.contains("content-type: text/event-stream"), "{head}");
    assert!(!head.contains("connection: close"), "{head}");
}

#[tokio::test]
async fn a_stream_in_answer_to_a_form_is_written_by_the_engines() {
    let broker = broker().build();
    let subscriptions = broker.clone();
    let answer = async move |_: axum::body::Bytes| {
        let subscriber = subscriptions.subscribe(to("a")).unwrap();
        tidings_http::EventStream::new(subscriber, quiet())
    };
    let router = Router::new().route("/", axum::routing::post(answer));
    let site = Site::start(Drain::Engine, router, ServeLimits::default()).await;
    let request = "POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 4\r\n\r\na=bc";

    let read = wire(&site, request, "\n\n\r\n").await;

    assert!(read.contains("connection: close"), "{read}");
}
