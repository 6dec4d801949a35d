use std::{fmt, sync::Arc};

use crate::{Record, Topic};

/// Which topics a question to the log is about.
#[derive(Clone, Copy)]
pub enum Scope<'a> {
    /// Exactly these, each named once.
    Topics(&'a [Topic]),
    /// Every topic that the predicate accepts.
    Matching(&'a dyn Fn(&Topic) -> bool),
}

impl fmt::Debug for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Topics(topics) => f.debug_tuple("Topics").field(topics).finish(),
            Self::Matching(_) => f.write_str("Matching(..)"),
        }
    }
}

/// The part of the log that one read may cover, and how much it may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Events after this sequence.
    pub after: u64,
    /// Events up to and including this sequence.
    pub until: u64,
    /// At most so many events. Default 256.
    pub records: usize,
    /// No further event once so many bytes are there. Default 64 KiB.
    pub bytes: u64,
}

impl Window {
    /// The events in `(after, until]`, a page of the default size.
    pub fn new(after: u64, until: u64) -> Self {
        Self {
            after,
            until,
            records: 256,
            bytes: 64 << 10,
        }
    }
}

/// What one read gave.
#[derive(Clone, Debug)]
pub struct Page {
    /// The events, in the order of reading.
    pub records: Vec<Arc<Record>>,
    /// Everything in the scope between here and where the reading began has been given. The other end of the window,
    /// or where to go on from.
    pub reached: u64,
}

impl Page {
    /// Takes what is wanted of these records, which are all of the window by rising sequence, up to the end of a page.
    pub(crate) fn forwards<'a>(
        window: Window,
        records: impl Iterator<Item = &'a Arc<Record>>,
        wanted: impl Fn(&Record) -> bool,
    ) -> Self {
        Self::fill(window, records, wanted, window.after, window.until, 0)
    }

    /// As [`forwards`](Self::forwards), for records by falling sequence.
    pub(crate) fn backwards<'a>(
        window: Window,
        records: impl Iterator<Item = &'a Arc<Record>>,
        wanted: impl Fn(&Record) -> bool,
    ) -> Self {
        Self::fill(window, records, wanted, window.until, window.after, 1)
    }

    /// Goes from one end of the window to the other. A record is behind once `past` below its sequence is reached.
    fn fill<'a>(
        window: Window,
        records: impl Iterator<Item = &'a Arc<Record>>,
        wanted: impl Fn(&Record) -> bool,
        from: u64,
        to: u64,
        past: u64,
    ) -> Self {
        let mut page = Self {
            records: Vec::new(),
            reached: from,
        };
        let mut bytes = 0;
        for (examined, record) in records.enumerate() {
            if examined == EXAMINED_PER_PAGE
                || page.records.len() == window.records
                || bytes >= window.bytes
            {
                return page;
            }
            if wanted(record) {
                bytes += record.size();
                page.records.push(record.clone());
            }
            page.reached = record.sequence - past;
        }
        page.reached = to;
        page
    }
}

/// How many records one page looks at, so that no read holds the log for long.
const EXAMINED_PER_PAGE: usize = 4096;
