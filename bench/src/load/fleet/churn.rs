use std::time::{Duration, Instant};

use anyhow::Result;
use mio::{Interest, Registry, Token};

use crate::load::{
    Fleet,
    connection::{Asking, Connection},
};

/// Tokens from here on are of readers that come and go.
pub(super) const FIRST: usize = 1 << 24;
/// How many of them are on their way at a time; what is due beyond that waits.
const AT_A_TIME: usize = 256;

/// Readers that come and go: each closes its connection as soon as its stream has begun.
#[derive(Debug)]
pub(super) struct Churn {
    port: u16,
    asking: Asking,
    per_second: f64,
    began: Instant,
    begun: u64,
    under_way: Vec<Option<Connection>>,
    /// Places in `under_way` that nobody has.
    free: Vec<usize>,
    churned: Churned,
}

/// What became of readers that came and went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Churned {
    /// Streams that began and were closed.
    pub closed: u64,
    /// Streams that were refused, or ended before they had begun.
    pub failed: u64,
    /// For how long they came.
    pub span: Duration,
}

impl Fleet {
    /// From now on so many more readers a second come, and go as soon as their streams have begun. What they get is not counted.
    pub fn begin_churn(&mut self, port: u16, asking: Asking, per_second: u32) {
        self.churn = Some(Churn {
            port,
            asking,
            per_second: f64::from(per_second),
            began: Instant::now(),
            begun: 0,
            under_way: Vec::new(),
            free: Vec::new(),
            churned: Churned::default(),
        });
    }

    /// No more come, and those that are on their way are given up, uncounted.
    pub fn end_churn(&mut self) -> Option<Churned> {
        let churn = self.churn.take()?;
        Some(Churned {
            span: churn.began.elapsed(),
            ..churn.churned
        })
    }
}

impl Churn {
    /// Begins to connect those that are due.
    pub(super) fn connect(&mut self, registry: &Registry) -> Result<()> {
        let due = (self.began.elapsed().as_secs_f64() * self.per_second) as u64;
        while self.begun < due && self.under_way.len() - self.free.len() < AT_A_TIME {
            self.begun += 1;
            let place = self.free.pop().unwrap_or_else(|| {
                self.under_way.push(None);
                self.under_way.len() - 1
            });
            let mut connection = Connection::begin(self.port, &self.asking, 0, None)?;
            let interest = Interest::READABLE | Interest::WRITABLE;
            registry.register(&mut connection.socket, Token(FIRST + place), interest)?;
            self.under_way[place] = Some(connection);
        }
        Ok(())
    }

    /// Reads from one that the system has named, and closes it once it has begun.
    pub(super) fn turn(&mut self, place: usize, buffer: &mut [u8]) {
        let Some(connection) = self.under_way.get_mut(place).and_then(Option::as_mut) else {
            return;
        };
        let taken = connection
            .send()
            .map_err(Into::into)
            .and_then(|()| connection.receive(buffer, |_, _| (), |_| ()));
        if connection.readers.iter().all(|reader| reader.is_open) {
            self.churned.closed += 1;
        } else if taken.unwrap_or(true) {
            self.churned.failed += 1;
        } else {
            return;
        }
        self.under_way[place] = None;
        self.free.push(place);
    }
}
