use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::connection::Connection;
use crate::patience::PATIENCE;

/// Where the runs of a hub are found, and which of them is up.
///
/// Publishers and readers that outlive a run wait here for the next one.
#[derive(Debug, Clone)]
pub struct Whereabouts {
    address: SocketAddr,
    shared: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Debug, Default)]
struct State {
    run: usize,
    up: bool,
    finishing: Option<Instant>,
}

impl Whereabouts {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            shared: Arc::default(),
        }
    }

    /// Tells everybody that the work is to be brought to its end: publishers stop, and readers
    /// read what is left as fast as they can.
    pub fn finish(&self) {
        self.change(|state| state.finishing = Some(Instant::now()));
    }

    /// Begins a run that nobody connects to yet.
    pub(crate) fn begin(&self, run: usize) {
        self.change(|state| state.run = run);
    }

    pub(crate) fn up(&self) {
        self.change(|state| state.up = true);
    }

    pub(crate) fn down(&self) {
        self.change(|state| state.up = false);
    }

    /// Waits until a run is up and connects to it. The number is that of the very run that the
    /// connection leads to.
    ///
    /// # Panics
    ///
    /// When no run comes up.
    pub(crate) fn connect(&self) -> (usize, Connection) {
        loop {
            let run = self.await_up();
            let connection = Connection::try_open(self.address);
            if let Some(connection) = connection.ok().filter(|_| self.lock().run == run) {
                return (run, connection);
            }
            thread::yield_now();
        }
    }

    /// Whether [`finish`](Self::finish) was called.
    ///
    /// # Panics
    ///
    /// When it was called so long ago that whoever asks must hang.
    pub(crate) fn is_finishing(&self) -> bool {
        let finishing = self.lock().finishing;
        let since = finishing.map(|start| start.elapsed());
        assert!(
            since.is_none_or(|since| since < PATIENCE),
            "not finished after {PATIENCE:?}"
        );
        since.is_some()
    }

    /// Does nothing for `pause`, or until there is no time to lose.
    pub(crate) fn linger(&self, pause: Duration) {
        let lingering = |state: &mut State| state.finishing.is_none();
        let waited = self
            .shared
            .1
            .wait_timeout_while(self.lock(), pause, lingering);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    fn await_up(&self) -> usize {
        let waited = self
            .shared
            .1
            .wait_timeout_while(self.lock(), PATIENCE, |state| !state.up);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(state.up, "no run of the hub came up in {PATIENCE:?}");
        state.run
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.shared.1.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
