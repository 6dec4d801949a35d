use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use mio::{Interest, Token};

use crate::load::{
    Fleet,
    connection::{Asking, Connection},
};

/// Connections that are on their way at a time: less than any contender's backlog.
const RAMP: usize = 64;
/// How long all connections may take, and how long it may be silent meanwhile.
const PATIENCE: Duration = Duration::from_secs(120);

impl Fleet {
    /// Connects, and returns once all streams have begun. `last` is the number of the event the readers have seen last.
    ///
    /// # Errors
    /// If one of them does not begin.
    pub fn open(
        &mut self,
        port: u16,
        asked: &[Asking],
        last: u64,
        per_second: Option<u32>,
    ) -> Result<()> {
        let began = Instant::now();
        let first = self.connections.len();
        let mut wanted = self.opened;
        for (place, asking) in asked.iter().enumerate() {
            if let Some(rate) = per_second {
                let due = Duration::from_secs_f64(place as f64 / f64::from(rate));
                while began.elapsed() < due {
                    self.turn(Duration::from_millis(1))?;
                }
            }
            while self.connections.len() - first >= RAMP && wanted - self.opened >= RAMP {
                self.turn(Duration::from_millis(100))?;
                self.check_opening(began)?;
            }
            let mut connection = Connection::begin(port, asking, last, None)?;
            let token = Token(self.connections.len());
            let interest = Interest::READABLE | Interest::WRITABLE;
            self.poll
                .registry()
                .register(&mut connection.socket, token, interest)?;
            self.connections.push(connection);
            wanted += asking.readers();
        }
        while self.opened < wanted {
            self.turn(Duration::from_millis(100))?;
            self.check_opening(began)?;
        }
        Ok(())
    }

    fn check_opening(&self, began: Instant) -> Result<()> {
        if began.elapsed() > PATIENCE {
            bail!("only {} streams began", self.opened);
        }
        match &self.first_failure {
            Some(failure) => bail!("after {} streams: {failure}", self.opened),
            None => Ok(()),
        }
    }
}
