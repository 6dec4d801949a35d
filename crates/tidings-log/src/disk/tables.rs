//! The tables of the stored log: what makes a database one, and how its rows come out again.

use redb::{
    Database, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition, TableHandle,
};

use crate::{
    Epoch, Epochs, KeyRow, Marks, TopicRow,
    disk::{codec, engine::Fault, error::Damage},
};

/// The version of the stored format that this program writes and reads.
pub(super) const FORMAT_VERSION: u64 = 1;
const VERSION: &str = "version";

const FORMAT: TableDefinition<'_, &str, u64> = TableDefinition::new("format");
pub(super) const EPOCHS: TableDefinition<'_, u64, &str> = TableDefinition::new("epochs");
pub(super) const MARKS: TableDefinition<'_, &str, u64> = TableDefinition::new("marks");
pub(super) const TOPICS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("topics");
pub(super) const EVENTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("events");
pub(super) const KEYS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("keys");

pub(super) const RESERVED: &str = "reserved";
pub(super) const OPENED: &str = "opened";
pub(super) const FORGOTTEN: &str = "forgotten";
pub(super) const HEAD: &str = "head";

/// Whether nothing was ever committed to this database.
pub(super) fn is_blank(db: &Database) -> Result<bool, Fault> {
    let txn = db.begin_read()?;
    let no_tables = txn.list_tables()?.next().is_none();
    Ok(no_tables && txn.list_multimap_tables()?.next().is_none())
}

/// Makes a blank database a log whose first epoch is the given one.
pub(super) fn create(db: &Database, epoch: &Epoch) -> Result<(), Fault> {
    let txn = db.begin_write()?;
    txn.open_table(FORMAT)?.insert(VERSION, FORMAT_VERSION)?;
    txn.open_table(EPOCHS)?.insert(1, epoch.as_str())?;
    txn.open_table(MARKS)?;
    txn.open_table(TOPICS)?;
    txn.open_table(EVENTS)?;
    txn.open_table(KEYS)?;
    txn.commit()?;
    Ok(())
}

/// Makes sure that this database is a log of the version that can be read.
pub(super) fn check_format(db: &Database) -> Result<(), Fault> {
    let txn = db.begin_read()?;
    if !txn
        .list_tables()?
        .any(|table| table.name() == FORMAT.name())
    {
        return Err(Fault::NotALog);
    }
    let table = match txn.open_table(FORMAT) {
        Ok(table) => table,
        Err(redb::TableError::Storage(error)) => return Err(error.into()),
        Err(_) => return Err(Fault::NotALog),
    };
    match table.get(VERSION)?.map(|version| version.value()) {
        Some(FORMAT_VERSION) => Ok(()),
        Some(found) => Err(Fault::FormatVersion {
            found,
            supported: FORMAT_VERSION,
        }),
        None => Err(Fault::NotALog),
    }
}

pub(super) fn load_epochs(txn: &ReadTransaction) -> Result<Epochs, Fault> {
    const DAMAGED: Fault = Fault::Damage(Damage::Row("epochs"));
    let mut epochs: Option<Epochs> = None;
    for row in txn.open_table(EPOCHS)?.iter()? {
        let (first, token) = row?;
        let epoch = Epoch::new(token.value()).map_err(|_| DAMAGED)?;
        match &mut epochs {
            Some(epochs) => epochs.begin(first.value(), epoch),
            None if first.value() == 1 => epochs = Some(Epochs::new(epoch)),
            None => return Err(DAMAGED),
        }
    }
    epochs.ok_or(DAMAGED)
}

pub(super) fn load_marks(txn: &ReadTransaction) -> Result<Marks, Fault> {
    let mut marks = Marks::default();
    for row in txn.open_table(MARKS)?.iter()? {
        let (name, value) = row?;
        match name.value() {
            RESERVED => marks.reserved = value.value(),
            OPENED => marks.opened = value.value(),
            FORGOTTEN => marks.forgotten = value.value(),
            HEAD => marks.head = Some(value.value()),
            _ => return Err(Fault::Damage(Damage::Row("marks"))),
        }
    }
    Ok(marks)
}

pub(super) fn load_topics(txn: &ReadTransaction) -> Result<Vec<TopicRow>, Fault> {
    let mut topics = Vec::new();
    for row in txn.open_table(TOPICS)?.iter()? {
        let (id, bytes) = row?;
        topics.push(topic(id.value(), bytes.value())?);
    }
    Ok(topics)
}

pub(super) fn topic(id: u64, bytes: &[u8]) -> Result<TopicRow, Fault> {
    codec::decode_topic(id, bytes).map_err(|_| Fault::Damage(Damage::Row("topics")))
}

pub(super) fn load_keys(txn: &ReadTransaction) -> Result<Vec<KeyRow>, Fault> {
    let mut keys = Vec::new();
    for row in txn.open_table(KEYS)?.iter()? {
        let (key, bytes) = row?;
        let key = codec::decode_key(key.value(), bytes.value());
        keys.push(key.map_err(|_| Fault::Damage(Damage::Row("keys")))?);
    }
    Ok(keys)
}
