use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::{Owner, SubscribeError, sync::Mutex};

/// How many subscriptions there may be at a time, in all and of each identity, and how many there are: those of one broker,
/// or of several that share a limit.
#[derive(Debug)]
pub(crate) struct Admissions {
    most: usize,
    /// `None` counts nobody.
    most_per_identity: Option<usize>,
    taken: AtomicUsize,
    /// Those that have one at least.
    identities: Mutex<HashMap<Identity, usize>>,
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
    pub(crate) fn new(most: usize, most_per_identity: Option<usize>) -> Arc<Self> {
        Arc::new(Self {
            most,
            most_per_identity,
            taken: AtomicUsize::new(0),
            identities: Mutex::default(),
        })
    }

    /// Admits one more, if there is room.
    ///
    /// # Errors
    /// [`SubscribeError::TooManySubscriptions`] and [`SubscribeError::TooManyOfIdentity`].
    pub(crate) fn take(
        self: &Arc<Self>,
        owner: Option<&Arc<Owner>>,
    ) -> Result<Admission, SubscribeError> {
        let one_more = |taken| (taken < self.most).then(|| taken + 1);
        // It guards nothing but itself.
        self.taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
            .map_err(|_| SubscribeError::TooManySubscriptions)?;
        if let (Some(limit), Some(identity)) = (self.most_per_identity, Identity::of(owner)) {
            let mut identities = self.identities.lock();
            let taken = identities.entry(identity).or_default();
            if *taken >= limit {
                drop(identities);
                self.taken.fetch_sub(1, Ordering::Relaxed);
                return Err(SubscribeError::TooManyOfIdentity { limit });
            }
            *taken += 1;
        }
        Ok(Admission {
            admissions: self.clone(),
            owner: owner.cloned(),
            is_kept: false,
        })
    }

    /// How many there are.
    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// Ends an admission that was kept.
    pub(crate) fn give_back(&self, owner: Option<&Arc<Owner>>) {
        self.taken.fetch_sub(1, Ordering::Relaxed);
        let identity = Identity::of(owner).filter(|_| self.most_per_identity.is_some());
        let Some(identity) = identity else {
            return;
        };
        let mut identities = self.identities.lock();
        if let Some(taken) = identities.get_mut(&identity) {
            *taken -= 1;
            if *taken == 0 {
                identities.remove(&identity);
            }
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
        let admissions = Admissions::new(3, Some(1));
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
        assert!(admissions.identities.lock().is_empty());
        assert_eq!(admissions.taken(), 0);
    }
}
