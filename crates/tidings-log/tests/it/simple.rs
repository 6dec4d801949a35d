//! A log whose events are committed and released as soon as they are accepted.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
};

use tempfile::TempDir;
use tidings_log::{
    Durability, Entry, Log, LogOptions, Record, Scope, Selection, Timestamp, Topic, Window,
};

#[derive(Debug)]
pub(crate) struct SimpleLog {
    log: Log,
    /// Where it is kept, if it is.
    folder: Option<TempDir>,
}

/// Why an event was not appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Ended,
    TooManyTopics,
}

/// A page of events.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) records: Vec<Arc<Record>>,
    pub(crate) reached: u64,
}

impl SimpleLog {
    pub(crate) fn in_memory(options: LogOptions) -> Self {
        Self {
            log: Log::in_memory(crate::contract::epoch(), options),
            folder: None,
        }
    }

    pub(crate) fn on_disk(options: LogOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let now = Timestamp::from_millis(0);
        let (log, keys) = Log::open(folder.path(), crate::contract::epoch(), options, now).unwrap();
        assert_eq!(keys, []);
        Self {
            log,
            folder: Some(folder),
        }
    }

    /// Closes the log and opens it again, if it outlives that.
    pub(crate) fn reopen(&mut self, options: LogOptions, now: Timestamp) -> bool {
        let Some(folder) = &self.folder else {
            return false;
        };
        let lot = self.log.closing();
        self.log.store().commit(&lot).unwrap();
        self.log.store().close().unwrap();
        let epoch = tidings_log::Epoch::new("another").unwrap();
        (self.log, _) = Log::open(folder.path(), epoch, options, now).unwrap();
        true
    }

    pub(crate) fn append(
        &mut self,
        entry: Entry,
        now: Timestamp,
        in_use: impl Fn(&Topic) -> bool,
    ) -> Result<Arc<Record>, Refused> {
        self.log.expire(now);
        if self.log.will_have_ended(&entry.topic) {
            return Err(Refused::Ended);
        }
        if !self.log.will_contain(&entry.topic) && self.log.room_for(1, &in_use) == 0 {
            return Err(Refused::TooManyTopics);
        }
        let record = self.log.accept(entry, now);
        let lot = self.log.lot(&[(record.clone(), Durability::Disk)], false);
        self.log.store().commit(&lot).unwrap();
        self.log.release(&record, in_use);
        self.log.committed(&lot);
        Ok(record)
    }

    pub(crate) fn page(&self, scope: &Scope<'_>, window: Window) -> Page {
        self.read(&self.log.select(scope, window))
    }

    pub(crate) fn page_back(&self, scope: &Scope<'_>, window: Window) -> Page {
        let Selection {
            mut sequences,
            reached,
        } = self.log.select_back(scope, window);
        sequences.reverse();
        let mut page = self.read(&Selection { sequences, reached });
        page.records.reverse();
        page
    }

    fn read(&self, selection: &Selection) -> Page {
        let records = self.log.store().read(&selection.sequences).unwrap();
        let sequences: Vec<u64> = records.iter().map(|record| record.sequence).collect();
        assert_eq!(sequences, selection.sequences);
        Page {
            records,
            reached: selection.reached,
        }
    }
}

impl Deref for SimpleLog {
    type Target = Log;

    fn deref(&self) -> &Log {
        &self.log
    }
}

impl DerefMut for SimpleLog {
    fn deref_mut(&mut self) -> &mut Log {
        &mut self.log
    }
}
