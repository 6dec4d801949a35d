//! The server loop against peers that behave and peers that do not.

mod caps;
mod closing;
mod deadlines;
mod drain;
mod http2;
mod proxies;
mod requests;
mod stalls;
#[cfg(feature = "tls")]
mod tls;

use std::io;
use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::routing::{get, post};
use bytes::Bytes;
use http::StatusCode;
use http_body_util::channel::{Channel, Sender};
use tidings_http::{Arrival, Drained, ServeLimits, Server};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// A server in the test's own runtime.
struct Running {
    address: SocketAddr,
    /// Hands out the writing half of each body that `/stream` was asked for.
    streams: mpsc::UnboundedReceiver<Sender<Bytes, io::Error>>,
    shutdown: oneshot::Sender<()>,
    server: JoinHandle<Drained>,
}

async fn start(limits: ServeLimits) -> Running {
    start_as(limits, |server| server).await
}

/// A server as `start` makes it, with something of its own.
async fn start_as(limits: ServeLimits, prepare: impl FnOnce(Server) -> Server) -> Running {
    start_at("127.0.0.1:0", limits, prepare).await
}

async fn start_at(
    place: &str,
    limits: ServeLimits,
    prepare: impl FnOnce(Server) -> Server,
) -> Running {
    let (opened, streams) = mpsc::unbounded_channel();
    let router = Router::new()
        .route("/remote", get(remote))
        .route("/arrival", get(arrival))
        .route("/echo", post(async |body: Bytes| body))
        .route("/large", get(async || LARGE))
        .route("/refuse", post(async || StatusCode::PAYLOAD_TOO_LARGE))
        .route(
            "/stream",
            get(async move || {
                let (sender, body) = Channel::new(1);
                opened.send(sender).unwrap();
                Body::new(body)
            }),
        );
    let listener = TcpListener::bind(place).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (shutdown, asked) = oneshot::channel::<()>();
    let server = prepare(Server::new(router).limits(limits));
    let server = tokio::spawn(server.run(listener, async move {
        let _ = asked.await;
    }));
    Running {
        address,
        streams,
        shutdown,
        server,
    }
}

async fn remote(ConnectInfo(remote): ConnectInfo<SocketAddr>) -> String {
    remote.to_string()
}

/// How the request has come, in words.
async fn arrival(request: axum::extract::Request) -> String {
    let arrival = request.extensions().get::<Arrival>().cloned();
    let arrival = arrival.unwrap_or_default();
    let scheme = if arrival.is_https { "https" } else { "http" };
    format!("{scheme} {}", arrival.host.unwrap_or_default())
}

impl Running {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Connects, sends `request` and reads the head of the answer.
    async fn begin(&self, request: &str) -> (TcpStream, String) {
        let mut stream = self.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let head = read_until(&mut stream, "\r\n\r\n").await;
        (stream, head)
    }

    /// Connects, sends `request` and reads until the server closes.
    async fn exchange(&self, request: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        read_to_end(&mut stream).await
    }

    /// A connection that has had an answer and asks for nothing more.
    async fn idle_connection(&self) -> TcpStream {
        let (mut stream, head) = self.begin(REMOTE).await;
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        let local = stream.local_addr().unwrap().to_string();
        read_until(&mut stream, &local).await;
        stream
    }

    /// Asks for `/stream` and takes hold of its body.
    async fn open_stream(&mut self) -> (TcpStream, Sender<Bytes, io::Error>) {
        let (stream, head) = self.begin(STREAM).await;
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        let sender = self.streams.recv().await.unwrap();
        (stream, sender)
    }
}

/// More than a stream's window and many frames.
static LARGE: [u8; 300_000] = [b'x'; 300_000];

const REMOTE: &str = "GET /remote HTTP/1.1\r\nhost: test\r\n\r\n";
const REMOTE_AND_CLOSE: &str = "GET /remote HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n";
const STREAM: &str = "GET /stream HTTP/1.1\r\nhost: test\r\n\r\n";

/// Reads up to and with `end`.
async fn read_until(stream: &mut (impl AsyncRead + Unpin), end: &str) -> String {
    let mut read = String::new();
    while !read.ends_with(end) {
        let byte = stream.read_u8().await.unwrap_or_else(|error| {
            panic!("{error} before {end:?}, after {read:?}");
        });
        read.push(char::from(byte));
    }
    read
}

/// Reads until the server has closed its half in an orderly way.
async fn read_to_end(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut read = Vec::new();
    stream.read_to_end(&mut read).await.unwrap();
    String::from_utf8(read).unwrap()
}
