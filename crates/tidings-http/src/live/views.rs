//! The views of a resource that somebody looks at.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::timeout;

use super::provider::Key;
use super::viewer::{Join, Lease};

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
}

struct Entry {
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
pub(super) struct Vacancy {
    pub(super) joins: mpsc::Receiver<Join>,
    pub(super) refresh: Arc<Notify>,
}

/// There are as many views as allowed.
pub(super) struct Full;

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
        })
    }

    /// A lease of the view of this key, and what is needed to make it if it is not there.
    pub(super) fn enter(&self, key: &K, most: usize) -> Result<(Lease, Option<Vacancy>), Full> {
        let mut entries = self.entries();
        let (lease, mut joins) = mpsc::channel(QUEUE);
        if let Some(entry) = entries.get_mut(key) {
            if let State::Open(open) = &entry.state
                && let Some(lease) = open.upgrade()
                && !lease.is_closed()
            {
                return Ok((lease, None));
            }
            let open = State::Open(lease.downgrade());
            if let State::Resting(resting) = std::mem::replace(&mut entry.state, open) {
                match resting.send(joins) {
                    Ok(()) => return Ok((lease, None)),
                    // It has just ended.
                    Err(unsent) => joins = unsent,
                }
            }
        } else if entries.len() >= most {
            let resting = |(key, entry): (&K, &Entry)| match entry.state {
                State::Resting(_) => Some(key.clone()),
                State::Open(_) => None,
            };
            let resting = entries.iter().find_map(resting).ok_or(Full)?;
            entries.remove(&resting);
        }
        let refresh = Arc::new(Notify::new());
        let entry = Entry {
            state: State::Open(lease.downgrade()),
            refresh: refresh.clone(),
        };
        entries.insert(key.clone(), entry);
        Ok((lease, Some(Vacancy { joins, refresh })))
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
