use std::sync::Arc;

use tidings::{Timestamp, Topic};

use crate::{Credential, Rights};

/// What a credential is good for: whose it is, what they may do, and until when. Cloning is cheap.
///
/// ```
/// use tidings::{Selector, Topic};
/// use tidings_auth::{Grant, Rights};
///
/// let visitor = Grant::anonymous(Rights::new([], [Selector::new("news/**")?]));
/// assert!(visitor.may_subscribe(&Topic::new("news/today")?));
/// assert!(!visitor.may_publish(&Topic::new("news/today")?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Whose it is, if the credential says so; never empty.
    pub identity: Option<Arc<str>>,
    /// Where it is good; `None` is the default namespace.
    pub namespace: Option<Arc<str>>,
    /// What may be done.
    pub rights: Arc<Rights>,
    /// What it was given for.
    pub credential: Credential,
    /// From when on it is good for nothing: a stream ends then. `None` is never.
    pub expires_at: Option<Timestamp>,
}

impl Grant {
    /// What everybody has on a hub that is open.
    pub fn everything() -> Self {
        Self::anonymous(Rights::everything())
    }

    /// What somebody without a credential has.
    pub fn anonymous(rights: Rights) -> Self {
        Self {
            identity: None,
            namespace: None,
            rights: Arc::new(rights),
            credential: Credential::Anonymous,
            expires_at: None,
        }
    }

    /// Whether an event may be published to the topic.
    pub fn may_publish(&self, topic: &Topic) -> bool {
        self.rights.may_publish(topic)
    }

    /// Whether events of the topic may be seen.
    pub fn may_subscribe(&self, topic: &Topic) -> bool {
        self.rights.may_subscribe(topic)
    }

    /// Whether the grant lets administrate.
    pub fn is_admin(&self) -> bool {
        self.rights.is_admin()
    }

    /// Whether its time is over.
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| now >= end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_expires_at_the_moment_it_names() {
        let end = Timestamp::from_millis(1000);
        let grant = Grant {
            expires_at: Some(end),
            ..Grant::everything()
        };
        assert!(!grant.has_expired(Timestamp::from_millis(999)));
        assert!(grant.has_expired(end));
        assert!(!Grant::everything().has_expired(Timestamp::from_millis(u64::MAX)));
    }
}
