use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use sha2::{Digest, Sha256};
use tidings_log::{Durability, KeyRow, Log, Timestamp};

use crate::{Publication, Receipt};

/// How many keys are remembered; beyond it the oldest is forgotten before its time.
const MAX_KEYS: usize = 200_000;

/// What tells a publication from another one under the same key, across restarts.
pub(crate) type Fingerprint = [u8; 16];

/// The receipts of recent publications that carried a key.
#[derive(Debug)]
pub(crate) struct Idempotency {
    window: Duration,
    receipts: HashMap<Arc<str>, Known>,
    /// The keys by age, oldest first.
    order: VecDeque<(Timestamp, Arc<str>)>,
    /// The keys of what is accepted and not yet released.
    coming: HashMap<Arc<str>, Coming>,
    /// Receipts that repeats wait for which came meanwhile, and by how many of them.
    awaited: HashMap<Arc<str>, (Receipt, usize)>,
    /// The keys that are to be removed from the store.
    gone: Vec<Arc<str>>,
}

#[derive(Debug)]
struct Known {
    fingerprint: Fingerprint,
    receipt: Receipt,
}

#[derive(Debug)]
struct Coming {
    fingerprint: Fingerprint,
    /// How many repeats wait for its receipt.
    repeats: usize,
}

/// Whether a publication was made before, within the window.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Earlier {
    No,
    /// It was, with this receipt.
    Made(Receipt),
    /// It is under way.
    Coming,
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
            coming: HashMap::new(),
            awaited: HashMap::new(),
            gone: Vec::new(),
        }
    }

    /// Remembers what was stored, oldest first.
    pub(crate) fn restore(&mut self, mut rows: Vec<KeyRow>, log: &Log) {
        rows.sort_unstable_by_key(|row| row.sequence);
        for row in rows {
            let receipt = Receipt {
                id: log.position(row.sequence),
                receivers: usize::try_from(row.receivers).unwrap_or(usize::MAX),
                durability: Durability::Disk,
                repeated: false,
            };
            self.remember(row.key, row.fingerprint, receipt, row.time);
        }
    }

    /// What is known of a publication with this key.
    pub(crate) fn find(
        &self,
        key: Option<&str>,
        fingerprint: Option<&Fingerprint>,
    ) -> Result<Earlier, Conflict> {
        let (Some(key), Some(fingerprint)) = (key, fingerprint) else {
            return Ok(Earlier::No);
        };
        let (before, earlier) = match (self.receipts.get(key), self.coming.get(key)) {
            (Some(known), _) => (known.fingerprint, Earlier::Made(known.receipt.clone())),
            (None, Some(coming)) => (coming.fingerprint, Earlier::Coming),
            (None, None) => return Ok(Earlier::No),
        };
        if before == *fingerprint {
            Ok(earlier)
        } else {
            Err(Conflict)
        }
    }

    /// Takes note that a publication with this key is accepted.
    pub(crate) fn begin(&mut self, key: Arc<str>, fingerprint: Fingerprint) {
        let coming = Coming {
            fingerprint,
            repeats: 0,
        };
        self.coming.insert(key, coming);
    }

    /// Takes note that a repeat waits for the receipt of what is under way.
    pub(crate) fn wait_for(&mut self, key: &str) {
        if let Some(coming) = self.coming.get_mut(key) {
            coming.repeats += 1;
        }
    }

    /// The receipt that a repeat has waited for. It is there however short the window is.
    pub(crate) fn awaited(&mut self, key: &str) -> Option<Receipt> {
        let (receipt, left) = self.awaited.get_mut(key)?;
        let receipt = receipt.clone();
        *left -= 1;
        if *left == 0 {
            self.awaited.remove(key);
        }
        Some(receipt)
    }

    pub(crate) fn remember(
        &mut self,
        key: Arc<str>,
        fingerprint: Fingerprint,
        receipt: Receipt,
        now: Timestamp,
    ) {
        let repeats = self.coming.remove(&key).map_or(0, |coming| coming.repeats);
        if repeats > 0 {
            self.awaited.insert(key.clone(), (receipt.clone(), repeats));
        }
        let known = Known {
            fingerprint,
            receipt,
        };
        self.receipts.insert(key.clone(), known);
        self.order.push_back((now, key));
    }

    /// Forgets what is under way: it failed, and these keys may have been stored all the same.
    pub(crate) fn abandon(&mut self, stored: impl IntoIterator<Item = Arc<str>>) {
        self.coming.clear();
        self.awaited.clear();
        self.gone.extend(stored);
    }

    /// Forgets the keys whose window has passed.
    pub(crate) fn expire(&mut self, now: Timestamp) {
        while let Some((time, _)) = self.order.front() {
            if self.order.len() <= MAX_KEYS && now.since(*time) < self.window {
                return;
            }
            if let Some((_, key)) = self.order.pop_front() {
                self.receipts.remove(&key);
                self.gone.push(key);
            }
        }
    }

    /// The keys that are to be removed from the store.
    pub(crate) fn take_gone(&mut self) -> Vec<Arc<str>> {
        std::mem::take(&mut self.gone)
    }
}

/// A hash of what is published under a key, if it has one. Each part is preceded by its length, so that no two
/// publications run together alike.
pub(crate) fn fingerprint(publication: &Publication) -> Option<Fingerprint> {
    publication.idempotency_key.as_ref()?;
    let event = &publication.event;
    let key = event.key.as_deref();
    let flags = [u8::from(event.ends_topic), u8::from(key.is_some())];
    let mut hash = Sha256::new_with_prefix(flags);
    for part in [
        publication.topic.as_str(),
        event.name(),
        event.data(),
        key.unwrap_or_default(),
    ] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let hash: [u8; 32] = hash.finalize().into();
    let mut first_half = Fingerprint::default();
    first_half.copy_from_slice(&hash[..16]);
    Some(first_half)
}
