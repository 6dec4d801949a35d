use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Instant;

use crate::connection::{Connection, End, Framing, tail};
use crate::event::{Event, Parser};
use crate::message::{Head, Request};
use crate::patience::PATIENCE;

/// What stands before the first event of every stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preamble {
    /// The reconnection time in milliseconds.
    pub retry: u64,
    /// The position the stream starts at; absent with `ids=off`.
    pub id: Option<String>,
    /// The length of the block with its blank line.
    pub length: usize,
}

/// One open event stream.
///
/// Reading blocks for at most [`PATIENCE`]. Nothing is read ahead beyond one
/// buffer, so a reader that is not asked for anything is a reader that has stopped reading.
#[derive(Debug)]
pub struct StreamReader {
    connection: Connection,
    head: Head,
    framing: Framing,
    body: Vec<u8>,
    parser: Parser,
    events: VecDeque<Event>,
    cursor: Option<String>,
}

impl StreamReader {
    /// Sends `request` on its own connection and reads the answer's head, whatever its status.
    ///
    /// # Panics
    ///
    /// When no head comes.
    #[must_use]
    #[track_caller]
    pub fn open(address: SocketAddr, request: &Request) -> Self {
        let mut connection = Connection::open(address);
        let _ = connection.begin(request); // Explained by what is read.
        match connection.read_head(request.is_head()) {
            Ok((head, framing)) => Self {
                connection,
                head,
                framing,
                body: Vec::new(),
                parser: Parser::default(),
                events: VecDeque::new(),
                cursor: None,
            },
            Err(error) => panic!("no answer to {request:?}: {error}"),
        }
    }

    /// Status and headers.
    #[must_use]
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The status code.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// The body read so far, without its transfer framing.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The comments read so far.
    #[must_use]
    pub fn comments(&self) -> &[String] {
        self.parser.comments()
    }

    /// The id to resume with so as to receive what follows the events taken from this reader.
    ///
    /// # Panics
    ///
    /// When neither an event taken nor the first block carried an id.
    #[track_caller]
    pub fn last_event_id(&mut self) -> String {
        match &self.cursor {
            Some(id) => id.clone(),
            None => self.start(),
        }
    }

    /// The reconnection time last asked for, in milliseconds.
    #[must_use]
    pub fn retry(&self) -> Option<u64> {
        self.parser.retry()
    }

    /// Waits for the first block and returns it.
    ///
    /// # Panics
    ///
    /// When the stream ends before, or the block holds anything but `retry` and `id`.
    #[track_caller]
    pub fn preamble(&mut self) -> Preamble {
        let end = self.read_until(|body| find(body, b"\n\n"));
        let block = String::from_utf8_lossy(&self.body[..end]).into_owned();
        let mut lines = block.lines();
        let retry = lines.next().and_then(|line| line.strip_prefix("retry: "));
        let id = lines.next().map(|line| line.strip_prefix("id: "));
        match (retry.map(str::parse), id, lines.next()) {
            (Some(Ok(retry)), None | Some(Some(_)), None) => Preamble {
                retry,
                id: id.flatten().map(str::to_owned),
                length: end + 2,
            },
            _ => panic!("not the first block of a stream: {block:?}"),
        }
    }

    /// The id in the first block.
    ///
    /// # Panics
    ///
    /// When there is none.
    #[track_caller]
    pub fn start(&mut self) -> String {
        self.preamble().id.expect("a position in the first block")
    }

    /// The next event, or `None` at the end of the stream.
    #[track_caller]
    pub fn next_event(&mut self) -> Option<Event> {
        let start = Instant::now();
        while self.events.is_empty() && self.end().is_none() {
            self.read(start);
        }
        let event = self.events.pop_front()?;
        if event.id.is_some() {
            self.cursor.clone_from(&event.id);
        }
        Some(event)
    }

    /// The next event, which has to come.
    ///
    /// # Panics
    ///
    /// When the stream ends instead.
    #[track_caller]
    pub fn event(&mut self) -> Event {
        match self.next_event() {
            Some(event) => event,
            None => panic!("the stream ended ({:?}) before another event", self.end()),
        }
    }

    /// The next event, which has to be of this type.
    ///
    /// # Panics
    ///
    /// When it is another one or the stream ends.
    #[track_caller]
    pub fn expect(&mut self, name: &str) -> Event {
        let event = self.event();
        assert_eq!(event.event, name, "{event:?}");
        event
    }

    /// The next `count` events.
    ///
    /// # Panics
    ///
    /// When the stream ends before.
    #[track_caller]
    pub fn take(&mut self, count: usize) -> Vec<Event> {
        let mut events = Vec::with_capacity(count);
        while events.len() < count {
            events.push(self.event());
        }
        events
    }

    /// The events up to and including the first that `last` accepts.
    ///
    /// # Panics
    ///
    /// When the stream ends before.
    #[track_caller]
    pub fn until(&mut self, last: impl Fn(&Event) -> bool) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            let event = self.event();
            let found = last(&event);
            events.push(event);
            if found {
                return events;
            }
        }
    }

    /// All events to the end of the stream, and how it ended.
    #[track_caller]
    pub fn read_to_end(&mut self) -> (Vec<Event>, End) {
        let mut events = Vec::new();
        while let Some(event) = self.next_event() {
            events.push(event);
        }
        (events, self.end().unwrap_or(End::Cut))
    }

    /// All events to the end of the stream, which has to be a clean one.
    ///
    /// # Panics
    ///
    /// When the stream is cut.
    #[track_caller]
    pub fn rest(&mut self) -> Vec<Event> {
        let (events, end) = self.read_to_end();
        assert_eq!(end, End::Clean, "after {:?}", events.last());
        events
    }

    /// Waits until `found` finds something in the body and returns where.
    ///
    /// # Panics
    ///
    /// When the stream ends before.
    #[track_caller]
    pub fn read_until(&mut self, found: impl Fn(&[u8]) -> Option<usize>) -> usize {
        let start = Instant::now();
        loop {
            if let Some(at) = found(&self.body) {
                return at;
            }
            if let Some(end) = self.end() {
                let body = String::from_utf8_lossy(&self.body);
                panic!("the stream ended ({end:?}) after {body:?}");
            }
            self.read(start);
        }
    }

    /// Breaks the connection with a TCP reset.
    pub fn reset(self) {
        self.connection.reset();
    }

    fn end(&self) -> Option<End> {
        match self.framing {
            Framing::Ended(end) => Some(end),
            Framing::Length(_) | Framing::Chunk(_) | Framing::NextChunk | Framing::UntilClose => {
                None
            }
        }
    }

    #[track_caller]
    fn read(&mut self, start: Instant) {
        // Comments keep a silent stream from reaching the socket's own timeout.
        assert!(
            start.elapsed() < PATIENCE,
            "nothing more to see after {PATIENCE:?}; the body so far ends with {:?}",
            tail(&self.body)
        );
        let before = self.body.len();
        self.framing = self.connection.read_body(self.framing, &mut self.body);
        let mut events = Vec::new();
        self.parser.feed(&self.body[before..], &mut events);
        self.events.extend(events);
    }
}

fn find(body: &[u8], wanted: &[u8]) -> Option<usize> {
    body.windows(wanted.len())
        .position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    use super::StreamReader;
    use crate::{End, Request};

    const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
                        Transfer-Encoding: chunked\r\n\r\n";

    fn answer(body: &'static str) -> StreamReader {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let length = socket.read(&mut request).unwrap();
            assert!(request[..length].starts_with(b"GET /x HTTP/1.1\r\nHost: 127.0.0.1:"));
            socket.write_all(HEAD.as_bytes()).unwrap();
            socket.write_all(body.as_bytes()).unwrap();
        });
        let reader = StreamReader::open(address, &Request::get("/x"));
        server.join().unwrap();
        reader
    }

    #[test]
    fn a_complete_body_ends_clean() {
        let mut stream = answer("12\r\nretry: 7\nid: e-1\n\n\r\n9\r\ndata: a\n\n\r\n0\r\n\r\n");
        let preamble = stream.preamble();
        assert_eq!((preamble.retry, preamble.id.as_deref()), (7, Some("e-1")));
        let (events, end) = stream.read_to_end();
        assert_eq!((events.len(), end), (1, End::Clean));
        assert_eq!(stream.body(), b"retry: 7\nid: e-1\n\ndata: a\n\n");
        assert_eq!(stream.last_event_id(), "e-1");
    }

    #[test]
    fn a_body_without_its_last_chunk_is_cut() {
        for body in [
            "9\r\ndata: a\n\n\r\n",
            "9\r\ndata: a\n\n",
            "12\r\ndata: a\n\n",
            "9\r\ndata: a\n\n\r\n0\r\n",
        ] {
            let (events, end) = answer(body).read_to_end();
            assert_eq!((events.len(), end), (1, End::Cut), "{body:?}");
        }
    }

    #[test]
    #[should_panic(expected = "not the first block of a stream")]
    fn an_event_is_no_preamble() {
        let _ = answer("12\r\nretry: 7\ndata: a\n\n\r\n0\r\n\r\n").preamble();
    }
}
