//! How many views each caller looks at.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tidings::Peer;

use crate::site::Site;

/// Who looks, as far as views are shared out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Caller {
    Identity {
        namespace: Option<Box<str>>,
        name: Box<str>,
    },
    Site(Site),
}

impl Caller {
    /// By the identity, else by the address; `None` if nothing tells this one from others.
    pub(super) fn of(peer: &Peer) -> Option<Self> {
        let owner = peer.owner.as_deref();
        let identity = owner.and_then(|owner| {
            Some(Self::Identity {
                namespace: owner.namespace.clone(),
                name: owner.identity.clone()?,
            })
        });
        let site = || peer.remote.map(|remote| Self::Site(Site::of(remote.ip())));
        identity.or_else(site)
    }
}

/// The views that callers look at.
#[derive(Debug, Default)]
pub(super) struct Shares {
    /// Of each caller that looks at any, their numbers, and how often it looks at each. Nothing else is locked under it.
    taken: Mutex<HashMap<Caller, HashMap<u64, usize>>>,
}

/// That a caller looks at a view, until it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    shares: Arc<Shares>,
    caller: Caller,
    view: u64,
}

impl Shares {
    /// Has a caller look at the view of this number, once more if it does already. `None` if it looks at as many others as it
    /// may.
    pub(super) fn take(self: &Arc<Self>, caller: Caller, view: u64, most: usize) -> Option<Share> {
        let mut taken = self.taken();
        let own = taken.get(&caller);
        let is_first = own.is_none_or(|own| !own.contains_key(&view));
        if is_first && own.map_or(0, HashMap::len) >= most {
            return None;
        }
        let own = taken.entry(caller.clone()).or_default();
        *own.entry(view).or_default() += 1;
        drop(taken);
        Some(Share {
            shares: self.clone(),
            caller,
            view,
        })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<Caller, HashMap<u64, usize>>> {
        // Counts are whole between statements.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.shares.taken();
        let Some(own) = taken.get_mut(&self.caller) else {
            return;
        };
        if let Entry::Occupied(mut looks) = own.entry(self.view) {
            *looks.get_mut() -= 1;
            if *looks.get() == 0 {
                looks.remove();
            }
        }
        if own.is_empty() {
            taken.remove(&self.caller);
        }
    }
}

#[cfg(test)]
mod tests {
    use tidings::Owner;

    use super::*;

    fn at(address: &str) -> Peer {
        Peer {
            remote: Some(address.parse().unwrap()),
            ..Peer::default()
        }
    }

    fn named(name: Option<&str>, namespace: Option<&str>) -> Peer {
        let owner = Owner {
            identity: name.map(Box::from),
            namespace: namespace.map(Box::from),
            ..Owner::default()
        };
        Peer {
            owner: Some(Arc::new(owner)),
            ..at("192.0.2.1:1")
        }
    }

    #[test]
    fn callers_are_told_apart_by_identity_and_else_by_address() {
        let same = |one: &Peer, other: &Peer| Caller::of(one) == Caller::of(other);
        assert!(same(&named(Some("me"), None), &named(Some("me"), None)));
        assert!(!same(&named(Some("me"), None), &named(Some("you"), None)));
        assert!(!same(
            &named(Some("me"), None),
            &named(Some("me"), Some("shop"))
        ));
        assert!(same(&named(None, None), &at("192.0.2.1:2")));
        assert!(!same(&at("192.0.2.1:1"), &at("192.0.2.2:1")));
        assert!(same(&at("[2001:db8::1]:1"), &at("[2001:db8::2]:1")));
        assert_eq!(Caller::of(&Peer::default()), None);
    }

    #[test]
    fn a_caller_looks_at_so_many_views_and_at_each_as_often_as_it_likes() {
        let shares = Arc::new(Shares::default());
        let take = |peer: &Peer, view| shares.take(Caller::of(peer).unwrap(), view, 2);
        let (one, other) = (at("192.0.2.1:1"), at("192.0.2.2:1"));
        let mut held = vec![take(&one, 1), take(&one, 2), take(&one, 1), take(&other, 3)];
        assert!(held.iter().all(Option::is_some));
        assert!(take(&one, 3).is_none());
        held.remove(0);
        assert!(take(&one, 3).is_none());
        held.remove(1);
        held.push(take(&one, 3));
        assert!(held.iter().all(Option::is_some));
        drop(held);
        assert!(shares.taken().is_empty());
    }

    #[test]
    fn whoever_may_look_at_nothing_leaves_no_trace() {
        let shares = Arc::new(Shares::default());
        let caller = Caller::of(&at("192.0.2.1:1")).unwrap();
        assert!(shares.take(caller, 1, 0).is_none());
        assert!(shares.taken().is_empty());
    }
}
