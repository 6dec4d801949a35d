use std::collections::HashMap;
use std::sync::Arc;

use subtle::ConstantTimeEq;
use tidings::Timestamp;

use crate::api_key::{ApiKey, SecretHash};
use crate::{Credential, Denied, Grant, Namespace, Rights};

/// What the hub knows of an API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKey {
    /// Its public part: 8 to 16 lower-case letters and digits.
    pub id: String,
    /// What is kept of its secret.
    pub hash: SecretHash,
    /// Whose it is.
    pub identity: Option<Arc<str>>,
    /// Where it is good; `None` is the default namespace.
    pub namespace: Option<Arc<str>>,
    /// What its owner may do.
    pub rights: Arc<Rights>,
    /// From when on it is good for nothing. `None` is never.
    pub expires_at: Option<Timestamp>,
}

/// The API keys of a hub.
///
/// ```
/// use std::sync::Arc;
///
/// use tidings::Timestamp;
/// use tidings_auth::{ApiKey, Denied, KeyRing, Rights, StoredKey};
///
/// let key = ApiKey::generate();
/// let ring = KeyRing::new([StoredKey {
///     id: key.id().to_owned(),
///     hash: key.hash(),
///     identity: Some("ci".into()),
///     namespace: None,
///     rights: Arc::new(Rights::everything()),
///     expires_at: None,
/// }])?;
///
/// let now = Timestamp::from_millis(1_767_225_600_000);
/// assert_eq!(ring.verify(&key.text(), now)?.identity.as_deref(), Some("ci"));
/// let other = ApiKey::generate();
/// assert_eq!(ring.verify(&other.text(), now), Err(Denied::UnknownApiKey));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct KeyRing {
    keys: HashMap<String, (SecretHash, Grant)>,
}

/// Why keys do not make a [`KeyRing`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyRingError {
    /// An id is not 8 to 16 lower-case letters and digits. The text does not have it: it may be a whole key.
    #[error("the id of an API key has 8 to 16 lower-case letters and digits")]
    Id {
        /// The id.
        id: String,
    },
    /// Two keys have the same id.
    #[error("there are two API keys with the id '{id}'")]
    SameId {
        /// The id.
        id: String,
    },
    /// A key is for something that [cannot be](Namespace::is_name) the name of a namespace.
    #[error("the API key '{id}' is for a namespace that cannot be")]
    Namespace {
        /// The id.
        id: String,
    },
}

impl KeyRing {
    /// Takes these keys.
    ///
    /// # Errors
    /// [`KeyRingError`] names the key.
    pub fn new(keys: impl IntoIterator<Item = StoredKey>) -> Result<Self, KeyRingError> {
        let mut ring = Self::default();
        for key in keys {
            if !ApiKey::is_id(&key.id) {
                return Err(KeyRingError::Id { id: key.id });
            }
            let namespace = key.namespace.as_deref();
            if !namespace.is_none_or(Namespace::is_name) {
                return Err(KeyRingError::Namespace { id: key.id });
            }
            let grant = Grant {
                identity: key.identity.filter(|identity| !identity.is_empty()),
                namespace: key.namespace,
                rights: key.rights,
                credential: Credential::Key {
                    id: key.id.as_str().into(),
                },
                expires_at: key.expires_at,
            };
            if ring.keys.contains_key(&key.id) {
                return Err(KeyRingError::SameId { id: key.id });
            }
            ring.keys.insert(key.id, (key.hash, grant));
        }
        Ok(ring)
    }

    /// What the API key is good for. How long that takes depends on nothing but the form of the text and whether the id,
    /// which is public, is known.
    ///
    /// # Errors
    /// [`Denied`] says why it is good for nothing.
    pub fn verify(&self, text: &str, now: Timestamp) -> Result<Grant, Denied> {
        let key: ApiKey = text.parse().map_err(|_| Denied::NotAnApiKey)?;
        let stored = self.keys.get(key.id());
        let expected = stored.map_or([0; 32], |(hash, _)| hash.0);
        let fits = bool::from(key.hash().0.ct_eq(&expected));
        let (_, grant) = stored.ok_or(Denied::UnknownApiKey)?;
        if !fits {
            return Err(Denied::WrongApiKey);
        }
        if grant.has_expired(now) {
            return Err(Denied::Expired);
        }
        Ok(grant.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    fn stored(key: &ApiKey) -> StoredKey {
        StoredKey {
            id: key.id().to_owned(),
            hash: key.hash(),
            identity: None,
            namespace: None,
            rights: Arc::default(),
            expires_at: None,
        }
    }

    #[test]
    fn a_key_is_good_for_what_is_stored_of_it() {
        let key = ApiKey::generate();
        let rights = Arc::new(Rights::everything());
        let ring = KeyRing::new([StoredKey {
            identity: Some("ci".into()),
            namespace: Some("shop".into()),
            rights: Arc::clone(&rights),
            ..stored(&key)
        }]);
        let grant = Grant {
            identity: Some("ci".into()),
            namespace: Some("shop".into()),
            rights,
            credential: Credential::Key {
                id: key.id().into(),
            },
            expires_at: None,
        };
        assert_eq!(ring.unwrap().verify(&key.text(), NOW), Ok(grant));
    }

    #[test]
    fn another_secret_another_id_and_another_text_are_told_apart_for_operators() {
        let (key, other) = (ApiKey::generate(), ApiKey::generate());
        let ring = KeyRing::new([stored(&key)]).unwrap();
        let (_, secret) = other
            .text()
            .rsplit_once('_')
            .map(|(a, b)| (a.len(), b.to_owned()))
            .unwrap();
        let wrong = format!("tdk_{}_{secret}", key.id());
        assert_eq!(ring.verify(&wrong, NOW), Err(Denied::WrongApiKey));
        assert_eq!(ring.verify(&other.text(), NOW), Err(Denied::UnknownApiKey));
        assert_eq!(ring.verify("tdk_x", NOW), Err(Denied::NotAnApiKey));
    }

    #[test]
    fn a_hash_of_nothing_but_zeros_opens_nothing() {
        let key = ApiKey::generate();
        assert_eq!(
            KeyRing::default().verify(&key.text(), NOW),
            Err(Denied::UnknownApiKey)
        );
        let zeros = StoredKey {
            hash: SecretHash([0; 32]),
            ..stored(&key)
        };
        let ring = KeyRing::new([zeros]).unwrap();
        assert_eq!(ring.verify(&key.text(), NOW), Err(Denied::WrongApiKey));
    }

    #[test]
    fn a_key_expires() {
        let key = ApiKey::generate();
        let ring = KeyRing::new([StoredKey {
            expires_at: Some(NOW),
            ..stored(&key)
        }]);
        let ring = ring.unwrap();
        assert_eq!(ring.verify(&key.text(), NOW), Err(Denied::Expired));
        assert!(
            ring.verify(&key.text(), Timestamp::from_millis(999_999))
                .is_ok()
        );
    }

    #[test]
    fn ids_are_well_formed_and_different() {
        let key = ApiKey::generate();
        let twice = KeyRing::new([stored(&key), stored(&key)]).unwrap_err();
        let id = key.id().to_owned();
        assert_eq!(twice, KeyRingError::SameId { id });
        let id = "A".to_owned();
        let bad = StoredKey {
            id: id.clone(),
            ..stored(&key)
        };
        assert_eq!(KeyRing::new([bad]).unwrap_err(), KeyRingError::Id { id });
    }

    #[test]
    fn a_key_is_for_a_namespace_that_can_be() {
        let key = ApiKey::generate();
        let bad = StoredKey {
            namespace: Some("../shop".into()),
            ..stored(&key)
        };
        let id = key.id().to_owned();
        let refused = KeyRing::new([bad]).unwrap_err();
        assert_eq!(refused, KeyRingError::Namespace { id });
    }
}
