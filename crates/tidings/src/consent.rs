//! What several streams are open by, and can end with.

use std::sync::{Arc, OnceLock};

use crate::GoodbyeReason;

/// The word of somebody by which streams are open, and which can be taken back. A clone is the same word, and nothing else is
/// equal to it.
///
/// Taking it back marks it and no more. Whoever does that then ends the streams of such [owners](crate::Owner)
/// ([`Broker::disconnect_where`](crate::Broker::disconnect_where)); and whoever opens a stream by it looks at it once more when
/// that is open. Between the two no stream is missed.
///
/// ```
/// use std::sync::Arc;
///
/// use tidings::{Broker, Consent, GoodbyeReason, Owner, Peer, Subscription, Topic};
///
/// let broker = Broker::new();
/// let consent = Consent::new();
/// let owner = Owner {
///     consent: Some(consent.clone()),
///     ..Owner::default()
/// };
/// let peer = Peer { owner: Some(Arc::new(owner)), ..Peer::default() };
/// let stream = broker.subscribe(Subscription::to(Topic::new("news")?).peer(peer))?;
/// assert!(consent.is_relied_on());
///
/// consent.withdraw(GoodbyeReason::Revoked);
/// let is_over = |peer: &Peer| {
///     let consent = peer.owner.as_ref().and_then(|owner| owner.consent.as_ref());
///     consent.is_some_and(|consent| consent.withdrawn().is_some())
/// };
/// assert_eq!(broker.disconnect_where(is_over, GoodbyeReason::Revoked), 1);
/// drop(stream);
/// assert!(!consent.is_relied_on());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Consent(Arc<OnceLock<GoodbyeReason>>);

impl Consent {
    /// One that has not been given to anybody.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes it back. The first reason stays.
    pub fn withdraw(&self, reason: GoodbyeReason) {
        // It was taken back before.
        let _ = self.0.set(reason);
    }

    /// Why it was taken back, if it was.
    pub fn withdrawn(&self) -> Option<GoodbyeReason> {
        self.0.get().copied()
    }

    /// Whether there is a clone of it anywhere else, such as with a stream that is open.
    pub fn is_relied_on(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }
}

impl PartialEq for Consent {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Consent {}
