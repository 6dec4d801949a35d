use std::{
    io::ErrorKind,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

use super::connection::{Asking, Connection};

/// What a reader that takes nothing leaves room for on its own side, in bytes (the system doubles it).
const BUFFER: usize = 4096;
/// How long a stream may take to begin.
const PATIENCE: Duration = Duration::from_secs(10);

/// A reader that takes nothing until it is woken.
#[derive(Debug)]
pub struct Stalled(Connection);

/// What a reader got that had taken nothing for a while.
#[derive(Clone, Copy, Debug)]
pub struct Woken {
    /// Events that came in their turn.
    pub received: u64,
    /// Events that are missing before one that came, and events that came again.
    pub disorder: u64,
    /// Whether the server had cut it, or ended it.
    pub is_cut: bool,
}

impl Stalled {
    /// Opens a stream, over a connection with little room on this side, and reads nothing from it.
    ///
    /// # Errors
    /// If it cannot be connected or its head does not come.
    pub fn open(port: u16, asking: &Asking) -> Result<Self> {
        let mut connection = Connection::begin(port, asking, 0, Some(BUFFER))?;
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            connection.send()?;
            match connection.socket.peek(&mut [0]) {
                Ok(1) => return Ok(Self(connection)),
                Ok(_) => bail!("the stream that is to stall was refused"),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == ErrorKind::NotConnected => {}
                Err(error) => return Err(error.into()),
            }
            thread::sleep(Duration::from_millis(1));
        }
        bail!("the stream that is to stall did not begin")
    }

    /// Reads what is there, until nothing has come for so long.
    pub fn wake(mut self, quiet: Duration) -> Woken {
        let mut buffer = vec![0; 64 * 1024];
        let mut last = Instant::now();
        let mut is_cut = false;
        while !is_cut && last.elapsed() < quiet {
            let mut arrived = 0;
            let outcome = self.0.receive(&mut buffer, |_, _| arrived += 1, |_| ());
            is_cut = outcome.unwrap_or(true);
            if arrived > 0 {
                last = Instant::now();
            } else {
                thread::sleep(Duration::from_millis(1));
            }
        }
        let reader = &self.0.readers[0];
        Woken {
            received: reader.received,
            disorder: reader.skipped + reader.repeated,
            is_cut: is_cut || reader.has_ended,
        }
    }

    /// The port on this side, by which the system tells what it holds for the connection.
    ///
    /// # Errors
    /// If the system does not tell.
    pub fn port(&self) -> Result<u16> {
        Ok(self.0.socket.local_addr()?.port())
    }
}
