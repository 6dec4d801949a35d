use std::collections::HashSet;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tidings::Timestamp;

use crate::cache::{Cache, Digest, Found};
use crate::issuer::Keys;
use crate::token::{Claims, Header, MAX_BYTES, Token};
use crate::trusted::Trusted;
use crate::{Denied, Grant, Issuer, KeySetState, Namespace};

/// Checks signed tokens (JSON Web Tokens, RFC 7519), by the rules of RFC 8725 and a few more.
///
/// A token is checked with the keys of the issuer that it names, each for one algorithm. It has an `exp`, to which nothing
/// is added: a stream ends then. It lives no longer than its issuer may let it, has at most 8 KiB, brings no key along and
/// has no JSON that two readers might read differently. What was found good is remembered by its SHA-256.
///
/// ```
/// use tidings::{Timestamp, Topic};
/// use tidings_auth::{Algorithm, Issuer, Key, Minter, NewToken, Verifier};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let secret = b"a secret of at least 32 bytes, drawn at random";
/// let now = Timestamp::from_millis(1_767_225_600_000);
/// let token = Minter::secret(Algorithm::Hs256, secret)?.mint(
///     &NewToken {
///         subscribe: vec!["users/{identity}/**".to_owned()],
///         identity: Some("7".to_owned()),
///         ..NewToken::default()
///     },
///     now,
/// )?;
///
/// let key = Key::secret(Algorithm::Hs256, secret)?;
/// let verifier = Verifier::new([Issuer::with_keys([key])])?;
/// let grant = verifier.verify(&token, now).await?;
/// assert_eq!(grant.identity.as_deref(), Some("7"));
/// assert!(grant.may_subscribe(&Topic::new("users/7/mail")?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Verifier {
    issuers: Vec<Trusted>,
    cache: Cache,
}

/// Why issuers do not make a [`Verifier`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifierError {
    /// Two issuers have the same name, or two have none.
    #[error("there is a second issuer {}", named(.issuer))]
    SameIssuer {
        /// The name.
        issuer: Option<Arc<str>>,
    },
    /// An issuer has no key.
    #[error("the issuer {} has no key", named(.issuer))]
    NoKey {
        /// The name of the issuer.
        issuer: Option<Arc<str>>,
    },
    /// An issuer has two keys of the same name and algorithm, so a token could be signed with either.
    #[error("the issuer {} has two keys of the same name and algorithm", named(.issuer))]
    SameKey {
        /// The name of the issuer.
        issuer: Option<Arc<str>>,
    },
    /// A namespace has a name that [cannot be one](Namespace::is_name).
    #[error("the namespace of the issuer {} is not 1 to 64 of a-z, 0-9 and -", named(.issuer))]
    Namespace {
        /// The name of the issuer.
        issuer: Option<Arc<str>>,
    },
    /// Nothing can be fetched: the system's certificates cannot be used.
    #[error("the client that fetches keys could not be made")]
    Client(#[source] Box<dyn Error + Send + Sync>),
}

impl Verifier {
    /// Takes the tokens of these issuers.
    ///
    /// # Errors
    /// [`VerifierError`] names the issuer.
    pub fn new(issuers: impl IntoIterator<Item = Issuer>) -> Result<Self, VerifierError> {
        let mut names = HashSet::new();
        let mut trusted = Vec::new();
        for issuer in issuers {
            if !names.insert(issuer.name.clone()) {
                return Err(VerifierError::SameIssuer {
                    issuer: issuer.name,
                });
            }
            check(&issuer)?;
            let client = |error: reqwest::Error| VerifierError::Client(error.into());
            trusted.push(Trusted::new(issuer).map_err(client)?);
        }
        Ok(Self {
            issuers: trusted,
            cache: Cache::default(),
        })
    }

    /// What the token is good for.
    ///
    /// It waits only if the token's issuer publishes its keys and none goes by the name that the token gives, or none are
    /// known; then for 5 seconds at most. It can be dropped at any time.
    ///
    /// # Errors
    /// [`Denied`] says why it is good for nothing.
    pub async fn verify(&self, token: &str, now: Timestamp) -> Result<Grant, Denied> {
        if token.len() > MAX_BYTES {
            return Err(Denied::TooLong);
        }
        let digest = Sha256::digest(token).into();
        if let Some(grant) = self.remembered(&digest, now) {
            return Ok(grant);
        }
        let token = Token::read(token)?;
        let header = Header::read(&token.header)?;
        let claims = Claims::read(&token.claims)?;
        let (at, issuer) = self.issuer(claims.issuer).ok_or(Denied::UnknownIssuer)?;
        // What is wrong with the claims costs no fetch and no signature.
        let grant = issuer.terms.grant(&claims, now)?;
        let (key, version) = issuer.key(&header, now).await?;
        if !key.verifies(token.signed, token.signature) {
            return Err(Denied::WrongSignature);
        }
        let found = Found {
            grant: grant.clone(),
            issuer: at,
            version,
        };
        self.cache.keep(digest, found);
        Ok(grant)
    }

    /// Fetches the keys that are due: those older than 5 minutes, and, 30 seconds after it was last tried, those that could
    /// not be fetched. To be called before the first token is expected, and then every few seconds.
    pub async fn refresh(&self, now: Timestamp) {
        let sets = self.issuers.iter().filter_map(Trusted::key_set);
        // All at once: one that does not answer holds up no other.
        let fetches: Vec<_> = sets.filter_map(|set| set.refresh(now)).collect();
        for fetching in fetches {
            fetching.over().await;
        }
    }

    /// How it stands with the keys of the issuers that publish them.
    pub fn key_sets(&self) -> Vec<KeySetState> {
        let report = |issuer: &Trusted| Some(issuer.key_set()?.report(issuer.name.clone()));
        self.issuers.iter().filter_map(report).collect()
    }

    /// The longest that any token can be good for, counted from now.
    pub fn longest_lifetime(&self) -> Duration {
        let lifetimes = self.issuers.iter().map(|issuer| issuer.terms.max_lifetime);
        lifetimes.max().unwrap_or_default() + crate::token::LEEWAY
    }

    fn remembered(&self, digest: &Digest, now: Timestamp) -> Option<Grant> {
        let found = self.cache.find(digest)?;
        let version = self.issuers[found.issuer].version(now);
        if version == Some(found.version) && !found.grant.has_expired(now) {
            return Some(found.grant);
        }
        self.cache.forget(digest);
        None
    }

    /// The issuer of this name, or the one that answers for all others.
    fn issuer(&self, name: Option<&str>) -> Option<(usize, &Trusted)> {
        let named = |name: Option<&str>| {
            let mut issuers = self.issuers.iter().enumerate();
            issuers.find(|(_, issuer)| issuer.name.as_deref() == name)
        };
        named(name).or_else(|| named(None))
    }
}

fn check(issuer: &Issuer) -> Result<(), VerifierError> {
    let name = || issuer.name.clone();
    if let Keys::Given(keys) = &issuer.keys {
        if keys.is_empty() {
            return Err(VerifierError::NoKey { issuer: name() });
        }
        let mut seen = HashSet::new();
        if !keys
            .iter()
            .all(|key| seen.insert((key.kid(), key.algorithm())))
        {
            return Err(VerifierError::SameKey { issuer: name() });
        }
    }
    match &issuer.terms.namespace {
        Namespace::Fixed(namespace) if !Namespace::is_name(namespace) => {
            Err(VerifierError::Namespace { issuer: name() })
        }
        Namespace::Fixed(_) | Namespace::Default | Namespace::Claimed => Ok(()),
    }
}

fn named(issuer: &Option<Arc<str>>) -> String {
    match issuer {
        Some(name) => format!("'{name}'"),
        None => "without a name".to_owned(),
    }
}
