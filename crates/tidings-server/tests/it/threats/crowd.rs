use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use tidings_testkit::{Event, PATIENCE, Parser};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// One of very many readers: a task instead of a thread, and little memory here and in the kernel.
pub(super) struct Visitor {
    stream: BufReader<TcpStream>,
    parser: Parser,
    events: VecDeque<Event>,
    /// The id of the last event taken.
    pub(super) id: Option<String>,
}

impl Visitor {
    /// Opens `/api/events/stream?QUERY`, behind an id or not.
    pub(super) async fn open(address: SocketAddr, query: &str, id: Option<&str>) -> Self {
        let id = id.map(|id| format!("Last-Event-ID: {id}\r\n"));
        let request = format!(
            "GET /api/events/stream?{query} HTTP/1.1\r\nHost: {address}\r\n{}\r\n",
            id.unwrap_or_default()
        );
        let opened = timeout(LONG, async {
            let socket = TcpSocket::new_v4()?;
            socket.set_recv_buffer_size(8 << 10)?;
            let mut stream = socket.connect(address).await?;
            stream.write_all(request.as_bytes()).await?;
            let mut stream = BufReader::with_capacity(1 << 10, stream);
            let mut line = String::new();
            stream.read_line(&mut line).await?;
            assert!(line.starts_with("HTTP/1.1 200"), "{line:?}");
            while line != "\r\n" {
                line.clear();
                stream.read_line(&mut line).await?;
            }
            std::io::Result::Ok(stream)
        });
        Self {
            stream: opened.await.expect("an answer in time").expect("a stream"),
            parser: Parser::default(),
            events: VecDeque::new(),
            id: None,
        }
    }

    /// The next event; `None` once the stream has ended or was cut.
    pub(super) async fn next(&mut self) -> Option<Event> {
        while self.events.is_empty() {
            let chunk = timeout(LONG, self.chunk()).await;
            let chunk = chunk.expect("something to read in time")?;
            self.feed(&chunk);
        }
        let event = self.events.pop_front()?;
        if event.id.is_some() {
            self.id.clone_from(&event.id);
        }
        Some(event)
    }

    /// The position that the stream begins at.
    pub(super) async fn start(&mut self) -> String {
        loop {
            if let Some(id) = self.parser.last_event_id() {
                return id.to_owned();
            }
            let chunk = timeout(LONG, self.chunk()).await;
            let chunk = chunk.expect("something to read in time");
            let chunk = chunk.expect("a first block");
            self.feed(&chunk);
        }
    }

    /// The reconnection time last asked for, in milliseconds.
    pub(super) fn retry(&self) -> Option<u64> {
        self.parser.retry()
    }

    fn feed(&mut self, chunk: &[u8]) {
        let mut events = Vec::new();
        self.parser.feed(chunk, &mut events);
        self.events.extend(events);
    }

    async fn chunk(&mut self) -> Option<Vec<u8>> {
        let mut line = String::new();
        self.stream.read_line(&mut line).await.ok()?;
        let size = usize::from_str_radix(line.trim_end(), 16).ok()?;
        let mut chunk = vec![0; size + 2];
        self.stream.read_exact(&mut chunk).await.ok()?;
        chunk.truncate(size);
        (size > 0).then_some(chunk)
    }
}

/// A crowd takes its time on a small machine.
const LONG: Duration = PATIENCE.saturating_mul(3);
