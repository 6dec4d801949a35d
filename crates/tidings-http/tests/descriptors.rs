//! A process out of file descriptors. One test at a time: the limit holds for the whole process.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::File;

use axum::{Router, routing::get};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tidings::{Broker, Event, Topic};
use tidings_http::Server;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Mutex,
};

static ALONE: Mutex<()> = Mutex::const_new(());

/// Takes all descriptors there are, but one for each that is to be left.
fn take_all_but(left: usize) -> Vec<File> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, 64, hard).unwrap();
    let mut files = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        files.push(file);
    }
    files.truncate(files.len() - left);
    files
}

/// The runtime looks at its sockets at least once in so many turns.
async fn some_turns() {
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
}

async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut read = String::new();
    while !read.ends_with(end) {
        read.push(char::from(stream.read_u8().await.unwrap()));
    }
    read
}

/// A route of a topic at `/stream`, and of a word at `/`.
fn router(broker: &Broker) -> Router {
    let stream = tidings_http::sse(broker, Topic::new("t").unwrap());
    Router::new()
        .route("/stream", stream)
        .route("/", get(async || "hello"))
}

async fn publish(broker: &Broker, data: &str) {
    let topic = Topic::new("t").unwrap();
    broker.publish(topic, Event::new(data)).await.unwrap();
}

const STREAM: &[u8] = b"GET /stream HTTP/1.1\r\nhost: localhost\r\n\r\n";

#[tokio::test]
async fn a_server_without_descriptors_accepts_again_once_it_has_some() {
    let _alone = ALONE.lock().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/", get(async || "hello"));
    let server = tokio::spawn(tidings_http::serve(listener, router));

    // Room for the client's end and none for the server's.
    let files = take_all_but(1);
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    some_turns().await;

    drop(files);

    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    server.abort();
}

#[tokio::test]
async fn a_stream_needs_no_descriptor_beside_that_of_its_connection() {
    let _alone = ALONE.lock().await;
    let broker = Broker::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::new(router(&broker)).engine_threads(1);
    let server = tokio::spawn(async move { server.run(listener, std::future::pending()).await });
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";
    stream.write_all(request).await.unwrap();
    read_until(&mut stream, "hello").await;

    let _files = take_all_but(0);
    stream.write_all(STREAM).await.unwrap();

    let head = read_until(&mut stream, "\r\n\r\n").await;
    assert!(head.contains("connection: close"), "{head}");
    for data in ["1", "2"] {
        publish(&broker, data).await;
        read_until(&mut stream, &format!("data: {data}\n\n")).await;
    }
    server.abort();
}

#[tokio::test]
async fn a_server_without_descriptors_for_its_threads_has_the_runtime_write_its_streams() {
    let _alone = ALONE.lock().await;
    let broker = Broker::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let files = take_all_but(0);
    let server = Server::new(router(&broker)).engine_threads(1);
    let server = tokio::spawn(async move { server.run(listener, std::future::pending()).await });
    some_turns().await;
    drop(files);

    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(STREAM).await.unwrap();

    let head = read_until(&mut stream, "\r\n\r\n").await;
    assert!(!head.contains("connection: close"), "{head}");
    publish(&broker, "1").await;
    read_until(&mut stream, "data: 1\n\n").await;
    server.abort();
}
