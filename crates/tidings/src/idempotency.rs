use std::{
    collections::{HashMap, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use tidings_log::Timestamp;

use crate::{Publication, Receipt};

/// How many keys are remembered; beyond it the oldest is forgotten before its time.
const MAX_KEYS: usize = 200_000;

/// The receipts of recent publications that carried a key.
#[derive(Debug)]
pub(crate) struct Idempotency {
    window: Duration,
    receipts: HashMap<Arc<str>, Known>,
    /// The keys by age, oldest first.
    order: VecDeque<(Timestamp, Arc<str>)>,
}

#[derive(Debug)]
struct Known {
    fingerprint: u64,
    receipt: Receipt,
}

/// A key was used before for another event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Conflict;

impl Idempotency {
    pub(crate) fn new(window: Duration) -> Self {
        Self {
            window,
            receipts: HashMap::new(),
            order: VecDeque::new(),
        }
    }

    /// The receipt of the same publication, if it was made within the window.
    pub(crate) fn find(&self, publication: &Publication) -> Result<Option<Receipt>, Conflict> {
        let known = publication
            .idempotency_key
            .as_ref()
            .and_then(|key| self.receipts.get(key));
        match known {
            Some(known) if known.fingerprint != fingerprint(publication) => Err(Conflict),
            known => Ok(known.map(|known| known.receipt.clone())),
        }
    }

    pub(crate) fn remember(
        &mut self,
        publication: &Publication,
        receipt: &Receipt,
        now: Timestamp,
    ) {
        let Some(key) = &publication.idempotency_key else {
            return;
        };
        let known = Known {
            fingerprint: fingerprint(publication),
            receipt: receipt.clone(),
        };
        self.receipts.insert(key.clone(), known);
        self.order.push_back((now, key.clone()));
    }

    /// Forgets the keys whose window has passed.
    pub(crate) fn expire(&mut self, now: Timestamp) {
        while let Some((time, key)) = self.order.front() {
            if self.order.len() <= MAX_KEYS && now.since(*time) < self.window {
                return;
            }
            self.receipts.remove(key);
            self.order.pop_front();
        }
    }
}

pub(crate) fn fingerprint(publication: &Publication) -> u64 {
    let event = &publication.event;
    let mut hasher = DefaultHasher::new();
    (
        &publication.topic,
        event.name(),
        event.data(),
        &event.key,
        event.ends_topic,
    )
        .hash(&mut hasher);
    hasher.finish()
}
