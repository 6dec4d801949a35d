use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many subscriptions there may be at a time, and how many there are: those of one broker, or of several that share
/// a limit.
#[derive(Debug)]
pub(crate) struct Admissions {
    most: usize,
    taken: AtomicUsize,
}

/// The place of one subscription, until it is dropped or kept.
#[derive(Debug)]
pub(crate) struct Admission(Option<Arc<Admissions>>);

impl Admissions {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            taken: AtomicUsize::new(0),
        })
    }

    /// Admits one more, if there is room.
    pub(crate) fn take(self: &Arc<Self>) -> Option<Admission> {
        let one_more = |taken| (taken < self.most).then(|| taken + 1);
        // It guards nothing but itself.
        let taken = self
            .taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        taken.ok().map(|_| Admission(Some(self.clone())))
    }

    /// Ends an admission that was kept.
    pub(crate) fn give_back(&self) {
        self.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Admission {
    /// Keeps it until it is [given back](Admissions::give_back).
    pub(crate) fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        if let Some(admissions) = &self.0 {
            admissions.give_back();
        }
    }
}
