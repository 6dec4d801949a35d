//! How the file of a log is opened.

use redb::{Database, ReadTransaction, ReadableDatabase};

use crate::{
    Epoch, Epochs, KeyRow, Marks, TopicRow,
    disk::{engine::Fault, file::LogFile, tables},
};

/// What a stored log held when it was opened, without its events.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its epochs.
    pub epochs: Epochs,
    /// Its marks; all zero in a new log.
    pub marks: Marks,
    /// Its topics, by rising id.
    pub topics: Vec<TopicRow>,
    /// Its idempotency keys, in no particular order.
    pub keys: Vec<KeyRow>,
    /// Whether there was no log yet.
    pub is_new: bool,
}

impl Found {
    pub(super) fn load(txn: &ReadTransaction, is_new: bool) -> Result<Self, Fault> {
        Ok(Self {
            epochs: tables::load_epochs(txn)?,
            marks: tables::load_marks(txn)?,
            topics: tables::load_topics(txn)?,
            keys: tables::load_keys(txn)?,
            is_new,
        })
    }
}

/// Opens a log, or makes one of a new epoch in an empty file.
pub(super) fn first(
    file: LogFile,
    cache_bytes: usize,
    new_epoch: impl FnOnce() -> Epoch,
) -> Result<(Database, Found), Fault> {
    // Without the check the engine trusts the pages of a file that was closed cleanly.
    let db = database(file, cache_bytes, true)?;
    let is_new = tables::is_blank(&db)?;
    if is_new {
        tables::create(&db, &new_epoch())?;
    }
    tables::check_format(&db)?;
    let found = Found::load(&db.begin_read()?, is_new)?;
    Ok((db, found))
}

/// Opens a log that was open before. Its epochs tell that it is the same. It is not checked again: it has to be back
/// soon, and every record that is read is checked by itself.
pub(super) fn again(file: LogFile, cache_bytes: usize, epochs: &Epochs) -> Result<Database, Fault> {
    let db = database(file, cache_bytes, false)?;
    if tables::is_blank(&db)? {
        return Err(Fault::Replaced);
    }
    tables::check_format(&db)?;
    if tables::load_epochs(&db.begin_read()?)? != *epochs {
        return Err(Fault::Replaced);
    }
    Ok(db)
}

fn database(file: LogFile, cache_bytes: usize, check: bool) -> Result<Database, Fault> {
    let db = Database::builder()
        .set_cache_size(cache_bytes)
        .set_check_integrity_on_open(check)
        .create_with_backend(file)?;
    Ok(db)
}
