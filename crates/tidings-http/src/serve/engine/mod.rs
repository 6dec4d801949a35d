//! Event streams without hyper: a few threads that write to many sockets.
//!
//! A connection comes here when hyper has written the head of its response ([`handoff`](super::handoff)). From then on
//! it is a socket, a body and a waker: no task, no timer and no buffer of its own. A thread polls the bodies that
//! were woken, frames what they give as chunks, and writes it; a body is not asked for more until the kernel has taken
//! what it gave before.
//!
//! If the embedder allows it, live events go past the bodies: a thread takes them from the broker once for all of its
//! connections that follow the same topics, and writes the same bytes to one socket after the other.

mod batch;
mod chunks;
mod connection;
mod count;
mod fanout;
mod gather;
mod inbox;
mod slot;
mod socket;
mod tally;
#[cfg(test)]
mod tests;
mod thread;
mod window;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use axum::body::Body;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tracing::{Span, warn};

use self::inbox::Inbox;
use self::tally::Tally;
use self::thread::Engine;
use super::admission::Permit;
use crate::stream::Tap;

pub use self::count::EngineCount;

/// An event stream whose head has been written, with what is held for it until it ends.
#[derive(Debug)]
pub(super) struct Adopted {
    pub(super) socket: std::net::TcpStream,
    pub(super) body: Body,
    pub(super) tap: Tap,
    pub(super) permit: Permit,
    pub(super) span: Span,
}

/// What an embedder decides about the threads.
#[derive(Clone, Copy, Debug)]
pub(super) struct EngineSettings {
    pub(super) threads: usize,
    /// Live events are taken from the broker, and not from the bodies.
    pub(super) past_layers: bool,
}

/// The threads of a server. Dropping this cuts their streams and ends them.
#[derive(Debug)]
pub(super) struct Engines {
    door: EngineDoor,
    threads: Vec<Thread>,
}

/// Where streams are handed to the threads.
#[derive(Clone, Debug)]
pub(super) struct EngineDoor(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    inboxes: Vec<Arc<Inbox>>,
    /// Whose turn it is to be given a stream.
    turn: AtomicUsize,
    tally: Arc<Tally>,
}

#[derive(Debug)]
struct Thread {
    handle: JoinHandle<usize>,
    /// Closed by the end of the thread.
    ended: oneshot::Receiver<()>,
}

impl Engines {
    /// Starts the threads, or none if the system has not enough for them: what they would have written is then
    /// written by the runtime, at a higher price. A reader that takes nothing for `write_timeout` is cut.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub(super) fn start(
        settings: EngineSettings,
        running: &EngineCount,
        write_timeout: Duration,
    ) -> Self {
        Self::try_start(settings, running, write_timeout).unwrap_or_else(|error| {
            warn!(%error, "cannot start the threads that write streams");
            Self::of(Vec::new())
        })
    }

    fn try_start(
        settings: EngineSettings,
        running: &EngineCount,
        write_timeout: Duration,
    ) -> io::Result<Self> {
        let made: io::Result<Vec<_>> = (0..settings.threads)
            .map(|_| Engine::new(settings, write_timeout))
            .collect();
        let (inboxes, engines): (Vec<_>, Vec<_>) = made?.into_iter().unzip();
        let mut started = Self::of(inboxes);
        for engine in engines {
            let (alive, ended) = oneshot::channel();
            let counted = running.enter();
            let runtime = Handle::current();
            let thread = Builder::new().name("tidings-engine".into());
            let handle = thread.spawn(move || {
                let _until_the_end = (alive, counted);
                // Bodies may use timers and clocks of the runtime.
                let _runtime = runtime.enter();
                engine.run()
            })?;
            started.threads.push(Thread { handle, ended });
        }
        Ok(started)
    }

    fn of(inboxes: Vec<Arc<Inbox>>) -> Self {
        Self {
            door: EngineDoor(Arc::new(Shared {
                inboxes,
                turn: AtomicUsize::new(0),
                tally: Arc::default(),
            })),
            threads: Vec::new(),
        }
    }

    /// Where to hand streams in, if there is a thread.
    pub(super) fn door(&self) -> Option<EngineDoor> {
        (!self.threads.is_empty()).then(|| self.door.clone())
    }

    /// How many streams there are, with those that are just closing.
    pub(super) fn open(&self) -> usize {
        self.door.0.tally.open()
    }

    /// Returns once there is no stream.
    pub(super) async fn emptied(&self) {
        self.door.0.tally.emptied().await;
    }

    /// Cuts what there is and ends the threads. Gives the number of streams that had not ended.
    pub(super) async fn stop(mut self) -> usize {
        self.tell_to_stop();
        let mut cut = 0;
        for Thread { handle, ended } in std::mem::take(&mut self.threads) {
            // The sender is dropped with the thread, which is all there is to wait for.
            let _ = ended.await;
            cut += handle.join().unwrap_or(0);
        }
        cut
    }

    fn tell_to_stop(&self) {
        for inbox in &self.door.0.inboxes {
            inbox.stop();
        }
    }
}

impl Drop for Engines {
    fn drop(&mut self) {
        self.tell_to_stop();
        for Thread { handle, .. } in self.threads.drain(..) {
            // A thread does not panic, and if it did there would be nothing more to stop.
            let _ = handle.join();
        }
    }
}

impl EngineDoor {
    /// Gives a stream to the next thread. Once the threads have been told to stop it is cut.
    pub(super) fn adopt(&self, adopted: Adopted) {
        let Shared {
            inboxes,
            turn,
            tally,
        } = &*self.0;
        let turn = turn.fetch_add(1, Ordering::Relaxed) % inboxes.len();
        inboxes[turn].adopt(adopted, tally.enter());
    }
}
