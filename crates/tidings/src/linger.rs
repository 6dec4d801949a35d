//! Wake-ups that are put off, so that what comes meanwhile leaves together.

use std::{
    collections::BTreeMap,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak},
    thread,
    time::{Duration, Instant},
};

use crate::{group::Group, shared::wake};

/// The groups whose takers are to be woken later.
#[derive(Clone, Debug, Default)]
pub(crate) struct Linger(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Held for moments, under the core's lock or alone.
    due: Mutex<Due>,
    sooner: Condvar,
}

#[derive(Debug, Default)]
struct Due {
    /// By time, and by a number that keeps those of one time apart.
    groups: BTreeMap<(Instant, u64), Weak<Group>>,
    next: u64,
    /// Whether there is a thread that keeps the time.
    is_kept: bool,
}

/// How long the thread stays when there is nothing to wait for.
const IDLE: Duration = Duration::from_secs(10);

impl Linger {
    /// Has the takers of the group that are parked then woken at this time. False if the system has no thread for it.
    pub(crate) fn remind(&self, group: &Arc<Group>, at: Instant) -> bool {
        let mut due = self.0.due();
        if !due.is_kept {
            let inner = self.0.clone();
            let thread = thread::Builder::new().name("tidings-linger".into());
            due.is_kept = thread.spawn(move || inner.keep_time()).is_ok();
        }
        if due.is_kept {
            let number = due.next;
            due.next += 1;
            due.groups.insert((at, number), Arc::downgrade(group));
            self.0.sooner.notify_one();
        }
        due.is_kept
    }
}

impl Inner {
    fn due(&self) -> MutexGuard<'_, Due> {
        // Nothing panics while the lock is held.
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes whoever is due, until nobody has been for a while.
    fn keep_time(&self) {
        let mut due = self.due();
        loop {
            let now = Instant::now();
            let later = due.groups.split_off(&(now, u64::MAX));
            let ready = mem::replace(&mut due.groups, later);
            if !ready.is_empty() {
                drop(due);
                let groups = ready.into_values().filter_map(|group| group.upgrade());
                for group in groups {
                    // What panics in a waker is of one reader; the others are to be woken nevertheless.
                    let _ = catch_unwind(AssertUnwindSafe(|| wake(group.ring())));
                }
                due = self.due();
                continue;
            }
            let first = due.groups.keys().next();
            let patience = first.map_or(IDLE, |(at, _)| at.saturating_duration_since(now));
            let waited = self.sooner.wait_timeout(due, patience);
            let (guard, waited) = waited.unwrap_or_else(PoisonError::into_inner);
            due = guard;
            if waited.timed_out() && due.groups.is_empty() {
                due.is_kept = false;
                return;
            }
        }
    }
}
