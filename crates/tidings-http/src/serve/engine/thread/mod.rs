//! A thread that writes many streams.

mod feeding;

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use mio::{Events, Poll, Token};
use slab::Slab;
use tracing::{debug, warn};

use crate::serve::engine::chunks::{Chunks, chunk};
use crate::serve::engine::connection::{Connection, Moment, Next};
use crate::serve::engine::fanout::Fanouts;
use crate::serve::engine::inbox::{Inbox, Posted, Signal, Target};
use crate::serve::engine::slot::Slot;
use crate::serve::engine::socket::Reason;
use crate::serve::engine::tally::Counted;
use crate::serve::engine::{Adopted, EngineSettings};
use crate::stream::keep_alive_line;

/// One thread's connections and what it does with them.
#[derive(Debug)]
pub(in crate::serve::engine) struct Engine {
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
    pub(in crate::serve::engine) fn new(
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
    pub(in crate::serve::engine) fn run(mut self) -> usize {
        let mut notices = Events::with_capacity(NOTICES);
        let mut posted = Posted::default();
        while self.turn(&mut notices, &mut posted) {}
        posted.adopted.len() + self.cut_all()
    }

    /// Asks the kernel and the inbox once, and goes on with a piece of what there is to do. False once it is told to
    /// stop: what was posted last is left to be cut.
    pub(in crate::serve::engine) fn turn(
        &mut self,
        notices: &mut Events,
        posted: &mut Posted,
    ) -> bool {
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
