//! What happened on a group and somebody has not taken yet.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use tidings_log::Record;

use crate::GoodbyeReason;

/// How many items a tail holds for takers that are behind. Who is further behind reads the log.
const MAX_TAIL_ITEMS: usize = 8 << 10;
/// How many bytes of payload and blocks a tail holds.
const MAX_TAIL_BYTES: usize = 768 << 10;
/// How many bytes all tails of a broker hold together. Beyond it a tail drops even its newest event.
const MAX_BYTES_OF_ALL_TAILS: usize = 64 << 20;

/// The bytes that all tails of a broker hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct TailBytes(Arc<AtomicUsize>);

/// What happens on a group, in order.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    /// An event, with its block if the group has an encoding.
    Event(Arc<Record>, Bytes),
    /// A topic that a pattern matches was deleted.
    Deleted,
    /// The last open topic ended; nothing follows.
    End,
    /// The stream ends on purpose; nothing follows.
    Goodbye(GoodbyeReason),
}

/// The newest items of a group, within limits. Items are numbered through the life of the group.
#[derive(Debug)]
pub(crate) struct Tail {
    items: VecDeque<Item>,
    /// The number of the first item.
    base: u64,
    bytes: usize,
    /// Counts `bytes` of all tails; a hint, so nothing is ordered by it.
    of_all: TailBytes,
    /// The sequence of the newest event that was dropped.
    floor: u64,
    /// The number after that of the newest item that was dropped and is no event.
    events_from: u64,
}

impl Tail {
    pub(crate) fn new(of_all: TailBytes) -> Self {
        Self {
            items: VecDeque::new(),
            base: 0,
            bytes: 0,
            of_all,
            floor: 0,
            events_from: 0,
        }
    }

    /// The number of the first item that is here.
    pub(crate) fn base(&self) -> u64 {
        self.base
    }

    /// The number of the next item to be pushed.
    pub(crate) fn end(&self) -> u64 {
        self.base + self.items.len() as u64
    }

    /// The sequence of the newest event that was dropped.
    pub(crate) fn floor(&self) -> u64 {
        self.floor
    }

    /// Whether all items from this number on that were dropped are events.
    pub(crate) fn dropped_only_events(&self, number: u64) -> bool {
        number >= self.events_from
    }

    /// The items from this number on, or all that are left of them.
    pub(crate) fn from(&self, number: u64) -> impl Iterator<Item = &Item> {
        let skip = usize::try_from(number.saturating_sub(self.base)).unwrap_or(usize::MAX);
        self.items.iter().skip(skip)
    }

    /// Adds an item, and drops the oldest ones beyond the limits.
    pub(crate) fn push(&mut self, item: Item) {
        self.bytes += item.size();
        self.of_all.0.fetch_add(item.size(), Ordering::Relaxed);
        self.items.push_back(item);
        while self.is_over_its_limits() {
            self.drop_oldest();
        }
    }

    /// Drops everything: all of it has been taken, if not by each member of a feed.
    pub(crate) fn clear(&mut self) {
        let newest = self.items.iter().rev().find_map(Item::sequence);
        self.floor = newest.unwrap_or(self.floor);
        self.base = self.end();
        self.items.clear();
        self.of_all.0.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = 0;
    }

    fn is_over_its_limits(&self) -> bool {
        let too_much = self.items.len() > MAX_TAIL_ITEMS || self.bytes > MAX_TAIL_BYTES;
        let too_much_of_all = self.of_all.0.load(Ordering::Relaxed) > MAX_BYTES_OF_ALL_TAILS;
        (too_much && self.items.len() > 1) || (too_much_of_all && self.bytes > 0)
    }

    fn drop_oldest(&mut self) {
        if let Some(item) = self.items.pop_front() {
            self.base += 1;
            self.bytes -= item.size();
            self.of_all.0.fetch_sub(item.size(), Ordering::Relaxed);
            match item.sequence() {
                Some(sequence) => self.floor = sequence,
                None => self.events_from = self.base,
            }
        }
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.of_all.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Item {
    /// The sequence of an event.
    pub(crate) fn sequence(&self) -> Option<u64> {
        match self {
            Self::Event(record, _) => Some(record.sequence),
            Self::Deleted | Self::End | Self::Goodbye(_) => None,
        }
    }

    /// Whether nothing follows it.
    pub(crate) fn ends_stream(&self) -> bool {
        matches!(self, Self::End | Self::Goodbye(_))
    }

    /// What it counts against the limits, and as sent.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Event(record, block) if block.is_empty() => record.data.len(),
            Self::Event(_, block) => block.len(),
            Self::Deleted | Self::End | Self::Goodbye(_) => 0,
        }
    }
}
