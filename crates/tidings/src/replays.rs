//! What the readers that replay share.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use tidings_log::Record;

use crate::{
    encoding::{Wire, encode},
    stats::Given,
    sync::Mutex,
};

/// What the pages of all replays hold together, as long as each can have its least.
const BYTES_OF_ALL_REPLAYS: u64 = 16 << 20;
/// How many bytes of events a page has before no further event is added, at least and at most.
const PAGE_BYTES: (u64, u64) = (4 << 10, 32 << 10);
/// Beyond so many replays each page is waited for in turn, even if it is in memory, so that those who follow live are not
/// kept waiting behind all of them.
const CROWD: u64 = 64;
/// How many bytes of blocks are kept for further replays. At more they are begun anew.
const MAX_BLOCK_BYTES: usize = 8 << 20;

/// All readers that replay. The more there are, the smaller are their pages.
#[derive(Clone, Debug, Default)]
pub(crate) struct Replays(Arc<Crowd>);

#[derive(Debug, Default)]
struct Crowd {
    readers: AtomicU64,
    /// How many events were read for them, and their bytes; nothing is ordered by these.
    events: AtomicU64,
    bytes: AtomicU64,
    /// What has been encoded for one of several: after an interruption many want the same at about the same time.
    blocks: Mutex<Blocks>,
}

/// Blocks by the sequence of their event and their encoding.
#[derive(Debug, Default)]
struct Blocks {
    by_event: HashMap<(u64, Wire), Bytes>,
    bytes: usize,
}

/// One reader among those that replay.
#[derive(Debug)]
pub(crate) struct Replaying(Replays);

impl Replays {
    pub(crate) fn join(&self) -> Replaying {
        self.0.readers.fetch_add(1, Ordering::Relaxed);
        Replaying(self.clone())
    }

    /// Whether there are so many that they take turns.
    pub(crate) fn are_many(&self) -> bool {
        self.readers() > CROWD
    }

    /// How many bytes of events a page has for now before no further event is added.
    pub(crate) fn page_bytes(&self) -> u64 {
        let (least, most) = PAGE_BYTES;
        (BYTES_OF_ALL_REPLAYS / self.readers().max(1)).clamp(least, most)
    }

    /// The blocks of these events.
    pub(crate) fn encode(&self, records: &[Arc<Record>], wire: Wire) -> Vec<Bytes> {
        if self.readers() < 2 {
            return records.iter().map(|record| encode(record, wire)).collect();
        }
        let known = self.0.blocks.lock().of(records, wire);
        let mut made = Vec::new();
        let blocks = records.iter().zip(known).map(|(record, known)| {
            known.unwrap_or_else(|| {
                let block = encode(record, wire);
                made.push(((record.sequence, wire), block.clone()));
                block
            })
        });
        let blocks = blocks.collect();
        if !made.is_empty() {
            self.0.blocks.lock().keep(made);
        }
        blocks
    }

    /// Takes note of what was read for a reader that has not been given it before.
    pub(crate) fn note(&self, events: u64, bytes: usize) {
        self.0.events.fetch_add(events, Ordering::Relaxed);
        self.0.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// What was read for readers since the start.
    pub(crate) fn given(&self) -> Given {
        Given {
            events: self.0.events.load(Ordering::Relaxed),
            bytes: self.0.bytes.load(Ordering::Relaxed),
        }
    }

    /// How many readers there are.
    pub(crate) fn readers(&self) -> u64 {
        self.0.readers.load(Ordering::Relaxed)
    }
}

impl Drop for Replaying {
    fn drop(&mut self) {
        if self.0.0.readers.fetch_sub(1, Ordering::Relaxed) == 1 {
            *self.0.0.blocks.lock() = Blocks::default();
        }
    }
}

impl Blocks {
    fn of(&self, records: &[Arc<Record>], wire: Wire) -> Vec<Option<Bytes>> {
        let block = |record: &Arc<Record>| self.by_event.get(&(record.sequence, wire)).cloned();
        records.iter().map(block).collect()
    }

    fn keep(&mut self, made: Vec<((u64, Wire), Bytes)>) {
        for (event, block) in made {
            if self.bytes + block.len() > MAX_BLOCK_BYTES {
                *self = Self::default();
            }
            self.bytes += block.len();
            if let Some(twin) = self.by_event.insert(event, block) {
                self.bytes -= twin.len();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tidings_log::{Epoch, Timestamp, Topic};

    use super::*;
    use crate::Format;

    fn record(sequence: u64, bytes: usize) -> Arc<Record> {
        Arc::new(Record {
            sequence,
            epoch: Epoch::new("e").unwrap(),
            topic: Topic::new("t").unwrap(),
            event: None,
            data: "x".repeat(bytes).into(),
            key: None,
            time: Timestamp::from_millis(0),
            ends_topic: false,
        })
    }

    #[test]
    fn replays_share_what_one_of_them_has_encoded() {
        let replays = Replays::default();
        let readers = [replays.join(), replays.join()];
        let records = [1, 2, 3].map(|sequence| record(sequence, 10));
        let first = replays.encode(&records[..2], Wire::default());
        let second = replays.encode(&records[1..], Wire::default());
        assert_eq!(first[1].as_ptr(), second[0].as_ptr());
        let alone: Vec<_> = records[1..]
            .iter()
            .map(|record| encode(record, Wire::default()))
            .collect();
        assert_eq!(second, alone);

        let envelope = Wire {
            format: Format::Envelope,
            ..Wire::default()
        };
        assert_ne!(replays.encode(&records[1..], envelope), second);
        drop(readers);
        assert_eq!(replays.0.blocks.lock().by_event.len(), 0);
    }

    #[test]
    fn what_is_kept_for_others_is_bounded() {
        let replays = Replays::default();
        let _readers = [replays.join(), replays.join()];
        for sequence in 0..40 {
            let block = &replays.encode(&[record(sequence, 1 << 20)], Wire::default())[0];
            assert!(block.len() > 1 << 20);
            let blocks = replays.0.blocks.lock();
            let bytes: usize = blocks.by_event.values().map(Bytes::len).sum();
            assert_eq!(blocks.bytes, bytes);
            assert!(bytes <= MAX_BLOCK_BYTES);
        }
    }
}
