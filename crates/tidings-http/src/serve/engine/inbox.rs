//! How a thread is told of new streams and of those that have something to write.

use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Wake;

use super::Adopted;
use super::slot::Slot;
use super::tally::Counted;

/// What others have for a thread. It is rung for only if it sleeps, so however many streams one event wakes, it is
/// told once.
#[derive(Debug)]
pub(super) struct Inbox {
    /// Guards what has come; held to add to it and to take all of it, never with another lock.
    posted: Mutex<Posted>,
    bell: mio::Waker,
}

/// What has come since the thread last looked.
#[derive(Debug, Default)]
pub(super) struct Posted {
    pub(super) adopted: Vec<(Adopted, Counted)>,
    /// What to look at; each at most once.
    pub(super) ready: Vec<Target>,
    /// The thread is to end, or has ended: nothing is taken any more.
    pub(super) stop: bool,
    asleep: bool,
}

/// What a thread looks at when it is woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// The connection in this place.
    Connection(Slot),
    /// The fan-out in this place.
    Fanout(Slot),
}

/// Has a thread look at something.
#[derive(Debug)]
pub(super) struct Signal {
    inbox: Arc<Inbox>,
    target: Target,
    /// It waits to be looked at.
    raised: AtomicBool,
}

impl Inbox {
    pub(super) fn new(bell: mio::Waker) -> Self {
        Self {
            posted: Mutex::default(),
            bell,
        }
    }

    pub(super) fn adopt(&self, adopted: Adopted, counted: Counted) {
        self.post(|posted| posted.adopted.push((adopted, counted)));
    }

    pub(super) fn stop(&self) {
        self.post(|posted| posted.stop = true);
    }

    /// Moves what has come into `taken`, which gives its room in return.
    pub(super) fn take(&self, taken: &mut Posted) {
        taken.adopted.clear();
        taken.ready.clear();
        let mut posted = self.posted();
        posted.asleep = false;
        mem::swap(&mut posted.adopted, &mut taken.adopted);
        mem::swap(&mut posted.ready, &mut taken.ready);
        taken.stop = posted.stop;
    }

    /// Whether there is nothing, in which case the bell rings for what comes next.
    pub(super) fn sleep(&self) -> bool {
        let mut posted = self.posted();
        posted.asleep = posted.adopted.is_empty() && posted.ready.is_empty() && !posted.stop;
        posted.asleep
    }

    fn post(&self, add: impl FnOnce(&mut Posted)) {
        let mut posted = self.posted();
        if posted.stop {
            // What was to be added goes once the lock has been given back: it may be a stream with wakers of others.
            drop(posted);
            return;
        }
        add(&mut posted);
        let was_asleep = mem::take(&mut posted.asleep);
        drop(posted);
        if was_asleep && let Err(error) = self.bell.wake() {
            // It looks by itself within a second.
            tracing::warn!(%error, "cannot wake a thread that writes streams");
        }
    }

    fn posted(&self) -> MutexGuard<'_, Posted> {
        // Nothing panics while the lock is held.
        self.posted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Signal {
    pub(super) fn new(inbox: Arc<Inbox>, target: Target) -> Self {
        Self {
            inbox,
            target,
            raised: AtomicBool::new(false),
        }
    }

    /// Marks its target as waiting. False if it was already.
    pub(super) fn raise(&self) -> bool {
        !self.raised.swap(true, Ordering::AcqRel)
    }

    /// Has the next wake-up post the target again. To be called before what it tells of is looked at.
    pub(super) fn lower(&self) {
        self.raised.swap(false, Ordering::AcqRel);
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.raise() {
            self.inbox.post(|posted| posted.ready.push(self.target));
        }
    }
}
