//! The one thread that commits: whatever has gathered, one round after the other.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Weak,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use tracing::{error, info, warn};

use crate::{
    StoreFailed,
    queue::{Round, Wakeups},
    shared::Shared,
};

/// How often what is evicted is removed from the store although it is little.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// A round of so many batches has gathered enough by itself.
const CROWDED_ROUND: usize = 256;
/// How long after a failure the store is opened again, at first and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// Tells the writer that something waits. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Bell(SyncSender<()>);

/// What the writer listens to.
#[derive(Debug)]
pub(crate) struct Rings(Receiver<()>);

impl Bell {
    pub(crate) fn new() -> (Self, Rings) {
        let (bell, rings) = sync_channel(1);
        (Self(bell), Rings(rings))
    }

    pub(crate) fn ring(&self) {
        match self.0.try_send(()) {
            // It has been rung already, or nobody is there to hear it after the broker was closed.
            Ok(()) | Err(TrySendError::Full(()) | TrySendError::Disconnected(())) => {}
        }
    }
}

impl Rings {
    /// Starts the writer of a broker, which ends with it.
    ///
    /// # Errors
    /// If the system has no thread left.
    pub(crate) fn start_writer(self, broker: Weak<Shared>) -> std::io::Result<()> {
        let writer = thread::Builder::new().name("tidings-writer".into());
        let work = move || {
            let ended = catch_unwind(AssertUnwindSafe(|| write(&broker, &self.0)));
            if let (Err(_), Some(shared)) = (ended, broker.upgrade()) {
                shared.give_up();
            }
        };
        writer.spawn(work).map(drop)
    }
}

fn write(broker: &Weak<Shared>, rings: &Receiver<()>) {
    let mut swept = Instant::now();
    loop {
        match rings.recv_timeout(SWEEP_EVERY.saturating_sub(swept.elapsed())) {
            Ok(()) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let sweep = swept.elapsed() >= SWEEP_EVERY;
        if sweep {
            swept = Instant::now();
        }
        let Some(shared) = broker.upgrade() else {
            return;
        };
        match shared.commit_rounds(rings, sweep) {
            Ok(After::GoOn) => {}
            Ok(After::Closed) => return,
            Err(failed) => {
                error!(%failed, "events are refused until the store works again");
                drop(shared);
                if !reopen(broker, rings) {
                    return;
                }
            }
        }
    }
}

/// Tries until the store takes a lot again. False if the broker is gone.
fn reopen(broker: &Weak<Shared>, rings: &Receiver<()>) -> bool {
    let (mut delay, longest) = RETRY;
    let mut told: Option<StoreFailed> = None;
    loop {
        let next_try = Instant::now() + delay;
        loop {
            let left = next_try.saturating_duration_since(Instant::now());
            match rings.recv_timeout(left) {
                // Nobody who rings makes the store work sooner.
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
        let Some(shared) = broker.upgrade() else {
            return false;
        };
        match shared.reopen_store() {
            Ok(()) => {
                info!("the store works again");
                return true;
            }
            // What is wrong has been said at the beginning, unless it is something else now.
            Err(failed) if told.replace(failed.clone()).as_ref() != Some(&failed) => {
                warn!(%failed, "the store does not work yet");
            }
            Err(_) => {}
        }
        delay = (delay * 2).min(longest);
    }
}

/// What comes after the rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    GoOn,
    /// The store is closed.
    Closed,
}

impl Shared {
    /// The writer has ended for no good reason: nobody is to wait for it.
    fn give_up(&self) {
        let mut wakeups = Wakeups::default();
        self.core
            .lock()
            .give_up(StoreFailed::closed(), &mut wakeups);
        wakeups.send();
        self.note_change();
    }

    /// Commits round by round until nothing waits.
    fn commit_rounds(&self, rings: &Receiver<()>, mut sweep: bool) -> Result<After, StoreFailed> {
        loop {
            let Some(round) = self.core.lock().next_round(sweep) else {
                return Ok(After::GoOn);
            };
            sweep = false;
            let (ops, is_last) = (round.ops.len(), round.closes());
            let started = Instant::now();
            self.commit(round)?;
            if is_last {
                return Ok(After::Closed);
            }
            if (2..CROWDED_ROUND).contains(&ops) {
                self.gather(ops, rings, started.elapsed() / 2);
            }
        }
    }

    /// Gives publishers who wait for each receipt the time to come with their next event, so that they share one commit
    /// with those who came meanwhile, instead of taking turns with them. That takes a fraction of what a commit does.
    fn gather(&self, acknowledged: usize, rings: &Receiver<()>, at_most: Duration) {
        let deadline = Instant::now() + at_most;
        let waiting = self.core.lock().queue.len();
        while waiting > 0 && self.core.lock().queue.len() < waiting + acknowledged {
            let left = deadline.saturating_duration_since(Instant::now());
            if rings.recv_timeout(left).is_err() {
                return;
            }
        }
    }

    fn commit(&self, round: Round) -> Result<(), StoreFailed> {
        let committed = if round.lot.is_empty() && !round.tries() {
            Ok(())
        } else {
            self.store.commit(&round.lot)
        };
        let failed = committed.err().map(StoreFailed::new);
        if round.closes() {
            // Whatever it says, it is closed.
            self.store
                .close()
                .unwrap_or_else(|error| warn!(%error, "the store was not closed properly"));
        }
        let mut wakeups = Wakeups::default();
        let mut core = self.core.lock();
        match &failed {
            None => core.finish(round, &mut wakeups),
            Some(failed) => core.fail(round, failed.clone(), &mut wakeups),
        }
        self.unlock_and_tell(core, wakeups);
        if failed.is_some() {
            self.note_change();
        }
        failed.map_or(Ok(()), Err)
    }

    /// Opens the store again, and lets events in if a lot can be committed: one that removes what a failed one may have
    /// left.
    fn reopen_store(&self) -> Result<(), StoreFailed> {
        self.store.reopen().map_err(StoreFailed::new)?;
        let round = self.core.lock().first_round();
        self.commit(round)?;
        self.core.lock().failure = None;
        self.note_change();
        Ok(())
    }
}
