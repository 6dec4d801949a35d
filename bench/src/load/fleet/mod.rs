mod churn;
mod open;

use std::{
    io::ErrorKind,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use mio::{Events, Poll};

use self::churn::Churn;
use crate::load::{connection::Connection, histogram::Histogram, stamp::Stamp};

pub use self::churn::Churned;

/// What one read takes at most.
const BUFFER: usize = 128 * 1024;
/// How long after the last publication events are waited for.
const LATEST: Duration = Duration::from_secs(15);
/// How long is waited at most before more readers come, if some come and go.
const CHURN_TICK: Duration = Duration::from_millis(1);
/// How much of the end of the first reader's body is kept.
const TAIL: usize = 4096;

/// Many readers on one thread with one `epoll`.
#[derive(Debug)]
pub struct Fleet {
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
    connections: Vec<Connection>,
    opened: usize,
    received: u64,
    /// Pieces of bodies, whatever they hold.
    pieces: u64,
    churn: Option<Churn>,
    latencies: Histogram,
    tail: Vec<u8>,
    first_stamp: Duration,
    last_arrival: Duration,
    /// Connections that the server ended, or that failed.
    cut: usize,
    first_failure: Option<String>,
}

/// What the readers of a fleet got, from its begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Events that came in their turn, of all readers together.
    pub received: u64,
    /// Events that never came although a later one did.
    pub skipped: u64,
    /// Events that came again, or late.
    pub repeated: u64,
    /// Connections that the server ended, or that failed.
    pub cut: usize,
}

impl Fleet {
    /// Without readers yet.
    ///
    /// # Errors
    /// If the system has no `epoll` to give.
    pub fn new() -> Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            buffer: vec![0; BUFFER],
            connections: Vec::new(),
            opened: 0,
            received: 0,
            pieces: 0,
            churn: None,
            latencies: Histogram::default(),
            tail: Vec::new(),
            first_stamp: Duration::MAX,
            last_arrival: Duration::ZERO,
            cut: 0,
            first_failure: None,
        })
    }

    /// Reads until as many events have come in all as were to come according to `expected`, which says nothing as long as there are more to
    /// be published; or until nothing has come for so long after that, or `LATEST` is over.
    ///
    /// # Errors
    /// If the system fails.
    pub fn read(&mut self, quiet: Duration, expected: impl Fn() -> Option<u64>) -> Result<()> {
        let mut last = (self.received, Instant::now());
        let mut published = None;
        loop {
            self.turn(Duration::from_millis(20))?;
            if self.received != last.0 {
                last = (self.received, Instant::now());
            }
            let Some(expected) = expected() else {
                continue;
            };
            let published = *published.get_or_insert_with(Instant::now);
            let is_silent = last.1.max(published).elapsed() > quiet;
            if self.received >= expected || is_silent || published.elapsed() > LATEST {
                return Ok(());
            }
        }
    }

    /// Reads for so long.
    ///
    /// # Errors
    /// If the system fails.
    pub fn read_for(&mut self, span: Duration) -> Result<()> {
        let began = Instant::now();
        while let Some(left) = span
            .checked_sub(began.elapsed())
            .filter(|left| !left.is_zero())
        {
            self.turn(left)?;
        }
        Ok(())
    }

    /// Waits for the system once, and reads what it names.
    fn turn(&mut self, mut patience: Duration) -> Result<()> {
        if let Some(churn) = &mut self.churn {
            churn.connect(self.poll.registry())?;
            patience = patience.min(CHURN_TICK);
        }
        match self.poll.poll(&mut self.events, Some(patience)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
            _ => {}
        }
        let Self {
            events,
            buffer,
            connections,
            latencies,
            received,
            pieces,
            churn,
            tail,
            first_stamp,
            last_arrival,
            ..
        } = self;
        for event in &*events {
            let place = event.token().0;
            if let (Some(churn), Some(place)) = (churn.as_mut(), place.checked_sub(churn::FIRST)) {
                churn.turn(place, buffer);
                continue;
            }
            let Some(connection) = connections.get_mut(place).filter(|it| !it.is_over) else {
                continue;
            };
            let open = |it: &Connection| it.readers.iter().filter(|reader| reader.is_open).count();
            let open_before = open(connection);
            let arrived = |stamp: Stamp, now: Duration| {
                *received += 1;
                *first_stamp = stamp.at.min(*first_stamp);
                *last_arrival = now;
                latencies.add(now.saturating_sub(stamp.at));
            };
            let seen = |piece: &[u8]| {
                *pieces += 1;
                if place == 0 {
                    tail.extend_from_slice(piece);
                    tail.drain(..tail.len().saturating_sub(TAIL));
                }
            };
            let outcome = connection
                .send()
                .context("sending a request")
                .and_then(|()| connection.receive(buffer, arrived, seen));
            self.opened += open(connection) - open_before;
            if let Some(why) = outcome.map_or_else(|error| Some(format!("{error:#}")), ended) {
                connection.is_over = true;
                self.cut += 1;
                if open_before == 0 {
                    self.first_failure.get_or_insert(why);
                }
            }
        }
        Ok(())
    }

    /// What the readers got so far.
    pub fn tally(&self) -> Tally {
        let mut tally = Tally {
            cut: self.cut,
            ..Tally::default()
        };
        for reader in self.connections.iter().flat_map(|it| &it.readers) {
            tally.received += reader.received;
            tally.skipped += reader.skipped;
            tally.repeated += reader.repeated;
        }
        tally
    }

    /// How often a reader was given something, be it an event or a sign of life.
    pub fn pieces(&self) -> u64 {
        self.pieces
    }

    /// How long events took, since this was last asked for.
    pub fn take_latencies(&mut self) -> Histogram {
        std::mem::take(&mut self.latencies)
    }

    /// When the first of the events that came was published.
    pub fn first_stamp(&self) -> Duration {
        self.first_stamp
    }

    /// When the last event came.
    pub fn last_arrival(&self) -> Duration {
        self.last_arrival
    }

    /// The end of what the first connection got.
    pub fn tail(&self) -> String {
        String::from_utf8_lossy(&self.tail).into_owned()
    }
}

/// What to say of a connection that is over.
fn ended(is_over: bool) -> Option<String> {
    is_over.then(|| "a connection was ended".into())
}
