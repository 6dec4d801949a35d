use std::sync::{Arc, Mutex, PoisonError};

use crate::{Lot, Record, Store, StoreError, index::Sequenced};

/// A store that is gone with the process.
#[derive(Debug)]
pub struct MemoryStore(Mutex<Sequenced<Arc<Record>>>);

impl MemoryStore {
    fn records(&self, sequences: &[u64]) -> Vec<Arc<Record>> {
        let records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = sequences
            .iter()
            .filter_map(|sequence| records.get(*sequence));
        found.cloned().collect()
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self(Mutex::new(Sequenced::new()))
    }
}

impl Store for MemoryStore {
    fn is_durable(&self) -> bool {
        false
    }

    fn commit(&self, lot: &Lot) -> Result<(), StoreError> {
        let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, record) in &lot.records {
            records.push(record.sequence, record.clone());
        }
        for sequence in &lot.evicted {
            records.take(*sequence);
        }
        Ok(())
    }

    fn hold(&self, record: Arc<Record>) {
        let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        records.push(record.sequence, record);
    }

    fn recent(&self, sequences: &[u64]) -> Option<Vec<Arc<Record>>> {
        Some(self.records(sequences))
    }

    fn read(&self, sequences: &[u64]) -> Result<Vec<Arc<Record>>, StoreError> {
        Ok(self.records(sequences))
    }

    fn reopen(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn close(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
