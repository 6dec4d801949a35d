//! The views of a resource that somebody looks at.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::timeout;

use super::provider::Key;
use super::shares::{Caller, Share, Shares};
use super::viewer::Join;

/// How many viewers wait to be received by their view; further ones wait to wait.
const QUEUE: usize = 64;

/// What a resource is told from outside: that it may have changed. Clones are the same handle.
///
/// The next evaluation of a view begins at once, or a [pace](super::Live::pace) after its last. Views that nobody looks
/// at are not evaluated: whoever looks next finds what is there then.
pub struct Handle<K> {
    views: Arc<Views<K>>,
}

/// By key, all views that somebody looks at, and those that rest.
pub(super) struct Views<K> {
    /// Held briefly, and while keys are compared.
    entries: Mutex<HashMap<K, Entry>>,
    /// Locked under the entries, or alone.
    shares: Arc<Shares>,
    /// How many views there have been.
    made: AtomicU64,
}

struct Entry {
    /// Which one it is, as long as there is one of its key.
    number: u64,
    state: State,
    refresh: Arc<Notify>,
}

enum State {
    /// Somebody looks, or has until a moment ago.
    Open(mpsc::WeakSender<Join>),
    /// Nobody looks. The view goes on when it is given viewers.
    Resting(oneshot::Sender<mpsc::Receiver<Join>>),
}

/// A view that is to be made.
#[derive(Debug)]
pub(super) struct Vacancy {
    pub(super) joins: mpsc::Receiver<Join>,
    pub(super) refresh: Arc<Notify>,
}

/// How many views there may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct MostViews {
    pub(super) in_all: usize,
    /// That one caller looks at.
    pub(super) of_caller: usize,
}

/// Why there is no view for a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoRoom {
    /// There are as many as allowed.
    ForAnybody,
    /// The caller looks at as many others as it may.
    ForCaller,
}

/// What keeps a view going: it ends with the last of them.
#[derive(Debug)]
pub(super) struct Lease {
    joins: mpsc::Sender<Join>,
    /// `None` for a caller that cannot be told from others.
    _share: Option<Share>,
}

impl Lease {
    /// Asks the view to receive a viewer. False if it has ended.
    pub(super) async fn ask(&self, join: Join) -> bool {
        self.joins.send(join).await.is_ok()
    }
}

impl State {
    /// Whether nobody looks any more.
    fn is_left(&self) -> bool {
        match self {
            Self::Open(leases) => leases.strong_count() == 0,
            Self::Resting(_) => true,
        }
    }
}

impl<K: Key> Handle<K> {
    pub(super) fn of(views: &Arc<Views<K>>) -> Self {
        Self {
            views: views.clone(),
        }
    }

    /// Something may have changed.
    pub fn invalidate(&self) {
        self.invalidate_if(|_| true);
    }

    /// Something may have changed for whoever asks this: the arguments of the provider, as a tuple.
    pub fn invalidate_if(&self, is_affected: impl Fn(&K) -> bool) {
        for (key, entry) in self.views.entries().iter() {
            if is_affected(key) {
                entry.refresh.notify_one();
            }
        }
    }

    /// How many distinct views are looked at.
    pub fn views(&self) -> usize {
        let entries = self.views.entries();
        let open = |entry: &&Entry| matches!(entry.state, State::Open(_));
        entries.values().filter(open).count()
    }
}

impl<K: Key> Views<K> {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            entries: Mutex::default(),
            shares: Arc::default(),
            made: AtomicU64::new(0),
        })
    }

    /// A lease of the view of this key for a caller, and what is needed to make the view if it is not there. A view that
    /// nobody looks at any more makes room for another one.
    pub(super) fn enter(
        &self,
        key: &K,
        caller: Option<Caller>,
        most: MostViews,
    ) -> Result<(Lease, Option<Vacancy>), NoRoom> {
        let mut entries = self.entries();
        let known = entries.get(key).map(|entry| entry.number);
        let number = known.unwrap_or_else(|| self.made.fetch_add(1, Ordering::Relaxed));
        let take = |caller| self.shares.take(caller, number, most.of_caller);
        let share = caller.map(|caller| take(caller).ok_or(NoRoom::ForCaller));
        let share = share.transpose()?;
        let lease = |joins| Lease {
            joins,
            _share: share,
        };
        let (sender, mut joins) = mpsc::channel(QUEUE);
        if let Some(entry) = entries.get_mut(key) {
            if let State::Open(open) = &entry.state
                && let Some(open) = open.upgrade()
                && !open.is_closed()
            {
                return Ok((lease(open), None));
            }
            let open = State::Open(sender.downgrade());
            if let State::Resting(resting) = std::mem::replace(&mut entry.state, open) {
                match resting.send(joins) {
                    Ok(()) => return Ok((lease(sender), None)),
                    // It has just ended.
                    Err(unsent) => joins = unsent,
                }
            }
        } else if entries.len() >= most.in_all {
            let left = |(key, entry): (&K, &Entry)| entry.state.is_left().then(|| key.clone());
            let left = entries.iter().find_map(left).ok_or(NoRoom::ForAnybody)?;
            entries.remove(&left);
        }
        let refresh = Arc::new(Notify::new());
        let entry = Entry {
            number,
            state: State::Open(sender.downgrade()),
            refresh: refresh.clone(),
        };
        entries.insert(key.clone(), entry);
        Ok((lease(sender), Some(Vacancy { joins, refresh })))
    }

    /// Waits for viewers to come back to a view that the last of them has left. `None` if none does for long, if
    /// another view has taken its place, or if others need the room.
    pub(super) async fn rest(
        &self,
        key: &K,
        refresh: &Arc<Notify>,
        within: Duration,
    ) -> Option<mpsc::Receiver<Join>> {
        let (resting, woken) = oneshot::channel();
        {
            let mut entries = self.entries();
            let entry = entries.get_mut(key)?;
            if !Arc::ptr_eq(&entry.refresh, refresh) {
                return None;
            }
            entry.state = State::Resting(resting);
        }
        timeout(within, woken).await.ok()?.ok()
    }

    /// Forgets a view, unless another one has taken its place.
    pub(super) fn leave(&self, key: &K, refresh: &Arc<Notify>) {
        let mut entries = self.entries();
        let is_same = |entry: &Entry| Arc::ptr_eq(&entry.refresh, refresh);
        if entries.get(key).is_some_and(is_same) {
            entries.remove(key);
        }
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<K, Entry>> {
        // What a key does when it is compared leaves the map as it was.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K> Clone for Handle<K> {
    fn clone(&self) -> Self {
        Self {
            views: self.views.clone(),
        }
    }
}

impl<K> fmt::Debug for Handle<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tidings::Peer;

    use super::*;

    fn most(in_all: usize, of_caller: usize) -> MostViews {
        MostViews { in_all, of_caller }
    }

    fn at(address: &str) -> Option<Caller> {
        Caller::of(&Peer {
            remote: Some(address.parse().unwrap()),
            ..Peer::default()
        })
    }

    #[test]
    fn a_view_that_was_left_makes_room_although_its_task_has_not_ended() {
        let views = Views::new();
        let (lease, vacancy) = views.enter(&1, None, most(1, 1)).unwrap();
        let refused = views.enter(&2, None, most(1, 1)).unwrap_err();
        assert_eq!(refused, NoRoom::ForAnybody);
        drop(lease);
        let _second = views.enter(&2, None, most(1, 1)).unwrap();
        // The first one ends, and the second stays.
        views.leave(&1, &vacancy.unwrap().refresh);
        assert!(views.enter(&1, None, most(1, 1)).is_err());
    }

    #[test]
    fn a_view_that_begins_again_is_the_same_to_its_callers() {
        let views = Views::new();
        let caller = || at("192.0.2.1:1");
        let (first, vacancy) = views.enter(&1, caller(), most(9, 1)).unwrap();
        // Its task is gone, and those who looked have not left yet.
        drop(vacancy);
        let (_second, vacancy) = views.enter(&1, caller(), most(9, 1)).unwrap();
        assert!(vacancy.is_some());
        drop(first);
        let refused = views.enter(&2, caller(), most(9, 1)).unwrap_err();
        assert_eq!(refused, NoRoom::ForCaller);
        assert!(views.enter(&2, at("192.0.2.2:1"), most(9, 1)).is_ok());
    }

    #[test]
    fn a_caller_who_is_refused_takes_no_share() {
        let views = Views::new();
        let caller = || at("192.0.2.1:1");
        let (full, _vacancy) = views.enter(&1, None, most(1, 1)).unwrap();
        assert!(views.enter(&2, caller(), most(1, 1)).is_err());
        drop(full);
        assert!(views.enter(&3, caller(), most(1, 1)).is_ok());
    }
}
