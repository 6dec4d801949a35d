//! A thread that writes many streams.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use mio::{Events, Poll, Token};
use slab::Slab;
use tracing::{debug, warn};

use super::chunks::{Chunks, chunk};
use super::connection::{Connection, Moment, Next};
use super::fanout::{Begun, Fanouts};
use super::inbox::{Inbox, Posted, Signal, Target};
use super::slot::Slot;
use super::socket::Reason;
use super::tally::Counted;
use super::{Adopted, EngineSettings};
use crate::stream::keep_alive_line;

/// One thread's connections and what it does with them.
#[derive(Debug)]
pub(super) struct Engine {
    poll: Poll,
    inbox: Arc<Inbox>,
    connections: Slab<Connection>,
    /// `None` if bodies give all there is.
    fanouts: Option<Fanouts>,
    /// What to look at, in the order in which it was woken. It may have gone, or something else may have its place by
    /// now: to look at that in vain does no harm.
    ready: VecDeque<Target>,
    chunks: Chunks,
    /// Blocks on their way into a batch.
    blocks: Vec<Bytes>,
    /// What keeps a silent connection open.
    comment: Bytes,
    start: Instant,
    write_timeout: Moment,
    /// Time between looks at all connections.
    pace: Duration,
    next_look: Instant,
    /// How many places have been looked at, while a look is under way.
    looked: Option<usize>,
}

/// The token of what wakes the thread.
const BELL: Token = Token(usize::MAX);
/// Connections that are written to before the kernel and the inbox are asked again.
const PIECE: usize = 512;
/// Notices taken from the kernel at one time.
const NOTICES: usize = 1_024;
/// Time between looks at all connections, at most and at least.
const SLOWEST_PACE: Duration = Duration::from_secs(1);
const FASTEST_PACE: Duration = Duration::from_millis(10);
/// Looks in the shortest time that is kept: how late something may be noticed.
const LOOKS: u32 = 8;

impl Engine {
    /// A thread that has not been started, and how it is told of things.
    ///
    /// # Errors
    /// If the system has no descriptor left.
    pub(super) fn new(
        settings: EngineSettings,
        write_timeout: Duration,
    ) -> io::Result<(Arc<Inbox>, Self)> {
        let poll = Poll::new()?;
        let bell = mio::Waker::new(poll.registry(), BELL)?;
        let inbox = Arc::new(Inbox::new(bell));
        let engine = Self {
            poll,
            inbox: Arc::clone(&inbox),
            fanouts: settings
                .past_layers
                .then(|| Fanouts::new(Arc::clone(&inbox))),
            connections: Slab::new(),
            ready: VecDeque::new(),
            chunks: Chunks::new(),
            blocks: Vec::new(),
            comment: chunk(&keep_alive_line()),
            start: Instant::now(),
            write_timeout: u64::try_from(write_timeout.as_millis()).unwrap_or(u64::MAX),
            pace: pace(write_timeout).min(SLOWEST_PACE / 4),
            next_look: Instant::now(),
            looked: None,
        };
        Ok((inbox, engine))
    }

    /// Runs until it is told to stop. Gives the number of streams that had not ended.
    pub(super) fn run(mut self) -> usize {
        let mut notices = Events::with_capacity(NOTICES);
        let mut posted = Posted::default();
        while self.turn(&mut notices, &mut posted) {}
        posted.adopted.len() + self.cut_all()
    }

    /// Asks the kernel and the inbox once, and goes on with a piece of what there is to do. False once it is told to
    /// stop: what was posted last is left to be cut.
    pub(super) fn turn(&mut self, notices: &mut Events, posted: &mut Posted) -> bool {
        let patience = self.poll_for();
        if let Err(error) = self.poll.poll(notices, patience)
            && error.kind() != io::ErrorKind::Interrupted
        {
            warn!(%error, "cannot watch the sockets of streams");
            std::thread::sleep(FASTEST_PACE);
        }
        let now = self.now();
        for event in notices.iter().filter(|event| event.token() != BELL) {
            let token = event.token().0;
            self.with(token, |connection, chunks| {
                connection.notice(event, chunks, now)
            });
        }
        self.inbox.take(posted);
        if posted.stop {
            return false;
        }
        for (adopted, counted) in posted.adopted.drain(..) {
            self.adopt(adopted, counted, now);
        }
        self.ready.extend(posted.ready.drain(..));
        let mut written = 0;
        while written < PIECE
            && let Some(target) = self.ready.pop_front()
        {
            written += match target {
                Target::Connection(slot) => self.advance(slot.index(), now),
                Target::Fanout(slot) => self.fan_out(slot.index(), now),
            };
        }
        if self.looked.is_some() || Instant::now() >= self.next_look {
            self.look();
        }
        true
    }

    /// How long to wait for the kernel; not at all while there is something to do.
    fn poll_for(&self) -> Option<Duration> {
        if !self.ready.is_empty() || self.looked.is_some() || !self.inbox.sleep() {
            return Some(Duration::ZERO);
        }
        (!self.connections.is_empty())
            .then(|| self.next_look.saturating_duration_since(Instant::now()))
    }

    fn now(&self) -> Moment {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn adopt(&mut self, adopted: Adopted, counted: Counted, now: Moment) {
        let entry = self.connections.vacant_entry();
        let token = entry.key();
        let target = Target::Connection(Slot::new(token));
        let signal = Signal::new(Arc::clone(&self.inbox), target);
        let registry = self.poll.registry();
        match Connection::adopt(adopted, counted, Token(token), signal, registry, now) {
            Ok(connection) => {
                if let Some(interval) = connection.keep_alive() {
                    self.pace = self.pace.min(pace(interval));
                    self.next_look = self.next_look.min(Instant::now() + self.pace);
                }
                connection.raise();
                entry.insert(connection);
                self.ready.push_back(target);
            }
            Err(error) => debug!(%error, "closed: cannot be watched"),
        }
    }

    /// Does something with a connection and what that calls for. A panic ends this connection alone.
    fn with(
        &mut self,
        token: usize,
        act: impl FnOnce(&mut Connection, &mut Chunks) -> Result<Next, Reason>,
    ) {
        let Some(connection) = self.connections.get_mut(token) else {
            return;
        };
        let chunks = &mut self.chunks;
        let next = catch_unwind(AssertUnwindSafe(|| act(connection, chunks)));
        match next.unwrap_or(Err(Reason::Panicked)) {
            Ok(Next::Wait) => {}
            Ok(Next::Again) => {
                if connection.raise() {
                    self.ready.push_back(Target::Connection(Slot::new(token)));
                }
            }
            Ok(Next::Feed) => self.feed(token),
            Ok(Next::Refill) => self.refill(token),
            Err(reason) => self.close(token, &reason),
        }
    }

    fn close(&mut self, token: usize, reason: &Reason) {
        let mut connection = self.connections.remove(token);
        if let (Some(seat), Some(fanouts)) = (connection.unseat(), &mut self.fanouts) {
            fanouts.forget(seat);
        }
        // What is dropped with the body may panic, which ends nothing else.
        let _ = catch_unwind(AssertUnwindSafe(|| connection.close(reason)));
    }

    /// Goes on with one connection by itself.
    fn advance(&mut self, token: usize, now: Moment) -> usize {
        self.unseat(token);
        self.with(token, |connection, chunks| connection.advance(chunks, now));
        1
    }

    /// Has a connection fed from now on, if that can be.
    fn feed(&mut self, token: usize) {
        let connection = self.connections.get_mut(token);
        let (Some(connection), Some(fanouts)) = (connection, &mut self.fanouts) else {
            return;
        };
        if connection.seat().is_some() {
            return;
        }
        let joined = fanouts.join(token, connection.member(), connection.waker());
        if let Some((seat, opened)) = joined {
            connection.seat_at(seat);
            let opened = opened.map(|index| Target::Fanout(Slot::new(index)));
            self.ready.extend(opened);
        }
    }

    /// Has a connection go on by itself, when it is its turn.
    fn unfeed(&mut self, token: usize) {
        self.unseat(token);
        self.with(token, |_, _| Ok(Next::Again));
    }

    /// Takes a connection out of its fan-out.
    fn unseat(&mut self, token: usize) {
        let connection = self.connections.get_mut(token);
        if let (Some(connection), Some(fanouts)) = (connection, &mut self.fanouts)
            && let Some(seat) = connection.unseat()
        {
            fanouts.leave(seat, connection.member());
        }
    }

    /// Writes a piece of what a fan-out has to its connections. Gives the number of connections written to.
    fn fan_out(&mut self, index: usize, now: Moment) -> usize {
        let fanouts = self.fanouts.as_mut();
        let Some(fanout) = fanouts.and_then(|fanouts| fanouts.get_mut(index)) else {
            return 0;
        };
        match fanout.begin(&mut self.blocks) {
            Begun::Pass => {}
            Begun::Dissolved => {
                let tokens = fanout.tokens();
                tokens.into_iter().for_each(|token| self.unfeed(token));
                return 0;
            }
            Begun::Nothing => return 0,
        }
        let (mut written, mut over) = (0, Vec::new());
        while written < PIECE
            && let Some(token) = fanout.next()
        {
            written += 1;
            let Some(connection) = self.connections.get_mut(token) else {
                continue;
            };
            match connection.write_events(index, fanout.window(), now) {
                Ok(true) => {
                    if let Some(seat) = connection.seat() {
                        fanout.came_to(seat.next);
                    }
                }
                Ok(false) => over.push((token, None)),
                Err(reason) => over.push((token, Some(reason))),
            }
        }
        for (token, reason) in over {
            match reason {
                None => self.unfeed(token),
                Some(reason) => self.close(token, &reason),
            }
        }
        // Once who leaves has left: what it has not had is known until then. It may have been the last.
        let fanouts = self.fanouts.as_mut();
        if let Some(fanout) = fanouts.and_then(|fanouts| fanouts.get_mut(index)) {
            fanout.end_if_around(now);
            if fanout.raise() {
                self.ready.push_back(Target::Fanout(Slot::new(index)));
            }
        }
        written
    }

    /// Gives a connection that has room again what it has missed of its fan-out.
    fn refill(&mut self, token: usize) {
        let now = self.now();
        let connection = self.connections.get_mut(token);
        let (Some(connection), Some(fanouts)) = (connection, &mut self.fanouts) else {
            return;
        };
        let Some(seat) = connection.seat() else {
            return;
        };
        let index = seat.fanout();
        let Some(fanout) = fanouts.get_mut(index) else {
            return;
        };
        match connection.write_events(index, fanout.window(), now) {
            Ok(true) => {
                let next = connection.seat().map_or(seat.next, |seat| seat.next);
                if fanout.refilled(seat, next) && fanout.raise() {
                    self.ready.push_back(Target::Fanout(Slot::new(index)));
                }
            }
            Ok(false) => self.unfeed(token),
            Err(reason) => self.close(token, &reason),
        }
    }

    /// Looks where the connections of those fan-outs are that keep something for some.
    fn survey(&mut self, now: Moment) {
        let fanouts = self.fanouts.iter_mut().flat_map(Fanouts::iter_mut);
        for (index, fanout) in fanouts.filter(|(_, fanout)| fanout.is_waiting()) {
            let connections = fanout
                .tokens()
                .into_iter()
                .map(|token| self.connections.get(token));
            if fanout.survey(connections.filter_map(|connection| connection?.seat()), now)
                && fanout.raise()
            {
                self.ready.push_back(Target::Fanout(Slot::new(index)));
            }
        }
    }

    /// Looks at all connections, a piece at a time: some of them may have something to write.
    fn look(&mut self) {
        let now = self.now();
        let write_timeout = self.write_timeout;
        let comment = self.comment.clone();
        let looked = self.looked.unwrap_or(0);
        let until = (looked + PIECE).min(self.connections.capacity());
        for token in looked..until {
            self.with(token, |connection, _| {
                connection.look(&comment, write_timeout, now)
            });
        }
        self.looked = (until < self.connections.capacity()).then_some(until);
        if self.looked.is_none() {
            self.next_look = Instant::now() + self.pace;
            self.survey(now);
        }
    }

    fn cut_all(mut self) -> usize {
        let mut cut = 0;
        for connection in self.connections.drain() {
            cut += usize::from(connection.is_open());
            // The body of one may panic; the others are to be closed nevertheless.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(connection)));
        }
        cut
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Whatever ended the thread, nothing is handed to it any more.
        self.inbox.stop();
    }
}

fn pace(time: Duration) -> Duration {
    (time / LOOKS).clamp(FASTEST_PACE, SLOWEST_PACE)
}
