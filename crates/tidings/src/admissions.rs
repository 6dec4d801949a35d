use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::{Owner, SubscribeError, sync::Mutex};

/// How many subscriptions there may be at a time, in all and of each namespace and identity, and how many there are: those of
/// one broker, or of several that share a limit.
#[derive(Debug)]
pub(crate) struct Admissions {
    most: Bounds,
    taken: AtomicUsize,
    /// Guards the counts alone, which are changed together.
    shares: Mutex<Shares>,
}

/// The most subscriptions at a time. `None` counts nobody.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) in_all: usize,
    pub(crate) of_namespace: Option<usize>,
    pub(crate) of_identity: Option<usize>,
}

/// How many there are of those that have one at least.
#[derive(Debug, Default)]
struct Shares {
    namespaces: HashMap<Option<Box<str>>, usize>,
    identities: HashMap<Identity, usize>,
}

/// Who a subscription is of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Identity {
    namespace: Option<Box<str>>,
    name: Box<str>,
}

/// The place of one subscription, until it is dropped or kept.
#[derive(Debug)]
pub(crate) struct Admission {
    admissions: Arc<Admissions>,
    owner: Option<Arc<Owner>>,
    is_kept: bool,
}

impl Admissions {
    pub(crate) fn new(most: Bounds) -> Arc<Self> {
        Arc::new(Self {
            most,
            taken: AtomicUsize::new(0),
            shares: Mutex::default(),
        })
    }

    /// Admits one more, if there is room.
    ///
    /// # Errors
    /// [`SubscribeError::TooManySubscriptions`], [`SubscribeError::TooManyOfNamespace`] and
    /// [`SubscribeError::TooManyOfIdentity`].
    pub(crate) fn take(
        self: &Arc<Self>,
        owner: Option<&Arc<Owner>>,
    ) -> Result<Admission, SubscribeError> {
        let one_more = |taken| (taken < self.most.in_all).then(|| taken + 1);
        // It guards nothing but itself.
        self.taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
            .map_err(|_| SubscribeError::TooManySubscriptions)?;
        if let Err(refused) = self.share(owner) {
            self.taken.fetch_sub(1, Ordering::Relaxed);
            return Err(refused);
        }
        Ok(Admission {
            admissions: self.clone(),
            owner: owner.cloned(),
            is_kept: false,
        })
    }

    /// Counts one more for its namespace and its identity, or for neither.
    fn share(&self, owner: Option<&Arc<Owner>>) -> Result<(), SubscribeError> {
        let namespace = self
            .most
            .of_namespace
            .map(|limit| (limit, namespace(owner)));
        let identity = self.most.of_identity.zip(Identity::of(owner));
        if namespace.is_none() && identity.is_none() {
            return Ok(());
        }
        let mut shares = self.shares.lock();
        if let Some((limit, namespace)) = &namespace
            && is_full(&shares.namespaces, namespace, *limit)
        {
            return Err(SubscribeError::TooManyOfNamespace { limit: *limit });
        }
        if let Some((limit, identity)) = &identity
            && is_full(&shares.identities, identity, *limit)
        {
            return Err(SubscribeError::TooManyOfIdentity { limit: *limit });
        }
        if let Some((_, namespace)) = namespace {
            *shares.namespaces.entry(namespace).or_default() += 1;
        }
        if let Some((_, identity)) = identity {
            *shares.identities.entry(identity).or_default() += 1;
        }
        Ok(())
    }

    /// How many there are.
    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// Ends an admission that was kept.
    pub(crate) fn give_back(&self, owner: Option<&Arc<Owner>>) {
        self.taken.fetch_sub(1, Ordering::Relaxed);
        let namespace = self.most.of_namespace.map(|_| namespace(owner));
        let identity = self.most.of_identity.and_then(|_| Identity::of(owner));
        if namespace.is_none() && identity.is_none() {
            return;
        }
        let mut shares = self.shares.lock();
        if let Some(namespace) = namespace {
            count_down(&mut shares.namespaces, &namespace);
        }
        if let Some(identity) = identity {
            count_down(&mut shares.identities, &identity);
        }
    }
}

/// Where a subscription counts: without an owner in the default namespace.
fn namespace(owner: Option<&Arc<Owner>>) -> Option<Box<str>> {
    owner?.namespace.clone()
}

fn is_full<K: Eq + Hash>(counts: &HashMap<K, usize>, of: &K, limit: usize) -> bool {
    counts.get(of).copied().unwrap_or(0) >= limit
}

fn count_down<K: Eq + Hash>(counts: &mut HashMap<K, usize>, of: &K) {
    if let Some(count) = counts.get_mut(of) {
        *count -= 1;
        if *count == 0 {
            counts.remove(of);
        }
    }
}

impl Identity {
    fn of(owner: Option<&Arc<Owner>>) -> Option<Self> {
        let owner = owner?;
        Some(Self {
            namespace: owner.namespace.clone(),
            name: owner.identity.clone()?,
        })
    }
}

impl Admission {
    /// Keeps it until it is [given back](Admissions::give_back).
    pub(crate) fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        if !self.is_kept {
            self.admissions.give_back(self.owner.as_ref());
        }
    }
}

#[cfg(all(test, not(tidings_loom)))]
mod tests {
    use super::*;

    fn owner(namespace: Option<&str>, identity: &str) -> Arc<Owner> {
        Arc::new(Owner {
            identity: Some(identity.into()),
            namespace: namespace.map(Box::from),
            ..Owner::default()
        })
    }

    #[test]
    fn one_identity_leaves_room_for_others() {
        let admissions = Admissions::new(Bounds {
            in_all: 3,
            of_namespace: None,
            of_identity: Some(1),
        });
        let me = owner(None, "me");
        let first = admissions.take(Some(&me)).unwrap();
        let refused = admissions.take(Some(&me)).unwrap_err();
        assert!(matches!(
            refused,
            SubscribeError::TooManyOfIdentity { limit: 1 }
        ));
        let namesake = admissions.take(Some(&owner(Some("shop"), "me"))).unwrap();
        let nobody = admissions.take(None).unwrap();
        let refused = admissions.take(None).unwrap_err();
        assert!(matches!(refused, SubscribeError::TooManySubscriptions));
        drop((first, nobody));
        let again = admissions.take(Some(&me)).unwrap();
        again.keep();
        drop(namesake);
        admissions.give_back(Some(&me));
        assert!(admissions.shares.lock().identities.is_empty());
        assert_eq!(admissions.taken(), 0);
    }

    #[test]
    fn one_namespace_leaves_room_for_others() {
        let admissions = Admissions::new(Bounds {
            in_all: 4,
            of_namespace: Some(2),
            of_identity: Some(1),
        });
        let take = |namespace, identity| admissions.take(Some(&owner(namespace, identity)));
        let held = [take(Some("shop"), "a"), take(Some("shop"), "b")].map(Result::unwrap);
        let refused = take(Some("shop"), "c").unwrap_err();
        assert!(matches!(
            refused,
            SubscribeError::TooManyOfNamespace { limit: 2 }
        ));
        // Whoever comes without credentials is where those of the default namespace are.
        let others = [take(None, "a"), admissions.take(None)].map(Result::unwrap);
        assert_eq!(admissions.taken(), 4);
        drop(held);
        assert!(admissions.take(None).is_err());
        let again = take(Some("shop"), "a").unwrap();
        // Of an identity that has as many as it may nothing is counted.
        assert!(take(Some("shop"), "a").is_err());
        drop((others, again));
        let shares = admissions.shares.lock();
        assert!(shares.namespaces.is_empty() && shares.identities.is_empty());
        assert_eq!(admissions.taken(), 0);
    }
}
