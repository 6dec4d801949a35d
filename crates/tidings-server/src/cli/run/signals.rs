//! Signals that are meant for the command.

use std::future::pending;
use std::{fs, io};

use nix::sys::signal::Signal;
use tokio::signal::unix::{self, SignalKind};

/// The signals that a person, a supervisor or a closed terminal sends to end a command.
#[derive(Debug)]
pub(crate) struct Signals {
    interrupt: unix::Signal,
    terminate: unix::Signal,
    hangup: Option<unix::Signal>,
}

impl Signals {
    /// From now on SIGINT and SIGTERM no longer end this process.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: unix::signal(SignalKind::interrupt())?,
            terminate: unix::signal(SignalKind::terminate())?,
            hangup: None,
        })
    }

    /// Neither does SIGHUP, which stays without effect where it was, as after `nohup`.
    pub(crate) fn and_hangup(mut self) -> io::Result<Self> {
        if !is_ignored(Signal::SIGHUP) {
            self.hangup = Some(unix::signal(SignalKind::hangup())?);
        }
        Ok(self)
    }

    /// The next of them.
    pub(crate) async fn next(&mut self) -> Signal {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => Signal::SIGINT,
            _ = self.terminate.recv() => Signal::SIGTERM,
            _ = hangup => Signal::SIGHUP,
        }
    }
}

/// Waits for a signal of somebody who does not want to wait once the command has ended. A terminal
/// that is closed can hang up more than once, and has nobody in front of it who waits.
pub(crate) async fn told_to_stop(signals: &mut Signals) {
    while signals.next().await == Signal::SIGHUP {}
}

/// Whether this process was started with the signal ignored. Only Linux tells.
fn is_ignored(signal: Signal) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mut lines = status.lines();
    let ignored = lines.find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & (1 << (signal as i32 - 1)) != 0)
}
