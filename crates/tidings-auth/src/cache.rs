use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::Grant;

/// The most tokens that are remembered. With the longest lists of selectors that fit into a token one takes some 30 KB.
const CAPACITY: usize = 10_000;

/// The SHA-256 of a token.
pub(crate) type Digest = [u8; 32];

/// The tokens that were found good a little while ago, so that the next connection with one costs no signature.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    halves: Mutex<Halves>,
}

/// When the young half is full it becomes the old one, and what nobody has asked for since it last did is forgotten.
#[derive(Debug, Default)]
struct Halves {
    young: HashMap<Digest, Found>,
    old: HashMap<Digest, Found>,
}

/// What was found out about a token.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) grant: Grant,
    /// Which issuer it is from.
    pub(crate) issuer: usize,
    /// Which of its keys were in force.
    pub(crate) version: u64,
}

impl Cache {
    pub(crate) fn find(&self, token: &Digest) -> Option<Found> {
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = halves.young.get(token) {
            return Some(found.clone());
        }
        let found = halves.old.remove(token)?;
        halves.keep(*token, found.clone());
        Some(found)
    }

    pub(crate) fn keep(&self, token: Digest, found: Found) {
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        halves.keep(token, found);
    }

    pub(crate) fn forget(&self, token: &Digest) {
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        halves.young.remove(token);
        halves.old.remove(token);
    }
}

impl Halves {
    fn keep(&mut self, token: Digest, found: Found) {
        if self.young.len() >= CAPACITY / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(token, found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(number: usize) -> Digest {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&number.to_be_bytes());
        digest
    }

    fn found() -> Found {
        Found {
            grant: Grant::everything(),
            issuer: 0,
            version: 0,
        }
    }

    #[test]
    fn what_is_asked_for_stays_and_what_is_not_goes() {
        let cache = Cache::default();
        cache.keep(digest(0), found());
        cache.keep(digest(1), found());
        for number in 2..3 * CAPACITY {
            cache.keep(digest(number), found());
            assert!(cache.find(&digest(0)).is_some());
        }
        assert!(cache.find(&digest(1)).is_none());
        let halves = cache.halves.lock().unwrap();
        assert!(halves.young.len() + halves.old.len() <= CAPACITY);
    }

    #[test]
    fn what_is_forgotten_is_not_found() {
        let cache = Cache::default();
        cache.keep(digest(0), found());
        cache.forget(&digest(0));
        assert!(cache.find(&digest(0)).is_none());
    }
}
