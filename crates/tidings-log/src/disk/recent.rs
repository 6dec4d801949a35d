use std::{collections::BTreeMap, sync::Arc};

use crate::{Lot, Record};

/// The records that can be had without the disk: the newest committed ones, and those yet to be committed.
#[derive(Debug)]
pub(super) struct Recent {
    /// What the sizes in `committed` may add up to.
    limit: u64,
    /// What they add up to.
    size: u64,
    committed: BTreeMap<u64, Arc<Record>>,
    /// Readable before their commit. None is dropped to make room, since it is nowhere else.
    held: BTreeMap<u64, Arc<Record>>,
}

impl Recent {
    pub(super) fn new(limit: u64) -> Self {
        Self {
            limit,
            size: 0,
            committed: BTreeMap::new(),
            held: BTreeMap::new(),
        }
    }

    pub(super) fn hold(&mut self, record: Arc<Record>) {
        self.held.insert(record.sequence, record);
    }

    pub(super) fn find(&self, sequence: u64) -> Option<&Arc<Record>> {
        self.committed
            .get(&sequence)
            .or_else(|| self.held.get(&sequence))
    }

    /// Takes note of a lot that has been committed.
    pub(super) fn commit(&mut self, lot: &Lot) {
        for (_, record) in &lot.records {
            self.held.remove(&record.sequence);
            self.size += record.size();
            if let Some(replaced) = self.committed.insert(record.sequence, Arc::clone(record)) {
                self.size -= replaced.size();
            }
        }
        for sequence in &lot.evicted {
            self.held.remove(sequence);
            if let Some(evicted) = self.committed.remove(sequence) {
                self.size -= evicted.size();
            }
        }
        while self.size > self.limit
            && let Some((_, oldest)) = self.committed.pop_first()
        {
            self.size -= oldest.size();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Epoch, Timestamp, Topic};

    fn record(sequence: u64) -> Arc<Record> {
        Arc::new(Record {
            epoch: Epoch::new("e").unwrap(),
            sequence,
            time: Timestamp::from_millis(sequence),
            topic: Topic::new("t").unwrap(),
            event: None,
            data: "x".repeat(40).into(),
            key: None,
            ends_topic: false,
        })
    }

    fn lot(records: impl IntoIterator<Item = u64>, evicted: &[u64]) -> Lot {
        let records = records
            .into_iter()
            .map(|sequence| (1, record(sequence)))
            .collect();
        Lot {
            records,
            evicted: evicted.to_vec(),
            ..Lot::default()
        }
    }

    fn found(recent: &Recent) -> Vec<u64> {
        (0..10)
            .filter(|sequence| recent.find(*sequence).is_some())
            .collect()
    }

    #[test]
    fn the_oldest_committed_records_make_room() {
        let mut recent = Recent::new(3 * record(1).size());
        recent.commit(&lot(1..=2, &[]));
        recent.commit(&lot(3..=5, &[]));
        assert_eq!(found(&recent), [3, 4, 5]);
    }

    #[test]
    fn a_held_record_stays_until_its_commit() {
        let mut recent = Recent::new(2 * record(1).size());
        recent.hold(record(1));
        recent.commit(&lot(2..=4, &[]));
        assert_eq!(found(&recent), [1, 3, 4]);
        recent.commit(&lot([1], &[]));
        assert_eq!(found(&recent), [3, 4]);
    }

    #[test]
    fn an_evicted_record_is_gone_whether_committed_or_held() {
        let mut recent = Recent::new(u64::MAX);
        recent.hold(record(9));
        recent.commit(&lot(1..=3, &[2]));
        recent.commit(&lot([], &[3, 9]));
        assert_eq!(found(&recent), [1]);
        assert_eq!(recent.size, record(1).size());
    }
}
