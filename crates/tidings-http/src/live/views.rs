//! The views of a resource that somebody looks at.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, mpsc};

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

/// By key, all views that somebody looks at.
pub(super) struct Views<K> {
    /// Held briefly, and while keys are compared.
    entries: Mutex<HashMap<K, Entry>>,
}

struct Entry {
    joins: mpsc::WeakSender<Join>,
    refresh: Arc<Notify>,
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
        self.views.entries().len()
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
        if let Some(entry) = entries.get(key)
            && let Some(lease) = entry.joins.upgrade()
            && !lease.is_closed()
        {
            return Ok((lease, None));
        }
        if entries.len() >= most && !entries.contains_key(key) {
            return Err(Full);
        }
        let (lease, joins) = mpsc::channel(QUEUE);
        let refresh = Arc::new(Notify::new());
        let entry = Entry {
            joins: lease.downgrade(),
            refresh: refresh.clone(),
        };
        entries.insert(key.clone(), entry);
        Ok((lease, Some(Vacancy { joins, refresh })))
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
