use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use redb::Database;

use crate::{
    Epoch, Epochs, Lot, Record, Store, StoreError,
    disk::{
        engine::{Fault, guard},
        error::OpenError,
        file::{LogFile, Unsynced},
        medium::{Folder, Medium},
        open::{self, Found},
        read::{self, Reader, StoredEvent},
        recent::Recent,
        write,
    },
};

/// How a [`DiskStore`] uses memory.
#[derive(Clone, Debug)]
pub struct DiskOptions {
    /// Bytes of the file that are kept in memory. By default 16 MiB.
    pub cache_bytes: usize,
    /// Bytes of the newest events, by [`Record::size`], that are read without the disk. By default 8 MiB.
    pub recent_bytes: u64,
}

/// The store in a folder of the file system; `docs/log-format.md` specifies what it keeps there.
///
/// Lots are on stable storage when they are acknowledged, and whole or absent after any crash. A file that is damaged
/// is refused: nothing is read that is not what was written.
///
/// ```
/// use tidings_log::{DiskOptions, DiskStore, Epoch, Lot, Marks, Store};
///
/// let dir = tempfile::tempdir()?;
/// let new_epoch = || Epoch::new("k3v9").expect("letters and digits");
/// let (store, found) = DiskStore::open(dir.path(), &DiskOptions::default(), new_epoch)?;
/// assert!(found.is_new);
///
/// let marks = Marks { reserved: 1_000, ..found.marks };
/// store.commit(&Lot { marks: Some(marks), ..Lot::default() })?;
/// drop(store);
///
/// let (_, found) = DiskStore::open(dir.path(), &DiskOptions::default(), new_epoch)?;
/// assert_eq!(found.marks, marks);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct DiskStore {
    medium: Box<dyn Medium>,
    cache_bytes: usize,
    epochs: Epochs,
    unsynced: Unsynced,
    /// Whether lots are taken. Locked while one is committed, before `db`.
    writing: Mutex<Writing>,
    /// The open file, if it is; locked for reading by all who use it, for writing only to put it in or take it out.
    db: RwLock<Option<Database>>,
    /// Locked last, and only to look something up or to note what was committed.
    recent: Mutex<Recent>,
}

/// Whether a store takes lots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writing {
    Open,
    /// A lot failed, and the engine may refuse to read from its file as well.
    Failed,
    /// The file was opened again, for reading, but there was no room for lots.
    Full,
    Closed,
}

impl Default for DiskOptions {
    fn default() -> Self {
        Self {
            cache_bytes: 16 * 1024 * 1024,
            recent_bytes: 8 * 1024 * 1024,
        }
    }
}

impl DiskStore {
    /// Opens the log in a folder, or makes a new one there, of a new epoch. The folder is made if it is missing.
    ///
    /// The whole file is read and checked, also after a clean stop.
    ///
    /// # Errors
    /// [`OpenError`]; its message says what to do.
    pub fn open(
        dir: &Path,
        options: &DiskOptions,
        new_epoch: impl FnOnce() -> Epoch,
    ) -> Result<(Self, Found), OpenError> {
        Self::open_on(Box::new(Folder::new(dir)), options, new_epoch)
    }

    pub(super) fn open_on(
        medium: Box<dyn Medium>,
        options: &DiskOptions,
        new_epoch: impl FnOnce() -> Epoch,
    ) -> Result<(Self, Found), OpenError> {
        let unsynced = Unsynced::default();
        let opened = guard(|| {
            let file = LogFile::new(medium.create()?, unsynced.clone());
            open::first(file, options.cache_bytes, new_epoch)
        });
        let (db, found) = opened.map_err(|fault| fault.into_open_error(medium.path()))?;
        let store = Self {
            medium,
            cache_bytes: options.cache_bytes,
            epochs: found.epochs.clone(),
            unsynced,
            writing: Mutex::new(Writing::Open),
            db: RwLock::new(Some(db)),
            recent: Mutex::new(Recent::new(options.recent_bytes)),
        };
        Ok((store, found))
    }

    /// Begins a further epoch, which the sequences from `first` on are of. On stable storage when this returns.
    ///
    /// # Errors
    /// [`StoreError`], as [`commit`](Store::commit).
    pub fn begin_epoch(&mut self, first: u64, epoch: Epoch) -> Result<(), StoreError> {
        self.write(|db| write::epoch(db, first, &epoch))?;
        self.epochs.begin(first, epoch);
        Ok(())
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        self.medium.path()
    }

    /// Visits every event, by rising sequence. The visitor must not use the store.
    ///
    /// # Errors
    /// [`OpenError`]; what was visited until then is sound.
    pub fn scan(&self, visit: &mut dyn FnMut(StoredEvent<'_>)) -> Result<(), OpenError> {
        let scanned = self.with_database(|db| read::scan(db, visit));
        scanned.map_err(|fault| fault.into_open_error(self.medium.path()))
    }

    /// Does a piece of work on the open file, at the same time as others.
    fn with_database<T>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let db = self.db.read().unwrap_or_else(PoisonError::into_inner);
        guard(|| work(db.as_ref().ok_or(Fault::Closed)?))
    }

    /// Does a piece of work that writes. When it fails, no other is done until the file has been opened again.
    fn write(&self, work: impl FnOnce(&Database) -> Result<(), Fault>) -> Result<(), StoreError> {
        let mut writing = lock(&self.writing);
        if *writing != Writing::Open {
            return Err(StoreError::Closed);
        }
        let written = self.with_database(work);
        if written.is_err() {
            *writing = Writing::Failed;
        }
        written.map_err(Fault::into_store_error)
    }

    /// Opens the file that was open before.
    fn open_again(&self) -> Result<(), Fault> {
        let opened = guard(|| {
            let file = LogFile::new(self.medium.open()?, self.unsynced.clone());
            open::again(file, self.cache_bytes, &self.epochs)
        })?;
        *self.db.write().unwrap_or_else(PoisonError::into_inner) = Some(opened);
        Ok(())
    }

    /// Closes the file once nobody reads from it any more.
    fn shut(&self) -> Result<(), Fault> {
        let db = self
            .db
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        guard(|| db.map_or(Ok(()), Database::close).map_err(Fault::from))
    }
}

impl Store for DiskStore {
    fn is_durable(&self) -> bool {
        true
    }

    fn commit(&self, lot: &Lot) -> Result<(), StoreError> {
        self.write(|db| write::lot(db, lot))?;
        lock(&self.recent).commit(lot);
        Ok(())
    }

    fn hold(&self, record: Arc<Record>) {
        lock(&self.recent).hold(record);
    }

    fn recent(&self, sequences: &[u64]) -> Option<Vec<Arc<Record>>> {
        let recent = lock(&self.recent);
        sequences
            .iter()
            .map(|sequence| recent.find(*sequence).cloned())
            .collect()
    }

    fn read(&self, sequences: &[u64]) -> Result<Vec<Arc<Record>>, StoreError> {
        let mut records: Vec<Option<Arc<Record>>> = {
            let recent = lock(&self.recent);
            sequences
                .iter()
                .map(|sequence| recent.find(*sequence).cloned())
                .collect()
        };
        if records.iter().any(Option::is_none) {
            let read = self.with_database(|db| {
                let mut reader = Reader::new(db, &self.epochs)?;
                for (sequence, record) in sequences.iter().zip(&mut records) {
                    if record.is_none() {
                        *record = reader.read(*sequence)?;
                    }
                }
                Ok(())
            });
            read.map_err(Fault::into_store_error)?;
        }
        Ok(records.into_iter().flatten().collect())
    }

    fn reopen(&self) -> Result<(), StoreError> {
        let mut writing = lock(&self.writing);
        if *writing == Writing::Closed {
            return Err(StoreError::Closed);
        }
        if *writing != Writing::Full {
            *writing = Writing::Failed;
            // What could not be closed was given up by the lot that failed.
            let _ = self.shut();
            self.open_again().map_err(Fault::into_store_error)?;
        }
        if let Err(fault) = self.with_database(write::probe) {
            *writing = Writing::Failed;
            let _ = self.shut();
            if self.open_again().is_ok() {
                *writing = Writing::Full;
            }
            return Err(fault.into_store_error());
        }
        *writing = Writing::Open;
        Ok(())
    }

    fn close(&self) -> Result<(), StoreError> {
        *lock(&self.writing) = Writing::Closed;
        self.shut().map_err(Fault::into_store_error)
    }
}

impl Drop for DiskStore {
    fn drop(&mut self) {
        // Whoever wants to know closes it.
        let _ = self.close();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
