use std::{
    fs, io,
    ops::Bound,
    path::{Path, PathBuf},
};

use redb::{Database, ReadableDatabase, ReadableTableMetadata};

use crate::{
    Record, Topic,
    disk::{
        codec,
        engine::{Fault, guard},
        error::{Damage, OpenError, advice},
        file::{LogFile, Unsynced},
        medium::{Folder, Medium},
        open::Found,
        overlay::Overlay,
        tables::{self, EVENTS, FORMAT_VERSION},
    },
};

/// A page ends with so many records,
const PAGE_RECORDS: usize = 1024;
/// or once it has so many bytes.
const PAGE_BYTES: usize = 1024 * 1024;
/// Each record is read once, so nothing is worth keeping.
const CACHE_BYTES: usize = 1024 * 1024;

/// The log in a folder, to be looked at while nobody has it open. Nothing in the folder is changed.
#[derive(Debug)]
pub struct StoredLog {
    path: PathBuf,
    file_bytes: u64,
    records: u64,
    /// There until it is dropped.
    db: Option<Database>,
    found: Found,
}

/// What is stored under one sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredRecord {
    /// An event, as it was accepted.
    Sound(Record),
    /// What is left of a topic that was deleted. It is not given to readers.
    Leftover(u64),
    /// Something that is not what was stored. The hub refuses a log that has it.
    Damaged(u64),
}

impl StoredRecord {
    /// What it is stored under.
    pub fn sequence(&self) -> u64 {
        match self {
            Self::Sound(record) => record.sequence,
            Self::Leftover(sequence) | Self::Damaged(sequence) => *sequence,
        }
    }
}

impl StoredLog {
    /// Opens the log that is in a folder, keeping everybody else from it until this is dropped.
    ///
    /// What the file holds is trusted to be whole; [`check`](Self::check) does not.
    ///
    /// # Errors
    /// [`OpenError`], which is [`Missing`](OpenError::Missing) if there is none.
    pub fn open(folder: &Path) -> Result<Self, OpenError> {
        let medium = Folder::new(folder);
        let path = medium.path().to_owned();
        let file_bytes = match fs::metadata(&path) {
            Ok(metadata) if metadata.len() > 0 => metadata.len(),
            Ok(_) => return Err(OpenError::Missing(folder.to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(OpenError::Missing(folder.to_owned()));
            }
            Err(source) => {
                return Err(OpenError::Io {
                    path,
                    advice: advice(&source),
                    source,
                });
            }
        };
        match guard(|| load(&medium)) {
            Ok(Some((db, found, records))) => Ok(Self {
                path,
                file_bytes,
                records,
                db: Some(db),
                found,
            }),
            Ok(None) => Err(OpenError::Missing(folder.to_owned())),
            Err(fault) => Err(fault.into_open_error(&path)),
        }
    }

    /// The version of its format.
    pub fn format_version(&self) -> u64 {
        FORMAT_VERSION
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The size of its file.
    pub fn file_bytes(&self) -> u64 {
        self.file_bytes
    }

    /// How many records there are, sound or not.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// What it holds beside the events. The marks of the topics are those that it would be opened with: they count what
    /// a crash may have taken.
    pub fn found(&self) -> &Found {
        &self.found
    }

    /// The newest sequence that anybody may have been told of.
    pub fn head(&self) -> u64 {
        self.found.marks.head.unwrap_or(self.found.marks.reserved)
    }

    /// Whether it was closed, and did not end by a crash.
    pub fn was_closed(&self) -> bool {
        self.found.marks.head.is_some()
    }

    /// The records that follow this sequence, a page of about a mebibyte. None if there are no more.
    ///
    /// # Errors
    /// [`OpenError`] if the file does not hold together here. A damaged record alone is no error.
    pub fn page(&self, after: u64) -> Result<Vec<StoredRecord>, OpenError> {
        let read = guard(|| {
            let mut page = Vec::new();
            let mut bytes = 0;
            let db = self.db.as_ref().ok_or(Fault::Closed)?;
            let events = db.begin_read()?.open_table(EVENTS)?;
            for row in events.range((Bound::Excluded(after), Bound::Unbounded))? {
                let (sequence, value) = row?;
                page.push(self.record(sequence.value(), value.value()));
                bytes += value.value().len();
                if page.len() == PAGE_RECORDS || bytes >= PAGE_BYTES {
                    break;
                }
            }
            Ok(page)
        });
        read.map_err(|fault| fault.into_open_error(&self.path))
    }

    /// Checks every page of the file by its checksum.
    ///
    /// # Errors
    /// [`OpenError::Damaged`] if one is not what was written.
    pub fn check(mut self) -> Result<(), OpenError> {
        let checked = guard(|| {
            let db = self.db.as_mut().ok_or(Fault::Closed)?;
            if db.check_integrity()? {
                return Ok(());
            }
            let what = "its parts do not fit together".to_owned();
            Err(Fault::Damage(Damage::Engine(what)))
        });
        checked.map_err(|fault| fault.into_open_error(&self.path))
    }

    /// As [`check`](Self::check), for all but the events, which have checksums of their own: if it is sound, so are the
    /// topics that [`page`](Self::page) gave.
    ///
    /// # Errors
    /// [`OpenError::Damaged`] if a page is not what was written.
    pub fn check_all_but_events(self) -> Result<(), OpenError> {
        let removed = guard(|| {
            let db = self.db.as_ref().ok_or(Fault::Closed)?;
            let txn = db.begin_write()?;
            txn.delete_table(EVENTS)?;
            txn.commit()?;
            Ok(())
        });
        removed.map_err(|fault| fault.into_open_error(&self.path))?;
        self.check()
    }

    fn record(&self, sequence: u64, bytes: &[u8]) -> StoredRecord {
        let Ok(body) = codec::decode_event(sequence, bytes) else {
            return StoredRecord::Damaged(sequence);
        };
        match self.topic(body.topic) {
            Some(topic) => StoredRecord::Sound(body.record(sequence, &self.found.epochs, topic)),
            None => StoredRecord::Leftover(sequence),
        }
    }

    fn topic(&self, id: u64) -> Option<Topic> {
        let topics = &self.found.topics;
        let at = topics.binary_search_by_key(&id, |row| row.id).ok()?;
        Some(topics[at].name.clone())
    }
}

impl Drop for StoredLog {
    fn drop(&mut self) {
        // What the engine says of a file that was not to be changed is of no use to anybody.
        let _ = guard(|| {
            self.db
                .take()
                .map_or(Ok(()), Database::close)
                .map_err(Fault::from)
        });
    }
}

/// Opens the file with what it holds beside the events, and the number of these; `None` if nothing was ever committed.
fn load(medium: &Folder) -> Result<Option<(Database, Found, u64)>, Fault> {
    let overlay = Overlay::new(medium.open()?)?;
    let db = Database::builder()
        .set_cache_size(CACHE_BYTES)
        .create_with_backend(LogFile::new(Box::new(overlay), Unsynced::default()))?;
    if tables::is_blank(&db)? {
        return Ok(None);
    }
    tables::check_format(&db)?;
    let txn = db.begin_read()?;
    let mut found = Found::load(&txn, false)?;
    for row in &mut found.topics {
        row.admit_losses(&found.marks);
    }
    let records = txn.open_table(EVENTS)?.len()?;
    Ok(Some((db, found, records)))
}
