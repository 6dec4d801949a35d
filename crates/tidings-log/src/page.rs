use std::fmt;

use crate::Topic;

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

/// Which events one page has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Their sequences, in the order of reading.
    pub sequences: Vec<u64>,
    /// Everything in the scope between here and where the reading began is among them. The other end of the window, or
    /// where to go on from.
    pub reached: u64,
}

impl Selection {
    pub(crate) fn nothing(reached: u64) -> Self {
        Self {
            sequences: Vec::new(),
            reached,
        }
    }

    /// Takes these events, which are all of the window by rising sequence, up to the end of a page. Those without a size
    /// are not wanted.
    pub(crate) fn forwards(
        window: Window,
        events: impl Iterator<Item = (u64, Option<u64>)>,
    ) -> Self {
        Self::fill(window, events, window.after, window.until, 0)
    }

    /// As [`forwards`](Self::forwards), for events by falling sequence.
    pub(crate) fn backwards(
        window: Window,
        events: impl Iterator<Item = (u64, Option<u64>)>,
    ) -> Self {
        Self::fill(window, events, window.until, window.after, 1)
    }

    /// Goes from one end of the window to the other. An event is behind once `past` below its sequence is reached.
    fn fill(
        window: Window,
        events: impl Iterator<Item = (u64, Option<u64>)>,
        from: u64,
        to: u64,
        past: u64,
    ) -> Self {
        let mut page = Self::nothing(from);
        let mut bytes = 0;
        for (examined, (sequence, size)) in events.enumerate() {
            if examined == EXAMINED_PER_PAGE
                || page.sequences.len() == window.records
                || bytes >= window.bytes
            {
                return page;
            }
            if let Some(size) = size {
                bytes += size;
                page.sequences.push(sequence);
            }
            page.reached = sequence - past;
        }
        page.reached = to;
        page
    }
}

/// How many events one page looks at, so that no read holds the log for long.
const EXAMINED_PER_PAGE: usize = 4096;
