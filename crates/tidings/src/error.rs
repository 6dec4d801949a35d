use std::sync::Arc;

use tidings_log::StoreError;

use crate::selectors::{MAX_NARROWED, TooFragmented};

/// The store does not work. The broker opens it again by itself; until then nothing is published or deleted.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the store does not work: {reason}")]
pub struct StoreFailed {
    reason: Arc<StoreError>,
}

impl StoreFailed {
    pub(crate) fn new(reason: StoreError) -> Self {
        Self {
            reason: Arc::new(reason),
        }
    }

    /// It was closed on purpose.
    pub(crate) fn closed() -> Self {
        Self::new(StoreError::Closed)
    }
}

impl PartialEq for StoreFailed {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl Eq for StoreFailed {}

/// Why nothing was published.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// A final event ended the topic. Delete it to open it again.
    #[error("the topic has ended")]
    TopicEnded,
    /// There are as many topics as allowed, all of them in use. Try again later.
    #[error("there are too many topics in use")]
    TooManyTopics,
    /// The payload and key are larger than allowed.
    #[error("the event is larger than {limit} bytes")]
    TooLarge {
        /// The most bytes allowed.
        limit: usize,
    },
    /// The topic is one of the hub's own, under `tidings/`.
    #[error("topics under 'tidings/' are the hub's own")]
    ReservedTopic,
    /// The type name is one of the hub's own, starting with `tidings.`.
    #[error("event types starting with 'tidings.' are the hub's own")]
    ReservedName,
    /// The idempotency key was used for another event.
    #[error("the idempotency key was used for another event")]
    KeyReused,
    /// The event is to be on disk, but this broker keeps its history in memory.
    #[error("the event cannot be stored on disk: the history is kept in memory")]
    NotDurable,
    /// The store failed, now or before. Whether the event was stored is unknown; publishing it again with the same
    /// idempotency key stores it once.
    #[error(transparent)]
    StoreFailed(StoreFailed),
    /// The broker is closing or closed.
    #[error("the broker is closed")]
    Closed,
}

/// Why nothing of a batch was published.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("publication {index} was refused")]
pub struct BatchError {
    /// Which publication is to blame, counted from 0.
    pub index: usize,
    /// What is wrong with it.
    pub source: PublishError,
}

/// Why there is no subscription.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubscribeError {
    /// It has more selectors than allowed.
    #[error("a subscription has at most {limit} selectors")]
    TooManySelectors {
        /// The most allowed.
        limit: usize,
    },
    /// It asks for more event types than a subscription may have selectors.
    #[error("a subscription has at most {limit} event types")]
    TooManyEventTypes {
        /// The most allowed.
        limit: usize,
    },
    /// What it asks for and its [rights](crate::Subscription::within) have more selectors in common than allowed.
    #[error("what the rights leave of these selectors takes more than {limit} selectors")]
    TooFragmented {
        /// The most allowed.
        limit: usize,
    },
    /// There are as many subscriptions, or patterns in them, as allowed. Try again later.
    #[error("there are as many subscriptions, or patterns in them, as allowed")]
    TooManySubscriptions,
    /// There are as many subscriptions of the namespace as allowed. Try again later.
    #[error("there are more than {limit} subscriptions of this namespace")]
    TooManyOfNamespace {
        /// How many are allowed.
        limit: usize,
    },
    /// There are as many subscriptions of the identity as allowed. Try again later.
    #[error("there are {limit} subscriptions of this identity, which is as many as allowed")]
    TooManyOfIdentity {
        /// How many are allowed.
        limit: usize,
    },
    /// The store, which must be read for it, does not work. Try again later.
    #[error(transparent)]
    StoreFailed(#[from] StoreFailed),
    /// The broker is closing or closed.
    #[error("the broker is closed")]
    Closed,
}

/// Why the topics of an open stream were not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// There is no such stream, or it is ending.
    #[error("no such connection")]
    NotFound,
    /// No selector would be left.
    #[error("a stream needs at least one selector")]
    NothingLeft,
    /// It would have more selectors than allowed.
    #[error("a subscription has at most {limit} selectors")]
    TooManySelectors {
        /// The most allowed.
        limit: usize,
    },
    /// What it would ask for and its [rights](crate::Subscription::within) would have more selectors in common than allowed.
    #[error("what the rights leave of these selectors takes more than {limit} selectors")]
    TooFragmented {
        /// The most allowed.
        limit: usize,
    },
    /// The reader has yet to catch up with earlier changes, or all streams together have too many patterns. Try again
    /// later.
    #[error("there are too many changes or patterns for now")]
    TooManyChanges,
}

impl From<TooFragmented> for SubscribeError {
    fn from(_: TooFragmented) -> Self {
        let limit = MAX_NARROWED;
        Self::TooFragmented { limit }
    }
}

impl From<TooFragmented> for ChangeError {
    fn from(_: TooFragmented) -> Self {
        let limit = MAX_NARROWED;
        Self::TooFragmented { limit }
    }
}
