//! A server that answers each request as its script says.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::StreamExt;
use tidings_client::{Client, ClientBuilder, Connection, Event, Item, Loss, Subscription};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{self, JoinHandle};

/// What the server does with a connection once it has read the request.
pub(crate) enum Reply {
    /// Sends these bytes and closes the connection.
    Close(String),
    /// Sends these bytes and leaves the connection open.
    Hold(String),
}

pub(crate) struct Server {
    pub(crate) url: String,
    requests: mpsc::UnboundedReceiver<Request>,
    closed: mpsc::UnboundedReceiver<()>,
    task: JoinHandle<()>,
}

/// Keeps a paused clock from moving by itself, which it does not while a thread is at work.
pub(crate) fn hold_clock() -> std::sync::mpsc::Sender<()> {
    let (hold, held) = std::sync::mpsc::channel();
    task::spawn_blocking(move || held.recv());
    hold
}

/// The address of a port that nobody listens on.
pub(crate) async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[derive(Debug)]
pub(crate) struct Request {
    /// Method and target.
    pub(crate) line: String,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(header, _)| header == name)
            .map(|(_, value)| value.as_str())
    }
}

impl Server {
    /// Serves the replies one after the other; after the last, nothing is accepted any more.
    pub(crate) async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (request, requests) = mpsc::unbounded_channel();
        let (close, closed) = mpsc::unbounded_channel();
        let mut replies: VecDeque<Reply> = replies.into_iter().collect();
        let task = tokio::spawn(async move {
            let mut held = Vec::new();
            while let Some(reply) = replies.pop_front() {
                let (mut socket, _) = listener.accept().await.unwrap();
                // A test that has seen enough no longer takes requests.
                let _ = request.send(read_request(&mut socket).await);
                match reply {
                    Reply::Close(bytes) => {
                        socket.write_all(bytes.as_bytes()).await.unwrap();
                        socket.shutdown().await.unwrap();
                    }
                    Reply::Hold(bytes) => {
                        socket.write_all(bytes.as_bytes()).await.unwrap();
                        let close = close.clone();
                        held.push(tokio::spawn(async move {
                            while let Ok(1..) = socket.read(&mut [0; 64]).await {}
                            let _ = close.send(());
                        }));
                    }
                }
            }
            for held in held {
                held.await.unwrap();
            }
        });
        Self {
            url,
            requests,
            closed,
            task,
        }
    }

    /// The next request.
    pub(crate) async fn request(&mut self) -> Request {
        self.requests.recv().await.expect("a request was scripted")
    }

    /// There was no request that was not looked at.
    pub(crate) fn quiet(&mut self) {
        let further = self.requests.try_recv();
        assert!(further.is_err(), "{further:?}");
    }

    /// Waits until the client has closed a connection that was held.
    pub(crate) async fn client_closed(&mut self) {
        self.closed.recv().await.expect("a held connection");
    }

    /// A client that waits next to nothing before it tries again.
    pub(crate) fn client(&self) -> Client {
        self.client_with(|builder| builder)
    }

    pub(crate) fn client_with(
        &self,
        adjust: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> Client {
        self.build(&self.url, adjust)
    }

    /// A client of an address on this server.
    pub(crate) fn client_at(&self, path: &str) -> Client {
        self.build(&format!("{}{path}", self.url), |builder| builder)
    }

    fn build(&self, url: &str, adjust: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Client {
        let builder = Client::builder(url)
            .base_delay(Duration::from_millis(1))
            .max_delay(Duration::from_millis(5));
        adjust(builder).build().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn read_request(socket: &mut TcpStream) -> Request {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        assert_ne!(socket.read_buf(&mut bytes).await.unwrap(), 0, "no request");
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let line = lines.next().unwrap().trim_end_matches(" HTTP/1.1");
    let headers: Vec<_> = lines
        .map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_lowercase(), value.to_owned())
        })
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = bytes.split_off(head_end + 4);
    while body.len() < length {
        assert_ne!(socket.read_buf(&mut body).await.unwrap(), 0, "cut body");
    }
    Request {
        line: line.to_owned(),
        headers,
        body: String::from_utf8(body).unwrap(),
    }
}

/// A complete answer with a body.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> Reply {
    Reply::Close(format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    ))
}

pub(crate) fn no_content() -> Reply {
    Reply::Close("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n".to_owned())
}

/// The head of a stream and its first bytes, with no end.
fn open_stream(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\
         Connection: close\r\n\r\n{:x}\r\n{body}\r\n",
        body.len()
    )
}

/// A stream that ends as it should.
pub(crate) fn stream(body: &str) -> Reply {
    Reply::Close(open_stream(body) + "0\r\n\r\n")
}

/// A stream that is cut.
pub(crate) fn cut_stream(body: &str) -> Reply {
    Reply::Close(open_stream(body))
}

/// A stream that stays open and silent.
pub(crate) fn held_stream(body: &str) -> Reply {
    Reply::Hold(open_stream(body))
}

/// The next item, which is an event.
pub(crate) async fn event(subscription: &mut Subscription) -> Event {
    match subscription.next().await {
        Some(Ok(Item::Event(event))) => event,
        other => panic!("expected an event, not {other:?}"),
    }
}

/// The data of all events up to the end of the subscription.
pub(crate) async fn all_data(subscription: Subscription) -> Vec<String> {
    let items: Vec<_> = subscription.collect().await;
    let events = items.into_iter().filter_map(|item| match item.unwrap() {
        Item::Event(event) => Some(event.data),
        _ => None,
    });
    events.collect()
}

/// Polls the subscription until its connection is lost, and gives why and for how long.
pub(crate) async fn loss(subscription: &mut Subscription) -> (Loss, Duration) {
    let mut connection = subscription.connection();
    loop {
        tokio::select! {
            biased;
            item = subscription.next() => assert!(matches!(item, Some(Ok(_))), "{item:?}"),
            changed = connection.changed() => {
                changed.unwrap();
                if let Connection::Waiting { reason, delay } = &*connection.borrow_and_update() {
                    return (reason.clone(), *delay);
                }
            }
        }
    }
}
