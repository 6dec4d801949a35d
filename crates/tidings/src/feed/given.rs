use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    task::Waker,
};

use tidings_log::Timestamp;

use crate::group::Mark;

/// What all members of a feed have been given, and how they hold it up. Nothing is ordered by it.
#[derive(Debug)]
pub(super) struct Given {
    number: AtomicU64,
    bytes: AtomicU64,
    at: AtomicU64,
    /// How many members are to leave before anything more is taken.
    holders: AtomicUsize,
    /// Wakes the feed.
    waker: Waker,
}

/// A reader's place in a feed.
#[derive(Debug)]
pub(crate) struct FedPlace {
    joined: Mark,
    given: Arc<Given>,
    waker: Waker,
}

impl FedPlace {
    pub(super) fn new(joined: Mark, given: Arc<Given>, waker: Waker) -> Self {
        Self {
            joined,
            given,
            waker,
        }
    }

    pub(super) fn is_in(&self, given: &Arc<Given>) -> bool {
        Arc::ptr_eq(&self.given, given)
    }

    /// Events and bytes that it was given, and when the last of them.
    pub(crate) fn given(&self) -> Option<(u64, u64, Timestamp)> {
        let (events, bytes) = self.since_joined(self.given.mark());
        (events > 0).then(|| (events, bytes, self.given.at()))
    }

    /// The number of the item that comes next, as far as is known.
    pub(crate) fn next(&self) -> u64 {
        self.given.mark().number.max(self.joined.number)
    }

    pub(crate) fn waker(&self) -> &Waker {
        &self.waker
    }

    /// Has the feed take nothing that comes from now on before the reader has left it.
    pub(crate) fn hold(&self) {
        self.given.holders.fetch_add(1, Ordering::Relaxed);
    }

    /// Lets the feed go on, since a reader that held it has left. To be called with no lock held.
    pub(crate) fn let_go(&self) {
        if self.given.holders.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.given.waker.wake_by_ref();
        }
    }

    /// Events and bytes between its joining and this mark.
    pub(super) fn since_joined(&self, given: Mark) -> (u64, u64) {
        let events = given.number.saturating_sub(self.joined.number);
        let bytes = given.bytes.saturating_sub(self.joined.bytes);
        (events, bytes)
    }
}

impl Given {
    pub(super) fn new(waker: Waker) -> Self {
        Self {
            number: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            at: AtomicU64::new(0),
            holders: AtomicUsize::new(0),
            waker,
        }
    }

    pub(super) fn waker(&self) -> &Waker {
        &self.waker
    }

    /// Whether members are to leave before anything more is taken. Whoever sees an item that was pushed after one of them
    /// began to hold sees that too: the lock of the tail is between the two.
    pub(super) fn is_held(&self) -> bool {
        self.holders.load(Ordering::Relaxed) > 0
    }

    pub(super) fn note(&self, mark: Mark, now: Timestamp) {
        if self.number.swap(mark.number, Ordering::Relaxed) != mark.number {
            self.bytes.store(mark.bytes, Ordering::Relaxed);
            self.at.store(now.as_millis(), Ordering::Relaxed);
        }
    }

    pub(super) fn at(&self) -> Timestamp {
        Timestamp::from_millis(self.at.load(Ordering::Relaxed))
    }

    fn mark(&self) -> Mark {
        Mark {
            number: self.number.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }
}
