use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    DiskOptions, DiskStore, Epoch, Epochs, Lot, Marks, OpenError, Position, Record, Store,
    StoreError, Topic, TopicRow,
    disk::medium::{Folder, Medium},
};

/// One transaction takes so many events,
const LOT_EVENTS: usize = 16 * 1024;
/// or ends once it has so many bytes.
const LOT_BYTES: u64 = 8 * 1024 * 1024;
/// No log comes near it, and as many are left for what is published later.
const HIGHEST: u64 = u64::MAX / 2;

/// A log that is made of events that have their ids already, as they are exported.
///
/// Events that are not there are accounted for: a reader that resumes from before one that may have been of its topics is
/// told. What holds for a whole topic is known from the sequences that are missing before its first event;
/// [`gap`](Self::gap) tells the rest.
#[derive(Debug)]
pub struct Import {
    store: DiskStore,
    path: PathBuf,
    epochs: Epochs,
    /// The newest event.
    newest: u64,
    /// The newest event, or a gap behind it.
    last: u64,
    /// Up to here there may have been events of topics that are not here.
    missing: u64,
    topics: HashMap<Topic, TopicRow>,
    lot: Lot,
    lot_bytes: u64,
}

/// Something does not continue an [`Import`], or could not be stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The log could not be made.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is a log in the folder already.
    #[error("there is a log already: '{}'", .0.display())]
    Exists(PathBuf),
    /// The id does not follow what came before. Ids have rising sequences, and one epoch after another.
    #[error("does not follow the id before it, {0}")]
    Order(Position),
    /// The id has a higher sequence than any log.
    #[error("has a sequence above {HIGHEST}")]
    TooHigh,
    /// The topic had ended with an earlier event.
    #[error("had ended before this event")]
    Ended,
    /// The log could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Import {
    /// Begins in a folder, which is made if it is missing, with the epoch of the first event.
    ///
    /// # Errors
    /// [`ImportError`]; a log that is there already is left alone.
    pub fn begin(folder: &Path, epoch: Epoch) -> Result<Self, ImportError> {
        let options = DiskOptions {
            recent_bytes: 0,
            ..DiskOptions::default()
        };
        let (store, found) = DiskStore::open(folder, &options, || epoch)?;
        if !found.is_new {
            return Err(ImportError::Exists(folder.to_owned()));
        }
        Ok(Self {
            store,
            path: Folder::new(folder).path().to_owned(),
            epochs: found.epochs,
            newest: 0,
            last: 0,
            missing: 0,
            topics: HashMap::new(),
            lot: Lot::default(),
            lot_bytes: 0,
        })
    }

    /// Adds the next event.
    ///
    /// # Errors
    /// [`ImportError`]; the import cannot go on.
    pub fn add(&mut self, record: Record) -> Result<(), ImportError> {
        if record.sequence <= self.last {
            return Err(ImportError::Order(self.epochs.position(self.last)));
        }
        self.reach(&record.position())?;
        if record.sequence > self.newest + 1 {
            self.missing = record.sequence - 1;
        }
        self.newest = record.sequence;
        self.last = record.sequence;
        let row = self.topics.entry(record.topic.clone());
        let row = row.or_insert_with(|| TopicRow {
            id: record.sequence,
            name: record.topic.clone(),
            last: 0,
            evicted: self.missing,
            lost: self.missing,
            volatile: 0,
            ended: false,
        });
        if row.ended {
            return Err(ImportError::Ended);
        }
        row.last = record.sequence;
        row.ended = record.ends_topic;
        self.lot_bytes += record.size();
        self.lot.records.push((row.id, Arc::new(record)));
        if self.lot.records.len() == LOT_EVENTS || self.lot_bytes >= LOT_BYTES {
            self.commit()?;
        }
        Ok(())
    }

    /// Takes note that events up to this place may be missing: of this topic, or of those that have no event here. The
    /// place may be behind the newest event, which it then takes the part of.
    ///
    /// # Errors
    /// [`ImportError`]; the import cannot go on.
    pub fn gap(&mut self, place: &Position, topic: Option<&Topic>) -> Result<(), ImportError> {
        self.reach(place)?;
        self.last = self.last.max(place.sequence);
        match topic.and_then(|topic| self.topics.get_mut(topic)) {
            Some(row) => {
                row.evicted = row.evicted.max(place.sequence);
                row.lost = row.evicted;
            }
            None => self.missing = self.missing.max(place.sequence),
        }
        Ok(())
    }

    /// Completes the log, and gives its file. What is published on it will be of a new epoch, so that nobody who comes with an id from behind
    /// the last one here takes it for a new event's.
    ///
    /// # Errors
    /// [`ImportError`]; what is there is no whole log.
    pub fn finish(mut self, next: Epoch) -> Result<PathBuf, ImportError> {
        self.store.begin_epoch(self.last + 1, next)?;
        self.lot.topics = self.topics.values().cloned().collect();
        self.lot.marks = Some(Marks {
            reserved: self.last,
            opened: self.last,
            forgotten: self.missing,
            head: Some(self.last),
        });
        self.commit()?;
        self.store.close()?;
        Ok(self.path)
    }

    /// Begins the epoch of a place if it is a new one, and refuses a place of an earlier one that had ended before it.
    fn reach(&mut self, place: &Position) -> Result<(), ImportError> {
        if place.sequence > HIGHEST {
            return Err(ImportError::TooHigh);
        }
        if self.epochs.contain(place) {
            return Ok(());
        }
        let is_new = self.epochs.iter().all(|(_, epoch)| *epoch != place.epoch);
        if !is_new || place.sequence <= self.last {
            return Err(ImportError::Order(self.epochs.position(self.last)));
        }
        // Where exactly it began is not known. Ids in between are of neither, as far as anybody can tell.
        let first = self.last + 1;
        self.store.begin_epoch(first, place.epoch.clone())?;
        self.epochs.begin(first, place.epoch.clone());
        Ok(())
    }

    fn commit(&mut self) -> Result<(), ImportError> {
        self.store.commit(&self.lot)?;
        self.lot = Lot::default();
        self.lot_bytes = 0;
        Ok(())
    }
}
