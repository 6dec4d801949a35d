//! Chunked transfer coding (RFC 9112, section 7.1).

use std::collections::VecDeque;
use std::io::{self, IoSlice, Write};

use bytes::{Buf, Bytes};

/// Chunks that are about to be written, in memory that all connections of a thread share.
#[derive(Debug)]
pub(super) struct Chunks {
    /// Frames and small chunks; if there is a large one, what comes before it and then what comes after it.
    small: Vec<u8>,
    large: Option<Large>,
}

#[derive(Debug)]
struct Large {
    data: Bytes,
    /// Where in `small` it belongs.
    at: usize,
}

/// What the kernel has not taken.
#[derive(Debug, Default)]
pub(super) struct Rest(VecDeque<Bytes>);

/// Data that is not copied to join it with its frame.
const LARGE_BYTES: usize = 16 << 10;
/// Bytes beyond which nothing is added.
const FULL_BYTES: usize = 32 << 10;
/// What is left is copied if it is no more than this, and does not keep all that others are given.
const COPIED_BYTES: usize = 4 << 10;
/// More than the size and the two line ends of a chunk take.
pub(super) const CHUNK_FRAME_BYTES: usize = 12;
/// The last chunk, and no trailers.
const END: &[u8] = b"0\r\n\r\n";

impl Chunks {
    pub(super) fn new() -> Self {
        Self {
            small: Vec::with_capacity(FULL_BYTES + LARGE_BYTES + 64),
            large: None,
        }
    }

    pub(super) fn clear(&mut self) {
        self.small.clear();
        self.large = None;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.small.is_empty()
    }

    /// Whether it is to be written before more is added.
    pub(super) fn is_full(&self) -> bool {
        self.large.is_some() || self.small.len() >= FULL_BYTES
    }

    /// Adds a chunk. No data is no chunk: an empty one would end the stream.
    pub(super) fn push(&mut self, data: Bytes) {
        if data.is_empty() {
            return;
        }
        if data.len() < LARGE_BYTES || self.large.is_some() {
            push_chunk(&mut self.small, &data);
            return;
        }
        push_size(&mut self.small, data.len());
        self.large = Some(Large {
            data,
            at: self.small.len(),
        });
        self.small.extend_from_slice(b"\r\n");
    }

    /// Adds the end of the stream.
    pub(super) fn push_end(&mut self) {
        self.small.extend_from_slice(END);
    }

    /// Writes as much as there is room for. Gives what is left.
    ///
    /// # Errors
    /// Whatever ended the connection.
    pub(super) fn write_to(&self, out: &mut impl Write) -> io::Result<Option<Rest>> {
        let Some(Large { data, at }) = &self.large else {
            let written = until_full(|from| out.write(&self.small[from..]), self.small.len())?;
            let rest = &self.small[written..];
            return Ok((!rest.is_empty()).then(|| Rest([Bytes::copy_from_slice(rest)].into())));
        };
        let (before, after) = self.small.split_at(*at);
        let mut rest = Rest(VecDeque::from([
            Bytes::copy_from_slice(before),
            data.clone(),
            Bytes::copy_from_slice(after),
        ]));
        rest.write_to(out)?;
        Ok((!rest.is_empty()).then_some(rest))
    }
}

/// One chunk by itself.
pub(super) fn chunk(data: &[u8]) -> Bytes {
    let mut chunk = Vec::with_capacity(data.len() + CHUNK_FRAME_BYTES);
    push_chunk(&mut chunk, data);
    chunk.into()
}

/// Adds a chunk. No data is no chunk: an empty one would end the stream.
pub(super) fn push_chunk(out: &mut Vec<u8>, data: &[u8]) {
    if data.is_empty() {
        return;
    }
    push_size(out, data.len());
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n");
}

fn push_size(out: &mut Vec<u8>, size: usize) {
    let digits = (usize::BITS - size.leading_zeros()).div_ceil(4);
    for digit in (0..digits).rev() {
        let value = size >> (4 * digit) & 0xF;
        out.push(b"0123456789ABCDEF"[value]);
    }
    out.extend_from_slice(b"\r\n");
}

impl Rest {
    /// Writes as much as there is room for of bytes that others are given too, from a place in them. Gives what is left.
    ///
    /// # Errors
    /// Whatever ended the connection.
    pub(super) fn of(
        shared: &Bytes,
        from: usize,
        out: &mut impl Write,
    ) -> io::Result<Option<Self>> {
        let due = &shared[from..];
        let written = until_full(|from| out.write(&due[from..]), due.len())?;
        let rest = &due[written..];
        Ok(match rest.len() {
            0 => None,
            1..=COPIED_BYTES => Some(Self([Bytes::copy_from_slice(rest)].into())),
            _ => Some(Self([shared.slice_ref(rest)].into())),
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Writes as much as there is room for, and tells how many bytes that were.
    ///
    /// # Errors
    /// Whatever ended the connection.
    pub(super) fn write_to(&mut self, out: &mut impl Write) -> io::Result<usize> {
        let all = self.len();
        until_full(
            |_| {
                let mut slices = [IoSlice::new(&[]); 3];
                for (slice, bytes) in slices.iter_mut().zip(&self.0) {
                    *slice = IoSlice::new(bytes);
                }
                let written = out.write_vectored(&slices)?;
                self.advance(written);
                Ok(written)
            },
            all,
        )
    }

    fn len(&self) -> usize {
        self.0.iter().map(Bytes::len).sum()
    }

    fn advance(&mut self, mut bytes: usize) {
        while let Some(first) = self.0.front_mut() {
            let taken = bytes.min(first.len());
            first.advance(taken);
            bytes -= taken;
            if !first.is_empty() {
                return;
            }
            self.0.pop_front();
        }
    }
}

/// Writes again until everything is taken or there is no room, which is what a later notice of room depends on.
fn until_full(mut write: impl FnMut(usize) -> io::Result<usize>, all: usize) -> io::Result<usize> {
    let mut written = 0;
    while written < all {
        match write(written) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(more) => written += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes so many bytes, and has no room after that until it is given more.
    struct Pipe {
        taken: Vec<u8>,
        room: usize,
    }

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = self.room.min(bytes.len());
            if taken == 0 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            self.room -= taken;
            self.taken.extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Checks that these pieces of data are written as `expected`, wherever the room ends.
    fn check(data: &[&[u8]], expected: &[u8]) {
        let mut chunks = Chunks::new();
        for data in data {
            chunks.push(Bytes::copy_from_slice(data));
        }
        chunks.push_end();
        for room in (0..=expected.len()).filter(|at| *at < 64 || expected.len() - at < 64) {
            let taken = Vec::new();
            let mut pipe = Pipe { taken, room };
            let rest = chunks.write_to(&mut pipe).unwrap();
            assert_eq!(rest.is_none(), room == expected.len());
            if let Some(mut rest) = rest {
                pipe.room = 1;
                assert_eq!(rest.write_to(&mut pipe).unwrap(), 1);
                pipe.room = usize::MAX;
                rest.write_to(&mut pipe).unwrap();
                assert!(rest.is_empty());
            }
            assert!(pipe.taken == expected, "room for {room}");
        }
    }

    #[test]
    fn small_data_is_joined() {
        check(
            &[b"one", b"", b"and eleven"],
            b"3\r\none\r\nA\r\nand eleven\r\n0\r\n\r\n",
        );
    }

    #[test]
    fn large_data_is_written_from_where_it_is() {
        let large = vec![b'x'; LARGE_BYTES];
        let expected = [b"3\r\none\r\n4000\r\n", &*large, b"\r\n0\r\n\r\n"].concat();
        check(&[b"one", &large], &expected);
    }

    #[test]
    fn chunks_are_full_in_time() {
        let mut chunks = Chunks::new();
        let room = chunks.small.capacity();
        while !chunks.is_full() {
            chunks.push(Bytes::from_static(&[b'x'; LARGE_BYTES - 1]));
        }
        chunks.push_end();
        assert_eq!(chunks.small.capacity(), room);
    }
}
