use std::sync::Arc;

use tidings::Timestamp;

use crate::issuer::{Issuer, Keys, Terms};
use crate::jwks::{Current, KeySet};
use crate::token::Header;
use crate::{Denied, Key};

/// An issuer as the verifier has it.
#[derive(Debug)]
pub(crate) struct Trusted {
    pub(crate) name: Option<Arc<str>>,
    pub(crate) terms: Terms,
    keys: Source,
}

#[derive(Debug)]
enum Source {
    Given(Arc<[Key]>),
    Published(KeySet),
}

/// Why there is no key for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Missing {
    /// None has the name that it gives; a newer set may have.
    Unknown,
    /// The one of that name, or every one, is for another algorithm.
    OtherAlgorithm,
    /// It might be any of several.
    Ambiguous,
}

impl Trusted {
    pub(crate) fn new(issuer: Issuer) -> Result<Self, reqwest::Error> {
        Ok(Self {
            name: issuer.name,
            terms: issuer.terms,
            keys: match issuer.keys {
                Keys::Given(keys) => Source::Given(keys.into()),
                Keys::Published(url) => Source::Published(KeySet::new(url)?),
            },
        })
    }

    /// The keys that the issuer publishes, if it does.
    pub(crate) fn key_set(&self) -> Option<&KeySet> {
        match &self.keys {
            Source::Given(_) => None,
            Source::Published(set) => Some(set),
        }
    }

    /// Which of its keys are in force: what was found with other keys is to be looked at again.
    pub(crate) fn version(&self, now: Timestamp) -> Option<u64> {
        match &self.keys {
            Source::Given(_) => Some(0),
            Source::Published(set) => set.current(now).map(|current| current.version),
        }
    }

    /// The key that the token is signed with by what it says, and the version of the keys that it is from.
    pub(crate) async fn key(
        &self,
        header: &Header<'_>,
        now: Timestamp,
    ) -> Result<(Key, u64), Denied> {
        let set = match &self.keys {
            Source::Given(keys) => {
                let found = choose(keys, header).or_else(|missing| match missing {
                    Missing::Unknown => choose_unnamed(keys, header),
                    Missing::OtherAlgorithm | Missing::Ambiguous => Err(missing),
                });
                return Ok((found?.clone(), 0));
            }
            Source::Published(set) => set,
        };
        if let Some(current) = set.current(now) {
            match pick(&current, header) {
                Err(Missing::Unknown) => {}
                found => return Ok(found?),
            }
        }
        if let Some(fetching) = set.fetch(now) {
            fetching.over().await;
        }
        let current = set.current(now).ok_or(Denied::KeysUnavailable)?;
        Ok(pick(&current, header)?)
    }
}

fn pick(current: &Current, header: &Header<'_>) -> Result<(Key, u64), Missing> {
    let key = choose(&current.keys, header)?;
    Ok((key.clone(), current.version))
}

/// The key of the token's `kid`; without one, the only key of its algorithm.
fn choose<'k>(keys: &'k [Key], header: &Header<'_>) -> Result<&'k Key, Missing> {
    let named = keys
        .iter()
        .filter(|key| header.kid.is_none() || key.kid() == header.kid);
    only(named, header)
}

/// The only key without a name.
fn choose_unnamed<'k>(keys: &'k [Key], header: &Header<'_>) -> Result<&'k Key, Missing> {
    only(keys.iter().filter(|key| key.kid().is_none()), header)
}

/// The only one of these that is for the token's algorithm.
fn only<'k>(keys: impl Iterator<Item = &'k Key>, header: &Header<'_>) -> Result<&'k Key, Missing> {
    let mut keys = keys.peekable();
    if keys.peek().is_none() {
        return Err(Missing::Unknown);
    }
    let mut fitting = keys.filter(|key| key.algorithm() == header.algorithm);
    let key = fitting.next().ok_or(Missing::OtherAlgorithm)?;
    match fitting.next() {
        None => Ok(key),
        Some(_) => Err(Missing::Ambiguous),
    }
}

impl From<Missing> for Denied {
    fn from(missing: Missing) -> Self {
        match missing {
            Missing::Unknown | Missing::Ambiguous => Self::UnknownKey,
            Missing::OtherAlgorithm => Self::WrongAlgorithm,
        }
    }
}
