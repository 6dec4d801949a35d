use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tidings::Timestamp;

use crate::token::MAX_NAME_BYTES;
use crate::{Credential, Grant};

/// The most revocations that are kept in a namespace.
const CAPACITY: usize = 100_000;

/// Whose access ends.
///
/// As JSON `{"jti":"…"}`, `{"identity":"…"}` or `{"key":"…"}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Revoked {
    /// The token with this claim `jti`.
    Jti(String),
    /// Whatever is this identity's.
    Identity(String),
    /// The API key of this id.
    Key(String),
}

/// That somebody's access ended before its time. It holds in one namespace, and for tickets too that were asked for with
/// what was revoked.
///
/// As JSON `{"jti":"…","namespace":"…","until":"2026-01-31T12:00:00.000Z"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// Whose.
    #[serde(flatten)]
    pub what: Revoked,
    /// Where; `None` is the default namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// When it is forgotten, since every token has expired that it could hold for. One of an identity or an API key is kept until
    /// it is lifted.
    #[serde(
        default,
        with = "crate::moment",
        skip_serializing_if = "Option::is_none"
    )]
    pub until: Option<Timestamp>,
}

/// Why something was not revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RevocationError {
    /// There are 100,000 that must be kept. Change the issuer's key instead, or lift some.
    #[error("there are {CAPACITY} revocations that must be kept")]
    Full,
    /// The name is empty or has more than 256 bytes, so nothing can have it.
    #[error("what is revoked has 1 to {MAX_NAME_BYTES} bytes")]
    Name,
}

/// Whose access ended before its time.
///
/// ```
/// use std::time::Duration;
///
/// use tidings::Timestamp;
/// use tidings_auth::{Grant, Revocations, Revoked};
///
/// let now = Timestamp::from_millis(1_767_225_600_000);
/// let revocations = Revocations::new(Duration::from_secs(24 * 3600));
/// let grant = Grant {
///     identity: Some("7".into()),
///     ..Grant::everything()
/// };
/// assert!(!revocations.is_revoked(&grant, now));
/// revocations.revoke(Revoked::Identity("7".to_owned()), None, now)?;
/// assert!(revocations.is_revoked(&grant, now));
/// # Ok::<(), tidings_auth::RevocationError>(())
/// ```
#[derive(Debug)]
pub struct Revocations {
    longest_lifetime: Duration,
    /// Until when each is kept.
    kept: RwLock<HashMap<Option<String>, Kept>>,
}

/// What is revoked in a namespace, and until when that is kept.
type Kept = HashMap<Revoked, Option<Timestamp>>;

impl Revocations {
    /// None yet. Each will be kept for the longest time that any token can still be good for, which is
    /// [`Verifier::longest_lifetime`](crate::Verifier::longest_lifetime).
    pub fn new(longest_lifetime: Duration) -> Self {
        Self {
            longest_lifetime,
            kept: RwLock::default(),
        }
    }

    /// Ends somebody's access in a namespace, and gives what is to be kept in a safe place. Doing it again begins its time
    /// again.
    ///
    /// # Errors
    /// [`RevocationError`]; then nothing has changed.
    pub fn revoke(
        &self,
        what: Revoked,
        namespace: Option<&str>,
        now: Timestamp,
    ) -> Result<Revocation, RevocationError> {
        let until = match what {
            Revoked::Jti(_) => Some(now.after(self.longest_lifetime)),
            // Keys do not expire, and somebody may come with another one.
            Revoked::Identity(_) | Revoked::Key(_) => None,
        };
        let revocation = Revocation {
            what,
            namespace: namespace.map(str::to_owned),
            until,
        };
        self.restore(revocation.clone(), now)?;
        Ok(revocation)
    }

    /// Takes back one that was kept.
    ///
    /// # Errors
    /// [`RevocationError`]; then nothing has changed.
    pub fn restore(&self, revocation: Revocation, now: Timestamp) -> Result<(), RevocationError> {
        let Revocation {
            what,
            namespace,
            until,
        } = revocation;
        if !(1..=MAX_NAME_BYTES).contains(&what.name().len()) {
            return Err(RevocationError::Name);
        }
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        let kept = kept.entry(namespace).or_default();
        if kept.len() >= CAPACITY && !kept.contains_key(&what) {
            kept.retain(|_, until| is_kept(*until, now));
            if kept.len() >= CAPACITY {
                return Err(RevocationError::Full);
            }
        }
        kept.insert(what, until);
        Ok(())
    }

    /// Takes a revocation back, and says whether there was one.
    pub fn lift(&self, what: &Revoked, namespace: Option<&str>) -> bool {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        let kept = kept.get_mut(&namespace.map(str::to_owned));
        kept.is_some_and(|kept| kept.remove(what).is_some())
    }

    /// Whether the grant is good no longer. While nothing is revoked this costs next to nothing.
    pub fn is_revoked(&self, grant: &Grant, now: Timestamp) -> bool {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        if kept.is_empty() {
            return false;
        }
        let Some(kept) = kept.get(&grant.namespace.as_deref().map(str::to_owned)) else {
            return false;
        };
        let holds = |what| kept.get(&what).is_some_and(|until| is_kept(*until, now));
        let by_credential = match grant.credential.original() {
            Credential::Token { jti: Some(jti), .. } => holds(Revoked::Jti(jti.as_ref().into())),
            Credential::Key { id } => holds(Revoked::Key(id.as_ref().into())),
            Credential::Token { jti: None, .. }
            | Credential::Anonymous
            | Credential::Ticket { .. } => false,
        };
        let identity = grant.identity.as_deref();
        by_credential || identity.is_some_and(|name| holds(Revoked::Identity(name.into())))
    }

    /// All that are kept, in no order.
    pub fn all(&self, now: Timestamp) -> Vec<Revocation> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        let of_namespace = |(namespace, kept): (&Option<String>, &Kept)| {
            let kept = kept.iter().filter(|(_, until)| is_kept(**until, now));
            let revocation = kept.map(|(what, until)| Revocation {
                what: what.clone(),
                namespace: namespace.clone(),
                until: *until,
            });
            revocation.collect::<Vec<_>>()
        };
        kept.iter().flat_map(of_namespace).collect()
    }
}

impl Revoked {
    fn name(&self) -> &str {
        match self {
            Self::Jti(name) | Self::Identity(name) | Self::Key(name) => name,
        }
    }
}

fn is_kept(until: Option<Timestamp>, now: Timestamp) -> bool {
    until.is_none_or(|until| now < until)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);
    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn token(jti: &str, identity: &str) -> Grant {
        Grant {
            identity: Some(identity.into()),
            credential: Credential::Token {
                issuer: None,
                jti: Some(jti.into()),
            },
            ..Grant::everything()
        }
    }

    fn key(id: &str) -> Grant {
        Grant {
            credential: Credential::Key { id: id.into() },
            ..Grant::everything()
        }
    }

    fn jti(text: &str) -> Revoked {
        Revoked::Jti(text.to_owned())
    }

    fn revocations() -> Revocations {
        Revocations::new(DAY)
    }

    #[test]
    fn each_kind_ends_its_own() {
        let revocations = revocations();
        let is_revoked = |grant: &Grant| revocations.is_revoked(grant, NOW);
        revocations.revoke(jti("t"), None, NOW).unwrap();
        assert!(is_revoked(&token("t", "x")));
        assert!(!is_revoked(&token("x", "t")));
        assert!(!is_revoked(&key("t")));
        revocations
            .revoke(Revoked::Identity("i".to_owned()), None, NOW)
            .unwrap();
        assert!(is_revoked(&token("x", "i")));
        assert!(!is_revoked(&token("i", "x")));
        revocations
            .revoke(Revoked::Key("k".to_owned()), None, NOW)
            .unwrap();
        assert!(is_revoked(&key("k")));
        assert!(!is_revoked(&token("k", "k")));
        assert!(!is_revoked(&Grant::everything()));
    }

    #[test]
    fn a_revocation_stays_within_its_namespace() {
        let revocations = revocations();
        let inside = Grant {
            namespace: Some("shop".into()),
            ..token("t", "i")
        };
        revocations.revoke(jti("t"), Some("shop"), NOW).unwrap();
        assert!(revocations.is_revoked(&inside, NOW));
        assert!(!revocations.is_revoked(&token("t", "i"), NOW));
        revocations
            .revoke(Revoked::Identity("j".to_owned()), None, NOW)
            .unwrap();
        let other = Grant {
            namespace: Some("shop".into()),
            ..token("x", "j")
        };
        assert!(!revocations.is_revoked(&other, NOW));
    }

    #[test]
    fn tickets_end_with_what_they_were_asked_for_with() {
        let revocations = revocations();
        let tickets = crate::Tickets::new();
        for grant in [token("t", "i"), key("k")] {
            let ticket = tickets.issue(&grant, NOW).unwrap();
            let taken = tickets.take(&ticket.text, NOW).unwrap();
            let grant = taken.grant();
            assert!(!revocations.is_revoked(grant, NOW));
            revocations.revoke(jti("t"), None, NOW).unwrap();
            revocations
                .revoke(Revoked::Key("k".to_owned()), None, NOW)
                .unwrap();
            assert!(revocations.is_revoked(grant, NOW));
            revocations.lift(&jti("t"), None);
            revocations.lift(&Revoked::Key("k".to_owned()), None);
        }
    }

    #[test]
    fn it_is_kept_as_long_as_a_token_can_live_and_a_key_s_for_good() {
        let revocations = revocations();
        revocations.revoke(jti("t"), None, NOW).unwrap();
        revocations
            .revoke(Revoked::Key("k".to_owned()), None, NOW)
            .unwrap();
        let end = NOW.after(DAY);
        let before = Timestamp::from_millis(end.as_millis() - 1);
        assert!(revocations.is_revoked(&token("t", "i"), before));
        assert!(!revocations.is_revoked(&token("t", "i"), end));
        assert!(revocations.is_revoked(&key("k"), Timestamp::from_millis(u64::MAX)));
        assert_eq!(revocations.all(before).len(), 2);
        assert_eq!(revocations.all(end).len(), 1);
    }

    #[test]
    fn a_lifted_revocation_no_longer_holds() {
        let revocations = revocations();
        revocations.revoke(jti("t"), None, NOW).unwrap();
        assert!(!revocations.lift(&jti("t"), Some("shop")));
        assert!(revocations.lift(&jti("t"), None));
        assert!(!revocations.lift(&jti("t"), None));
        assert!(!revocations.is_revoked(&token("t", "i"), NOW));
    }

    #[test]
    fn when_full_it_forgets_what_is_over_and_nothing_else() {
        let revocations = revocations();
        for number in 0..CAPACITY {
            revocations
                .revoke(jti(&number.to_string()), None, NOW)
                .unwrap();
        }
        let refused = revocations.revoke(jti("more"), None, NOW);
        assert_eq!(refused, Err(RevocationError::Full));
        assert!(revocations.is_revoked(&token("0", "i"), NOW));
        assert!(revocations.revoke(jti("0"), None, NOW).is_ok());
        let later = NOW.after(DAY);
        assert!(revocations.revoke(jti("more"), None, later).is_ok());
        assert_eq!(revocations.all(later).len(), 1);
    }

    #[test]
    fn what_nothing_can_be_called_is_refused() {
        for name in [String::new(), "x".repeat(257)] {
            let refused = revocations().revoke(Revoked::Identity(name), None, NOW);
            assert_eq!(refused, Err(RevocationError::Name));
        }
    }

    #[test]
    fn one_that_was_kept_comes_back_as_it_was() {
        for (text, namespace) in [
            (r#"{"jti":"t","until":"2026-01-02T00:00:00.000Z"}"#, None),
            (
                r#"{"jti":"t","namespace":"shop","until":"2026-01-02T00:00:00.000Z"}"#,
                Some("shop"),
            ),
        ] {
            let first = revocations().revoke(jti("t"), namespace, NOW).unwrap();
            assert_eq!(serde_json::to_string(&first).unwrap(), text);
            let second = revocations();
            second
                .restore(serde_json::from_str(text).unwrap(), NOW)
                .unwrap();
            assert_eq!(second.all(NOW), [first]);
        }
        let key = revocations()
            .revoke(Revoked::Key("k".to_owned()), None, NOW)
            .unwrap();
        assert_eq!(serde_json::to_string(&key).unwrap(), r#"{"key":"k"}"#);
        assert_eq!(
            serde_json::from_str::<Revocation>(r#"{"key":"k"}"#).unwrap(),
            key
        );
        for text in [
            r#"{"until":null}"#,
            r#"{"jti":"t","until":7}"#,
            r#"{"jti":"t","until":"soon"}"#,
        ] {
            assert!(serde_json::from_str::<Revocation>(text).is_err(), "{text}");
        }
    }
}
