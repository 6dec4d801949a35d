//! A socket that remembers what it had no room for.

use std::io::{self, Read};
use std::net::Shutdown;
use std::time::Duration;

use bytes::Bytes;
use mio::event::{Event, Source};
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use socket2::SockRef;

use super::chunks::{Chunks, Rest};

/// The socket of one stream.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    /// Not yet taken by the kernel.
    rest: Option<Box<Rest>>,
    /// There may be more to discard than was discarded at one time.
    has_unread: bool,
    /// Nothing more is written.
    is_half_closed: bool,
}

/// Why a connection is over.
#[derive(Debug)]
pub(super) enum Reason {
    /// The stream ended, and the peer has had time to read its end.
    Ended,
    /// The peer closed the connection or its half of it.
    Left,
    /// The network or the system ended it.
    Lost(io::Error),
    /// The peer took nothing for too long.
    Stalled,
    /// The body gave an error instead of its end.
    Failed(axum::Error),
    /// Code of the body or of something behind it panicked.
    Panicked,
}

/// What is read at one time of what a peer sends after its request.
const DISCARDED_AT_ONCE: usize = 64 << 10;

impl Socket {
    /// Has the kernel give notice of the socket under a token.
    ///
    /// # Errors
    /// If the system cannot watch another socket.
    pub(super) fn watch(
        stream: std::net::TcpStream,
        token: Token,
        registry: &Registry,
    ) -> io::Result<Self> {
        let mut stream = TcpStream::from_std(stream);
        stream.register(registry, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self {
            stream,
            rest: None,
            has_unread: false,
            is_half_closed: false,
        })
    }

    /// Whether the kernel has taken everything.
    pub(super) fn has_room(&self) -> bool {
        self.rest.is_none()
    }

    /// Whether [`discard`](Self::discard) has left something behind.
    pub(super) fn has_unread(&self) -> bool {
        self.has_unread
    }

    /// Writes chunks, or as much of them as there is room for. To be called when there is some.
    pub(super) fn write(&mut self, chunks: &Chunks) -> Result<(), Reason> {
        self.rest = chunks.write_to(&mut self.stream)?.map(Box::new);
        Ok(())
    }

    /// Writes bytes that others are given too, from a place in them, or as much as there is room for. To be called when
    /// there is some.
    pub(super) fn write_shared(&mut self, bytes: &Bytes, from: usize) -> Result<(), Reason> {
        self.rest = Rest::of(bytes, from, &mut self.stream)?.map(Box::new);
        Ok(())
    }

    /// Writes what there was no room for, and tells how many bytes were taken.
    pub(super) fn write_rest(&mut self) -> Result<usize, Reason> {
        let Some(rest) = &mut self.rest else {
            return Ok(0);
        };
        let written = rest.write_to(&mut self.stream)?;
        if rest.is_empty() {
            self.rest = None;
        }
        Ok(written)
    }

    /// Reads what the peer sends after its request, which nobody wants: its head said that the connection closes.
    pub(super) fn discard(&mut self) -> Result<(), Reason> {
        let mut scratch = [0; 8 << 10];
        let mut left = DISCARDED_AT_ONCE;
        self.has_unread = false;
        while left > 0 {
            match self.stream.read(&mut scratch) {
                Ok(0) => return Err(Reason::Left),
                Ok(read) => left = left.saturating_sub(read),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.has_unread = true;
        Ok(())
    }

    /// Whether the peer is there, by a notice of the kernel.
    pub(super) fn check(&self, event: &Event) -> Result<(), Reason> {
        if event.is_error() {
            let error = self.stream.take_error().ok().flatten();
            let error = error.unwrap_or_else(|| io::ErrorKind::ConnectionReset.into());
            return Err(error.into());
        }
        if event.is_read_closed() || event.is_write_closed() {
            return Err(Reason::Left);
        }
        Ok(())
    }

    /// Whether the peer has been told that nothing follows.
    pub(super) fn is_half_closed(&self) -> bool {
        self.is_half_closed
    }

    /// Tells the peer that nothing follows.
    pub(super) fn close_our_half(&mut self) -> Result<(), Reason> {
        self.is_half_closed = true;
        Ok(self.stream.shutdown(Shutdown::Write)?)
    }

    /// Has the socket reset when it is dropped. A plain close would leave what is queued with the kernel, for a peer
    /// that takes none of it.
    pub(super) fn reset_on_close(&self) {
        // A socket that is closed already has nothing queued: the failure is no loss.
        let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }
}

impl From<io::Error> for Reason {
    fn from(error: io::Error) -> Self {
        Self::Lost(error)
    }
}
