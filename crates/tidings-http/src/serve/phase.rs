//! The life of a server as its connections see it.

use tokio::sync::watch;

/// What the server is doing; only ever goes forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Taking requests.
    Serving,
    /// Letting the requests in flight be the last ones.
    Draining,
    /// Cutting what is left.
    Over,
}

/// A connection's view of the phase.
#[derive(Clone)]
pub(super) struct Phases(watch::Receiver<Phase>);

impl Phases {
    pub(super) fn new() -> (watch::Sender<Phase>, Self) {
        let (sender, receiver) = watch::channel(Phase::Serving);
        (sender, Self(receiver))
    }

    pub(super) fn current(&self) -> Phase {
        *self.0.borrow()
    }

    /// The phase after the next change, or at once if it has changed since the last call.
    pub(super) async fn next(&mut self) -> Phase {
        match self.0.changed().await {
            Ok(()) => *self.0.borrow_and_update(),
            Err(_server_dropped) => Phase::Over,
        }
    }
}
