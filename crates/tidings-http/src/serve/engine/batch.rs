//! Events of one fan-out, framed once for all connections.

use bytes::Bytes;

use super::chunks::{CHUNK_FRAME_BYTES, push_chunk};

/// Consecutive events of a feed, each a chunk.
#[derive(Debug)]
pub(super) struct Batch {
    bytes: Bytes,
    /// The number of the first event.
    first: u64,
    /// Where each event ends in `bytes`.
    ends: Vec<usize>,
}

impl Batch {
    /// Frames these blocks, the first of which is the event of that number.
    pub(super) fn new(first: u64, blocks: &[Bytes]) -> Self {
        let size = blocks
            .iter()
            .map(|block| block.len() + CHUNK_FRAME_BYTES)
            .sum();
        let mut bytes = Vec::with_capacity(size);
        let mut ends = Vec::with_capacity(blocks.len());
        for block in blocks {
            push_chunk(&mut bytes, block);
            ends.push(bytes.len());
        }
        Self {
            bytes: bytes.into(),
            first,
            ends,
        }
    }

    /// Adds the events of the batch that follows.
    pub(super) fn append(&mut self, next: &Self) {
        let size = self.bytes.len();
        self.bytes = [&self.bytes[..], &next.bytes].concat().into();
        self.ends.extend(next.ends.iter().map(|end| size + end));
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The number of the first event.
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// The number of the event after the last one.
    pub(super) fn end(&self) -> u64 {
        self.first + self.ends.len() as u64
    }

    pub(super) fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Where in the bytes the event of this number begins; the end of them if it comes later.
    pub(super) fn offset(&self, number: u64) -> usize {
        let skipped = usize::try_from(number.saturating_sub(self.first)).unwrap_or(usize::MAX);
        match skipped.checked_sub(1) {
            None => 0,
            Some(last) => self.ends.get(last).copied().unwrap_or(self.bytes.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_given_what_it_has_not_had() {
        let blocks = [&b"one"[..], b"and eleven", b"3"].map(Bytes::from_static);
        let batch = Batch::new(7, &blocks);
        assert_eq!(batch.end(), 10);
        let from = |number| &batch.bytes()[batch.offset(number)..];
        assert_eq!(from(7), b"3\r\none\r\nA\r\nand eleven\r\n1\r\n3\r\n");
        assert_eq!(from(8), b"A\r\nand eleven\r\n1\r\n3\r\n");
        assert_eq!(from(9), b"1\r\n3\r\n");
        assert_eq!(from(10), b"");
        assert_eq!(from(11), b"");
    }

    #[test]
    fn an_empty_block_is_no_chunk() {
        let batch = Batch::new(0, &[Bytes::new(), Bytes::from_static(b"x")]);
        assert_eq!(batch.bytes(), "1\r\nx\r\n");
    }
}
