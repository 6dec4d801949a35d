use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::Waker,
};

use tidings_log::Timestamp;

use crate::group::Mark;

/// What all members of a feed have been given. Nothing is ordered by it.
#[derive(Debug, Default)]
pub(super) struct Given {
    number: AtomicU64,
    bytes: AtomicU64,
    at: AtomicU64,
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

    /// Events and bytes between its joining and this mark.
    pub(super) fn since_joined(&self, given: Mark) -> (u64, u64) {
        let events = given.number.saturating_sub(self.joined.number);
        let bytes = given.bytes.saturating_sub(self.joined.bytes);
        (events, bytes)
    }
}

impl Given {
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
