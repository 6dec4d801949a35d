use std::{fmt, sync::Arc};

use crate::{Record, Timestamp, Topic};

/// Where the events of a log are kept, and what it takes to know them again after a restart.
///
/// A log decides what is kept; a store does what it is told, in lots.
pub trait Store: fmt::Debug + Send + Sync {
    /// Whether lots outlive the process.
    fn is_durable(&self) -> bool;

    /// Applies the whole lot or nothing of it. A durable store has it on stable storage when this returns.
    ///
    /// # Errors
    /// [`StoreError`]; whether the lot was applied is then unknown, and nothing more is taken until
    /// [`reopen`](Self::reopen) has succeeded.
    fn commit(&self, lot: &Lot) -> Result<(), StoreError>;

    /// Makes a record readable that is yet to be committed.
    fn hold(&self, record: Arc<Record>);

    /// The records with these sequences, which rise, if all of them can be had without waiting.
    fn recent(&self, sequences: &[u64]) -> Option<Vec<Arc<Record>>>;

    /// The records with these sequences, which rise, as far as they are there. May wait for the disk.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read now, or if a record is damaged.
    fn read(&self, sequences: &[u64]) -> Result<Vec<Arc<Record>>, StoreError>;

    /// Opens the store anew after a failure, and makes sure that there is room.
    ///
    /// # Errors
    /// [`StoreError`]; it can be tried again.
    fn reopen(&self) -> Result<(), StoreError>;

    /// Gives back what the store holds of the system. Nothing can be read or committed after it.
    ///
    /// # Errors
    /// [`StoreError`]; it is closed all the same.
    fn close(&self) -> Result<(), StoreError>;
}

/// What is committed at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lot {
    /// Events to add, by rising sequence, each behind the id of its topic.
    pub records: Vec<(u64, Arc<Record>)>,
    /// The sequences of events to remove, rising. Those that are not there are passed over.
    pub evicted: Vec<u64>,
    /// Topics to add or to write anew.
    pub topics: Vec<TopicRow>,
    /// The ids of topics to remove. Those that are not there are passed over.
    pub forgotten: Vec<u64>,
    /// Idempotency keys to add.
    pub keys: Vec<KeyRow>,
    /// Idempotency keys to remove, if they are there.
    pub expired_keys: Vec<Arc<str>>,
    /// The marks, if one of them has changed.
    pub marks: Option<Marks>,
}

impl Lot {
    /// Whether nothing changes by it.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What is stored of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicRow {
    /// The sequence of its first event.
    pub id: u64,
    /// Its name.
    pub name: Topic,
    /// Its newest event when this was written.
    pub last: u64,
    /// An event up to here may be missing.
    pub evicted: u64,
    /// As `evicted`, without events that a newer one of their key had superseded.
    pub lost: u64,
    /// The first event since the log was opened that a crash may take back; 0 if there is none.
    pub volatile: u64,
    /// Whether a final event ended it.
    pub ended: bool,
}

impl TopicRow {
    /// Takes note of what a crash may have cost the topic, if the log was not closed. True if there may be something.
    pub(crate) fn admit_losses(&mut self, marks: &Marks) -> bool {
        let lost_some = marks.head.is_none() && self.volatile > marks.opened;
        if lost_some {
            self.evicted = marks.reserved;
            self.lost = marks.reserved;
        }
        lost_some
    }
}

/// What is stored of a publication that carried an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// The key.
    pub key: Arc<str>,
    /// When it was accepted.
    pub time: Timestamp,
    /// A hash of what was published.
    pub fingerprint: [u8; 16],
    /// The event it became.
    pub sequence: u64,
    /// How many subscriptions it reached.
    pub receivers: u64,
}

/// What is stored of the log as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Every sequence ever given to anybody is at most this.
    pub reserved: u64,
    /// The newest sequence when the log was last opened.
    pub opened: u64,
    /// The highest sequence of any topic that was forgotten altogether.
    pub forgotten: u64,
    /// The newest sequence at a clean close; `None` while the log is open and after a crash.
    pub head: Option<u64>,
}

/// A store could not do what it was told.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It failed before and was not opened again since.
    #[error("the store is closed after a failure")]
    Closed,
    /// The system reported an error.
    #[error("the store failed: {0}")]
    Io(Arc<dyn std::error::Error + Send + Sync>),
    /// What is stored under this sequence is not what was stored.
    #[error("event {sequence} is damaged")]
    Damaged {
        /// The event.
        sequence: u64,
    },
}
