use std::mem;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::Drain;

/// One reader of a stream, with little room for what it has not read.
pub(super) struct Reader {
    pub(super) drain: Drain,
    source: Source,
    /// What has been read of the body, and not been taken.
    text: String,
    end: Option<End>,
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// As its framing says.
    Whole,
    /// In the middle.
    Cut,
}

enum Source {
    Plain(Plain),
    Http2(
        Incoming,
        #[expect(dead_code, reason = "held open")] SendRequest<Empty<Bytes>>,
    ),
}

/// The body of a response in chunks.
pub(super) struct Plain {
    pub(super) socket: TcpStream,
    pub(super) head: String,
    /// Read, but not yet decoded.
    raw: Vec<u8>,
    /// The size of the chunk that is being read, and what of its data is to come.
    chunk: Option<(usize, usize)>,
}

/// A test that waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(20);

impl Reader {
    pub(super) async fn open(drain: Drain, address: SocketAddr, resume: Option<&str>) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(8 << 10).unwrap();
        let socket = socket.connect(address).await.unwrap();
        let source = if drain == Drain::Http2 {
            Self::open_http2(socket, resume).await
        } else {
            Source::Plain(Plain::open(socket, resume).await)
        };
        Self {
            drain,
            source,
            text: String::new(),
            end: None,
        }
    }

    /// A reader of a connection that has had its head.
    pub(super) fn of(plain: Plain) -> Self {
        Self {
            drain: Drain::Engine,
            source: Source::Plain(plain),
            text: String::new(),
            end: None,
        }
    }

    async fn open_http2(socket: TcpStream, resume: Option<&str>) -> Source {
        let (mut client, connection) = Builder::new(TokioExecutor::new())
            .initial_stream_window_size(64 << 10)
            .initial_connection_window_size(64 << 10)
            .handshake(TokioIo::new(socket))
            .await
            .unwrap();
        tokio::spawn(connection);
        let mut request = Request::get("http://test/");
        if let Some(id) = resume {
            request = request.header("last-event-id", id);
        }
        let request = request.body(Empty::new()).unwrap();
        let response = client.send_request(request).await.unwrap();
        assert_eq!(response.status(), 200);
        Source::Http2(response.into_body(), client)
    }

    /// The connection itself.
    pub(super) fn plain(&mut self) -> &mut Plain {
        match &mut self.source {
            Source::Plain(plain) => plain,
            Source::Http2(..) => panic!("a stream among others"),
        }
    }

    /// Reads up to and with `end`, and takes it all.
    pub(super) async fn until(&mut self, end: &str) -> String {
        let mut searched = 0;
        loop {
            if let Some(at) = self.text[searched..].find(end) {
                let rest = self.text.split_off(searched + at + end.len());
                return mem::replace(&mut self.text, rest);
            }
            searched = self.text.len().saturating_sub(end.len());
            let more = self.more().await;
            assert!(more, "{:?} before {end:?}, after {:?}", self.end, self.text);
        }
    }

    /// Reads to the end, and takes nothing.
    pub(super) async fn end(&mut self) -> End {
        while self.more().await {}
        self.end.unwrap()
    }

    /// What has been read and not been taken.
    pub(super) fn into_text(self) -> String {
        self.text
    }

    async fn more(&mut self) -> bool {
        if self.end.is_some() {
            return false;
        }
        let piece = match &mut self.source {
            Source::Plain(plain) => timeout(PATIENCE, plain.piece()).await,
            Source::Http2(body, _) => {
                timeout(PATIENCE, async {
                    match Pin::new(body).frame().await {
                        None => Err(End::Whole),
                        Some(Err(_)) => Err(End::Cut),
                        Some(Ok(frame)) => Ok(frame.into_data().unwrap().to_vec()),
                    }
                })
                .await
            }
        };
        match piece.unwrap_or_else(|_| panic!("nothing more after {:?}", self.text)) {
            Ok(piece) => self.text.push_str(std::str::from_utf8(&piece).unwrap()),
            Err(end) => self.end = Some(end),
        }
        self.end.is_none()
    }
}

impl Plain {
    async fn open(mut socket: TcpStream, resume: Option<&str>) -> Self {
        let resume = resume.map_or_else(String::new, |id| format!("last-event-id: {id}\r\n"));
        let request = format!("GET / HTTP/1.1\r\nhost: test\r\n{resume}\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        Self::begin(socket).await
    }

    /// Reads the head of the answer.
    pub(super) async fn begin(mut socket: TcpStream) -> Self {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            head.push(char::from(socket.read_u8().await.unwrap()));
        }
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        Self {
            socket,
            head,
            raw: Vec::new(),
            chunk: None,
        }
    }

    /// The next data, as soon as some is there: a chunk may be large. All of it is ASCII here.
    async fn piece(&mut self) -> Result<Vec<u8>, End> {
        loop {
            match self.chunk {
                None => {
                    if let Some(line) = self.raw.windows(2).position(|pair| pair == b"\r\n") {
                        let size = std::str::from_utf8(&self.raw[..line]).unwrap();
                        let size = usize::from_str_radix(size, 16).unwrap();
                        self.chunk = Some((size, size));
                        self.raw.drain(..line + 2);
                        continue;
                    }
                }
                Some((size, 0)) => {
                    if self.raw.len() >= 2 {
                        assert!(self.raw.drain(..2).eq(*b"\r\n"));
                        self.chunk = None;
                        if size > 0 {
                            continue;
                        }
                        assert_eq!(self.raw, b"", "something after the last chunk");
                        return Err(End::Whole);
                    }
                }
                Some((size, left)) => {
                    let taken = left.min(self.raw.len());
                    if taken > 0 {
                        self.chunk = Some((size, left - taken));
                        return Ok(self.raw.drain(..taken).collect());
                    }
                }
            }
            match self.socket.read_buf(&mut self.raw).await {
                Ok(0) | Err(_) => return Err(End::Cut),
                Ok(_) => {}
            }
        }
    }
}
