//! One accepted socket as hyper drives it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use super::admission::Permit;
use super::exchange::Exchange;
use super::line::Line;
use super::transport::Transport;

/// A connection that closes without destroying the answer it has just sent.
pub(super) struct Socket {
    transport: Transport,
    exchange: Arc<Exchange>,
    /// Read to tell the protocol; handed out before anything else.
    prefix: Bytes,
    /// Set once our half is closed.
    linger: Option<Linger>,
    /// The last write took all that it was given, and that ended a line.
    at_line_end: bool,
    /// The socket's place among the connections allowed, for as long as it is open.
    permit: Permit,
}

/// What a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// How an HTTP/2 client that knows what it is talking to begins (RFC 9113, section 3.4).
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// So many of the first bytes are read at once: most requests have fewer, and need no second read then.
const FIRST_BYTES: usize = 1024;

impl Socket {
    pub(super) fn new(transport: Transport, exchange: Arc<Exchange>, permit: Permit) -> Self {
        Self {
            transport,
            exchange,
            prefix: Bytes::new(),
            linger: None,
            at_line_end: false,
            permit,
        }
    }

    /// Reads until the peer's first bytes tell what it speaks. Not to be called twice.
    ///
    /// Under TLS they tell it as well: whoever has chosen HTTP/2 in the handshake begins with its preface.
    pub(super) async fn protocol(&mut self) -> io::Result<Protocol> {
        let mut first = [0; FIRST_BYTES];
        let mut filled = 0;
        let protocol = loop {
            match self.transport.read(&mut first[filled..]).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => filled += read,
            }
            let told = filled.min(HTTP2_PREFACE.len());
            if first[..told] != HTTP2_PREFACE[..told] {
                break Protocol::Http1;
            }
            if told == HTTP2_PREFACE.len() {
                break Protocol::Http2;
            }
        };
        self.exchange.received();
        self.prefix = Bytes::copy_from_slice(&first[..filled]);
        Ok(protocol)
    }

    /// Whether the bytes of the connection are those on the wire.
    pub(super) fn is_plain(&self) -> bool {
        self.transport.is_plain()
    }

    /// Gives a plain connection up, with its place.
    pub(super) fn into_parts(self) -> Option<(TcpStream, Permit)> {
        let line = self.transport.into_plain()?;
        Some((line.into_stream(), self.permit))
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.prefix.is_empty() {
            let taken = self.prefix.len().min(buffer.remaining());
            buffer.put_slice(&self.prefix[..taken]);
            self.prefix.advance(taken);
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.transport).poll_read(context, buffer))?;
        if buffer.filled().len() > before {
            self.exchange.received();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.transport).poll_write(context, bytes);
        let all = matches!(written, Poll::Ready(Ok(count)) if count == bytes.len());
        self.at_line_end = all && bytes.ends_with(b"\r\n");
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.transport).poll_write_vectored(context, slices);
        let offered = slices.iter().map(|slice| slice.len()).sum::<usize>();
        let all = matches!(written, Poll::Ready(Ok(count)) if count == offered);
        let last = slices.iter().rfind(|slice| !slice.is_empty());
        self.at_line_end = all && last.is_some_and(|last| last.ends_with(b"\r\n"));
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.transport.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.transport).poll_flush(context))?;
        // hyper flushes only when it has written all it had. A line's end, that of the head or of a chunk, is a second
        // sign of it.
        if self.at_line_end {
            self.exchange.handoff.flushed();
        }
        Poll::Ready(Ok(()))
    }

    /// Closes our half, then reads what the peer has sent, and what a peer in the middle of a
    /// request still sends: a close with unread input resets the connection, and with it the
    /// answer just written.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self {
            transport,
            exchange,
            linger,
            ..
        } = &mut *self;
        if linger.is_none() {
            ready!(Pin::new(&mut *transport).poll_shutdown(context))?;
        }
        let linger = linger.get_or_insert_with(|| Linger {
            left: LINGER_BYTES,
            until: exchange
                .peer_may_be_sending()
                .then(|| Box::pin(sleep(LINGER_TIME))),
        });
        linger.poll_discard(transport.line(), context).map(Ok)
    }
}

/// A bounded wait for the peer to stop sending.
struct Linger {
    left: usize,
    /// `None` if nothing more is expected than what is there already.
    until: Option<Pin<Box<Sleep>>>,
}

/// The largest request body that the hub takes: who sends one too many reads the refusal.
const LINGER_BYTES: usize = 8 * 1024 * 1024;
const LINGER_TIME: Duration = Duration::from_secs(2);

impl Linger {
    fn poll_discard(&mut self, line: &mut Line, context: &mut Context<'_>) -> Poll<()> {
        let mut scratch = [0; 16 * 1024];
        while self.left > 0 {
            let mut buffer = ReadBuf::new(&mut scratch);
            match Pin::new(&mut *line).poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) if buffer.filled().is_empty() => break,
                Poll::Ready(Ok(())) => {
                    self.left = self.left.saturating_sub(buffer.filled().len());
                }
                Poll::Ready(Err(_reset_by_the_peer)) => break,
                Poll::Pending => {
                    return match &mut self.until {
                        Some(until) => until.as_mut().poll(context),
                        None => Poll::Ready(()),
                    };
                }
            }
        }
        Poll::Ready(())
    }
}
