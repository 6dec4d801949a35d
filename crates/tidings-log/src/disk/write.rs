//! What is written to the stored log, each in one transaction that is on stable storage when its function returns.

use redb::{Database, TableDefinition};

use crate::{
    Epoch, Lot,
    disk::{
        codec,
        engine::Fault,
        tables::{EPOCHS, EVENTS, FORGOTTEN, HEAD, KEYS, MARKS, OPENED, RESERVED, TOPICS},
    },
};

/// How much room there must be before lots are taken again.
const PROBE_BYTES: usize = 1024 * 1024;
const PROBE: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("probe");

/// Applies a lot.
///
/// What the lot adds and removes at once is gone, but for idempotency keys: there the new one replaces the expired.
pub(super) fn lot(db: &Database, lot: &Lot) -> Result<(), Fault> {
    let txn = db.begin_write()?;
    {
        let mut events = txn.open_table(EVENTS)?;
        for (topic, record) in &lot.records {
            events.insert(
                record.sequence,
                codec::encode_event(*topic, record).as_slice(),
            )?;
        }
        for sequence in &lot.evicted {
            events.remove(sequence)?;
        }
    }
    if !lot.topics.is_empty() || !lot.forgotten.is_empty() {
        let mut topics = txn.open_table(TOPICS)?;
        for row in &lot.topics {
            topics.insert(row.id, codec::encode_topic(row).as_slice())?;
        }
        for id in &lot.forgotten {
            topics.remove(id)?;
        }
    }
    if !lot.keys.is_empty() || !lot.expired_keys.is_empty() {
        let mut keys = txn.open_table(KEYS)?;
        for key in &lot.expired_keys {
            keys.remove(&**key)?;
        }
        for row in &lot.keys {
            keys.insert(&*row.key, codec::encode_key(row).as_slice())?;
        }
    }
    if let Some(set) = lot.marks {
        let mut marks = txn.open_table(MARKS)?;
        marks.insert(RESERVED, set.reserved)?;
        marks.insert(OPENED, set.opened)?;
        marks.insert(FORGOTTEN, set.forgotten)?;
        match set.head {
            Some(head) => marks.insert(HEAD, head)?,
            None => marks.remove(HEAD)?,
        };
    }
    txn.commit()?;
    Ok(())
}

/// Adds an epoch.
pub(super) fn epoch(db: &Database, first: u64, epoch: &Epoch) -> Result<(), Fault> {
    let txn = db.begin_write()?;
    txn.open_table(EPOCHS)?.insert(first, epoch.as_str())?;
    txn.commit()?;
    Ok(())
}

/// Makes sure that there is room, by taking some and giving it back.
pub(super) fn probe(db: &Database) -> Result<(), Fault> {
    let txn = db.begin_write()?;
    txn.open_table(PROBE)?
        .insert(0, vec![0; PROBE_BYTES].as_slice())?;
    txn.commit()?;
    let txn = db.begin_write()?;
    txn.delete_table(PROBE)?;
    txn.commit()?;
    Ok(())
}
