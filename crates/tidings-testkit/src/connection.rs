use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use socket2::SockRef;

use crate::message::{Head, Request, Response};
use crate::patience::PATIENCE;

/// How a body came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The framing says that the body is complete.
    Clean,
    /// The connection broke off in the middle.
    Cut,
}

/// What of a body is still to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// This many bytes.
    Length(u64),
    /// The rest of a chunk, then more chunks.
    Chunk(u64),
    /// Another chunk, or the last one.
    NextChunk,
    /// Everything until the connection closes.
    UntilClose,
    /// Nothing more.
    Ended(End),
}

/// One HTTP/1.1 connection, kept alive between requests.
pub struct Connection {
    socket: BufReader<TcpStream>,
    host: String,
}

impl Connection {
    /// Connects to `address` and calls the server by it in `Host`.
    ///
    /// # Panics
    ///
    /// When the connection is refused.
    #[must_use]
    pub fn open(address: SocketAddr) -> Self {
        match Self::try_open(address) {
            Ok(connection) => connection,
            Err(error) => panic!("cannot connect to {address}: {error}"),
        }
    }

    pub(crate) fn try_open(address: SocketAddr) -> io::Result<Self> {
        let socket = TcpStream::connect(address)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        socket.set_nodelay(true)?;
        Ok(Self {
            socket: BufReader::new(socket),
            host: address.to_string(),
        })
    }

    /// Sends a request and reads the whole answer.
    ///
    /// A server may refuse a request before it has read all of it, so an error while writing is
    /// left for the reading to explain.
    ///
    /// # Panics
    ///
    /// When no complete answer comes.
    #[track_caller]
    pub fn send(&mut self, request: &Request) -> Response {
        match self.exchange(request) {
            Ok(answer) => answer,
            Err(error) => panic!("no answer to {request:?}: {error}"),
        }
    }

    /// Sends a request and reads the whole answer, if the server lives that long.
    #[track_caller]
    pub(crate) fn exchange(&mut self, request: &Request) -> io::Result<Response> {
        let _ = self.begin(request); // Explained by what is read.
        self.read_answer(request.is_head())
    }

    /// Reads the whole answer to a request that was written or begun.
    ///
    /// # Panics
    ///
    /// When no complete answer comes.
    #[track_caller]
    pub fn receive(&mut self) -> Response {
        match self.read_answer(false) {
            Ok(answer) => answer,
            Err(error) => panic!("no answer: {error}"),
        }
    }

    /// Writes bytes as they are, for requests that no well-behaved client sends.
    ///
    /// # Errors
    ///
    /// When the peer has closed or reset the connection.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.socket.get_mut().write_all(bytes)
    }

    /// Sends a request without waiting for anything.
    ///
    /// # Errors
    ///
    /// When the peer has closed or reset the connection.
    pub fn begin(&mut self, request: &Request) -> io::Result<()> {
        self.write(&request.to_bytes(&self.host))
    }

    /// Closes the connection with a TCP reset, as a crashing peer does.
    pub fn reset(self) {
        let linger = SockRef::from(self.socket.get_ref()).set_linger(Some(Duration::ZERO));
        linger.expect("linger of a connected socket");
    }

    /// Makes the system hold as little as it can of what was not read yet.
    pub(crate) fn receive_little(&self) {
        let socket = SockRef::from(self.socket.get_ref());
        let buffer = socket.set_recv_buffer_size(4096);
        buffer.expect("the receive buffer of a connected socket");
    }

    /// Reads one answer's head and says how its body is framed.
    pub(crate) fn read_head(&mut self, answers_head: bool) -> io::Result<(Head, Framing)> {
        let head = loop {
            let head = self.read_one_head()?;
            if head.status / 100 != 1 {
                break head;
            }
        };
        let framing = if answers_head || matches!(head.status, 204 | 304) {
            Framing::Ended(End::Clean)
        } else if is_chunked(&head) {
            Framing::NextChunk
        } else if let Some(length) = head.header("content-length") {
            Framing::Length(length.parse().map_err(io::Error::other)?)
        } else {
            Framing::UntilClose
        };
        Ok((head, framing))
    }

    /// Waits for the next piece of a body and appends it to `body`.
    #[track_caller]
    pub(crate) fn read_body(&mut self, framing: Framing, body: &mut Vec<u8>) -> Framing {
        let next = match framing {
            Framing::Length(0) => Ok(Framing::Ended(End::Clean)),
            Framing::Length(left) => self.read_piece(left, body).map(Framing::Length),
            Framing::Chunk(0) => self.read_line().and_then(|line| match line.as_str() {
                "" => Ok(Framing::NextChunk),
                _ => Err(io::Error::other("a chunk longer than its size")),
            }),
            Framing::Chunk(left) => self.read_piece(left, body).map(Framing::Chunk),
            Framing::NextChunk => self.read_chunk_size(),
            Framing::UntilClose => match self.read_piece(u64::MAX, body) {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    Ok(Framing::Ended(End::Clean))
                }
                read => read.map(|_| Framing::UntilClose),
            },
            Framing::Ended(_) => Ok(framing),
        };
        match next {
            Ok(next) => next,
            Err(error) if is_timeout(&error) => panic!(
                "nothing more to read after {PATIENCE:?}; the body so far ends with {:?}",
                tail(body)
            ),
            Err(_) => Framing::Ended(End::Cut),
        }
    }

    #[track_caller]
    fn read_answer(&mut self, answers_head: bool) -> io::Result<Response> {
        let (head, mut framing) = self.read_head(answers_head)?;
        let mut body = Vec::new();
        loop {
            match framing {
                Framing::Ended(End::Clean) => return Ok(Response { head, body }),
                Framing::Ended(End::Cut) => return Err(io::ErrorKind::UnexpectedEof.into()),
                _ => framing = self.read_body(framing, &mut body),
            }
        }
    }

    fn read_one_head(&mut self) -> io::Result<Head> {
        let status_line = self.read_line()?;
        let status = status_line
            .strip_prefix("HTTP/1.1 ")
            .or_else(|| status_line.strip_prefix("HTTP/1.0 "))
            .and_then(|rest| rest.get(..3))
            .and_then(|status| status.parse().ok())
            .ok_or_else(|| io::Error::other(format!("not a status line: {status_line:?}")))?;
        let mut headers = Vec::new();
        loop {
            let line = self.read_line()?;
            if line.is_empty() {
                return Ok(Head { status, headers });
            }
            let (name, value) = line
                .split_once(':')
                .ok_or_else(|| io::Error::other(format!("not a header: {line:?}")))?;
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
    }

    fn read_chunk_size(&mut self) -> io::Result<Framing> {
        let line = self.read_line()?;
        let digits = line.split(';').next().unwrap_or("").trim();
        let size = u64::from_str_radix(digits, 16).map_err(io::Error::other)?;
        if size > 0 {
            return Ok(Framing::Chunk(size));
        }
        while !self.read_line()?.is_empty() {}
        Ok(Framing::Ended(End::Clean))
    }

    fn read_line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        self.socket.read_until(b'\n', &mut line)?;
        match line.strip_suffix(b"\r\n") {
            Some(line) => String::from_utf8(line.to_vec()).map_err(io::Error::other),
            None if line.ends_with(b"\n") => Err(io::Error::other("a line end without CR")),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// Reads at least one and at most `limit` bytes and returns how many of them are left to read.
    fn read_piece(&mut self, limit: u64, body: &mut Vec<u8>) -> io::Result<u64> {
        let available = self.socket.fill_buf()?.len() as u64;
        if available == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let length = available.min(limit);
        self.socket.by_ref().take(length).read_to_end(body)?;
        Ok(limit - length)
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("socket", self.socket.get_ref())
            .finish_non_exhaustive()
    }
}

fn is_chunked(head: &Head) -> bool {
    let coding = head.header("transfer-encoding").unwrap_or("");
    coding.to_ascii_lowercase().ends_with("chunked")
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

/// The end of a body, for a message about it.
pub(crate) fn tail(body: &[u8]) -> String {
    let start = body.len().saturating_sub(500);
    String::from_utf8_lossy(&body[start..]).into_owned()
}
