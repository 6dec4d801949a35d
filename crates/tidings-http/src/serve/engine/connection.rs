//! One event stream on its socket.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use mio::event::Event;
use mio::{Registry, Token};
use tidings::Member;
use tracing::{Span, debug};

use super::Adopted;
use super::chunks::Chunks;
use super::fanout::Seat;
use super::gather::{Given, gather};
use super::inbox::Signal;
use super::socket::{Reason, Socket};
use super::tally::Counted;
use super::window::Window;
use crate::serve::admission::Permit;
use crate::stream::Tap;

/// A stream and what it holds. The order of the fields is the order in which they are given back: the permit and the
/// count when the socket is closed and the subscription gone.
pub(super) struct Connection {
    socket: Socket,
    /// It may give more, and is not asked while the socket has no room. `None` once it has ended: its last bytes may
    /// be waiting, and then our half is closed. What the peer still sends is read for a moment: a close with unread
    /// input would reset the connection and destroy what is on its way.
    body: Option<Body>,
    signal: Arc<Signal>,
    /// When the kernel last took something, when it stopped doing so, or when our half was closed.
    since: Moment,
    /// Silence after which a comment is due, in milliseconds; 0 is never.
    keep_alive: u32,
    tap: Tap,
    /// Where it is fed, if it is.
    seat: Option<Seat>,
    /// `None` if nobody listens.
    span: Option<Box<Span>>,
    _permit: Permit,
    _counted: Counted,
}

/// Milliseconds since the thread began.
pub(super) type Moment = u64;

/// What is to be done with a connection after a look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing before the next notice.
    Wait,
    /// It has more to do; others go first.
    Again,
    /// It has been given everything, and may be fed with what comes.
    Feed,
    /// It is fed, and there is room again for what it has missed.
    Refill,
}

/// How long a fed connection may be without room before it goes on by itself. Where events come faster than the machine can
/// deliver them, each of thousands of readers may have to wait for seconds.
const ROOMLESS_MILLIS: Moment = 5_000;
/// How long the peer has to close its half after the end of a stream.
const LINGER_MILLIS: Moment = 1_000;

impl Connection {
    /// Makes a stream one of the thread's.
    ///
    /// # Errors
    /// If the system cannot watch another socket.
    pub(super) fn adopt(
        adopted: Adopted,
        counted: Counted,
        token: Token,
        signal: Signal,
        registry: &Registry,
        now: Moment,
    ) -> io::Result<Self> {
        let socket = Socket::watch(adopted.socket, token, registry)?;
        let keep_alive = adopted.tap.take_over().unwrap_or_default().as_millis();
        Ok(Self {
            socket,
            body: Some(adopted.body),
            signal: Arc::new(signal),
            since: now,
            keep_alive: u32::try_from(keep_alive).unwrap_or(u32::MAX),
            tap: adopted.tap,
            seat: None,
            span: (!adopted.span.is_disabled()).then(|| Box::new(adopted.span)),
            _permit: adopted.permit,
            _counted: counted,
        })
    }

    /// Whether its body has not ended.
    pub(super) fn is_open(&self) -> bool {
        self.body.is_some()
    }

    /// The silence after which a comment is due.
    pub(super) fn keep_alive(&self) -> Option<Duration> {
        (self.keep_alive > 0).then(|| Duration::from_millis(self.keep_alive.into()))
    }

    /// Marks it as waiting to be looked at. False if it was already.
    pub(super) fn raise(&self) -> bool {
        self.signal.raise()
    }

    /// The subscription behind it.
    pub(super) fn member(&self) -> &Member {
        self.tap.member()
    }

    pub(super) fn waker(&self) -> Waker {
        Waker::from(Arc::clone(&self.signal))
    }

    pub(super) fn seat(&self) -> Option<Seat> {
        self.seat
    }

    /// Has it fed from now on.
    pub(super) fn seat_at(&mut self, seat: Seat) {
        self.seat = Some(seat);
    }

    /// Has it go on by itself. Gives the place where it was fed.
    pub(super) fn unseat(&mut self) -> Option<Seat> {
        self.seat.take()
    }

    /// Writes what it has not had of its fan-out's events, as far as there is room. False if it has to go on by itself:
    /// what comes next for it has gone, or it has had no room for a while.
    ///
    /// # Errors
    /// Why the connection is over.
    pub(super) fn write_events(
        &mut self,
        fanout: usize,
        window: &Window,
        now: Moment,
    ) -> Result<bool, Reason> {
        let Some(seat) = self.seat.as_mut().filter(|seat| seat.is_in(fanout)) else {
            return Ok(true);
        };
        while self.socket.has_room() {
            let Some(batch) = window.batch_of(seat.next) else {
                return Ok(!window.has_lost(seat.next));
            };
            let from = batch.offset(seat.next);
            seat.next = batch.end();
            self.since = now;
            self.socket.write_shared(batch.bytes(), from)?;
        }
        let waited = now.saturating_sub(self.since);
        Ok(waited < ROOMLESS_MILLIS && !window.has_lost(seat.next))
    }

    /// Goes on with a connection that was woken, or whose turn has come again.
    ///
    /// # Errors
    /// Why it is over.
    pub(super) fn advance(&mut self, chunks: &mut Chunks, now: Moment) -> Result<Next, Reason> {
        let next = self.write(chunks, now)?;
        if self.socket.has_unread() {
            self.socket.discard()?;
        }
        Ok(self.unless_unread(next))
    }

    /// Does what a notice from the kernel calls for.
    ///
    /// # Errors
    /// Why the connection is over.
    pub(super) fn notice(
        &mut self,
        event: &Event,
        chunks: &mut Chunks,
        now: Moment,
    ) -> Result<Next, Reason> {
        self.socket.check(event)?;
        if event.is_readable() {
            self.socket.discard()?;
        }
        if !event.is_writable() || self.socket.has_room() {
            return Ok(self.unless_unread(Next::Wait));
        }
        if self.socket.write_rest()? > 0 {
            self.since = now;
            self.tap.member().note_progress();
        }
        let next = match self.seat {
            Some(_) => Next::Refill,
            None => self.write(chunks, now)?,
        };
        Ok(self.unless_unread(next))
    }

    /// Does what the time calls for.
    ///
    /// # Errors
    /// Why the connection is over.
    pub(super) fn look(
        &mut self,
        comment: &Bytes,
        write_timeout: Moment,
        now: Moment,
    ) -> Result<Next, Reason> {
        let silent = now.saturating_sub(self.since);
        if self.socket.is_half_closed() && silent >= LINGER_MILLIS {
            return Err(Reason::Ended);
        }
        if !self.socket.has_room() && silent >= write_timeout {
            return Err(Reason::Stalled);
        }
        if !self.socket.has_room() && self.seat.is_some() && silent >= ROOMLESS_MILLIS {
            return Ok(Next::Again);
        }
        let may_be_due = self.is_open() && self.socket.has_room() && self.keep_alive > 0;
        if !may_be_due || silent < u64::from(self.keep_alive) {
            return Ok(Next::Wait);
        }
        if self.seat.is_none() {
            self.tap.beat();
            return Ok(Next::Again);
        }
        self.since = now;
        self.socket.write_shared(comment, 0)?;
        Ok(Next::Wait)
    }

    /// Closes it and tells the log why.
    pub(super) fn close(self, reason: &Reason) {
        if let Reason::Stalled = reason {
            self.socket.reset_on_close();
        }
        let none = Span::none();
        let span = self.span.as_deref().unwrap_or(&none);
        match reason {
            Reason::Ended | Reason::Left => debug!(parent: span, "closed"),
            Reason::Lost(error) => debug!(parent: span, %error, "closed"),
            Reason::Stalled => debug!(parent: span, "closed: the peer reads nothing"),
            Reason::Failed(error) => debug!(parent: span, %error, "closed: the stream failed"),
            Reason::Panicked => debug!(parent: span, "closed: the stream panicked"),
        }
    }

    /// Writes what the body has, or closes our half after its end, unless something older waits. The notice of room for
    /// that brings it back here, and until then no wake-up of the body is wanted: the signal stays up.
    fn write(&mut self, chunks: &mut Chunks, now: Moment) -> Result<Next, Reason> {
        if !self.socket.has_room() {
            return Ok(Next::Wait);
        }
        let Some(body) = &mut self.body else {
            return self.close_our_half(now);
        };
        self.signal.lower();
        chunks.clear();
        let given = gather(
            body,
            &self.tap,
            &Waker::from(Arc::clone(&self.signal)),
            chunks,
        );
        if !chunks.is_empty() {
            self.since = now;
            self.socket.write(chunks)?;
        }
        match given {
            Given::Failure(error) => Err(Reason::Failed(error)),
            Given::Some if self.socket.has_room() => Ok(Next::Again),
            Given::All if self.socket.has_room() && self.tap.is_direct() => Ok(Next::Feed),
            Given::Some | Given::All => Ok(Next::Wait),
            Given::End => {
                self.body = None;
                self.write(chunks, now)
            }
        }
    }

    fn close_our_half(&mut self, now: Moment) -> Result<Next, Reason> {
        if !self.socket.is_half_closed() {
            self.since = now;
            self.socket.close_our_half()?;
            self.socket.discard()?;
        }
        Ok(Next::Wait)
    }

    /// What comes next, or another look if there is more to discard.
    fn unless_unread(&self, next: Next) -> Next {
        if !self.socket.has_unread() {
            return next;
        }
        self.signal.lower();
        Next::Again
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("socket", &self.socket)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_costs_little_memory() {
        // A socket of mio takes 16 bytes more where assertions are on.
        let extra = if cfg!(debug_assertions) { 16 } else { 0 };
        let sizes = [size_of::<Connection>() - extra, size_of::<Signal>()];
        assert!(sizes[0] <= 120 && sizes[1] <= 24, "{sizes:?}");
    }
}
