//! How many streams the threads hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Counts streams, and tells when there is none.
#[derive(Debug, Default)]
pub(super) struct Tally {
    open: AtomicUsize,
    none: Notify,
}

/// One stream in the count.
#[derive(Debug)]
pub(super) struct Counted(Arc<Tally>);

impl Tally {
    pub(super) fn enter(self: &Arc<Self>) -> Counted {
        self.open.fetch_add(1, Ordering::AcqRel);
        Counted(Arc::clone(self))
    }

    pub(super) fn open(&self) -> usize {
        self.open.load(Ordering::Acquire)
    }

    pub(super) async fn emptied(&self) {
        loop {
            // Before the look at the count: what is told after this is heard.
            let none = self.none.notified();
            if self.open() == 0 {
                return;
            }
            none.await;
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if self.0.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.none.notify_waiters();
        }
    }
}
