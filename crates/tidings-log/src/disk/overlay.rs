use std::{
    collections::BTreeMap,
    io,
    ops::{Bound, Range},
    sync::{Mutex, MutexGuard, PoisonError},
};

use redb::{BackendError, StorageBackend};

/// How much is copied from the file when a part of it is written.
const BLOCK: u64 = 4096;

/// A file that is read and locked but never written: what the engine writes, as when it repairs what a crash left, stays
/// in memory. That is little, since nothing is added to a log through it.
#[derive(Debug)]
pub(super) struct Overlay {
    file: Box<dyn StorageBackend>,
    written: Mutex<Written>,
}

/// How the content differs from the file.
#[derive(Debug)]
struct Written {
    len: u64,
    /// Up to here the content is that of the file, but for the blocks; behind it, it is zero.
    from_file: u64,
    /// By their offsets.
    blocks: BTreeMap<u64, Vec<u8>>,
}

impl Overlay {
    pub(super) fn new(file: Box<dyn StorageBackend>) -> io::Result<Self> {
        let len = file.len()?;
        let written = Written {
            len,
            from_file: len,
            blocks: BTreeMap::new(),
        };
        Ok(Self {
            file,
            written: Mutex::new(written),
        })
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Written {
    /// Reads the content, up to zeros behind its end.
    fn read(&self, file: &dyn StorageBackend, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let end = offset + out.len() as u64;
        let in_file = self.from_file.clamp(offset, end) - offset;
        let (from_file, behind) = out.split_at_mut(in_file as usize);
        if !from_file.is_empty() {
            file.read(offset, from_file)?;
        }
        behind.fill(0);
        for (start, block) in self.blocks.range(offset / BLOCK * BLOCK..end) {
            let (ours, theirs) = overlap(*start, block.len(), offset, out.len());
            out[theirs].copy_from_slice(&block[ours]);
        }
        Ok(())
    }

    fn write(&mut self, file: &dyn StorageBackend, offset: u64, data: &[u8]) -> io::Result<()> {
        let end = offset + data.len() as u64;
        for start in (offset / BLOCK * BLOCK..end).step_by(BLOCK as usize) {
            if !self.blocks.contains_key(&start) {
                let mut block = vec![0; BLOCK as usize];
                self.read(file, start, &mut block)?;
                self.blocks.insert(start, block);
            }
            if let Some(block) = self.blocks.get_mut(&start) {
                let (ours, theirs) = overlap(start, block.len(), offset, data.len());
                block[ours].copy_from_slice(&data[theirs]);
            }
        }
        self.len = self.len.max(end);
        Ok(())
    }

    fn set_len(&mut self, len: u64) {
        self.len = len;
        self.from_file = self.from_file.min(len);
        self.blocks.split_off(&len);
        if let Some((start, block)) = self.blocks.range_mut(..len).next_back() {
            let kept = (len - start).min(BLOCK);
            block[kept as usize..].fill(0);
        }
    }
}

/// The bytes that two runs of bytes share, as ranges in the first and in the second.
fn overlap(a: u64, a_len: usize, b: u64, b_len: usize) -> (Range<usize>, Range<usize>) {
    let start = a.max(b);
    let end = (a + a_len as u64).min(b + b_len as u64).max(start);
    let within = |origin: u64| (start - origin) as usize..(end - origin) as usize;
    (within(a), within(b))
}

impl StorageBackend for Overlay {
    fn len(&self) -> io::Result<u64> {
        Ok(self.written().len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let written = self.written();
        if offset + out.len() as u64 > written.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        written.read(&*self.file, offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.written().set_len(len);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.written().write(&*self.file, offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}

#[cfg(test)]
mod tests {
    use redb::backends::InMemoryBackend;

    use super::*;

    #[test]
    fn it_behaves_as_a_file_that_was_written_and_leaves_the_file_alone() {
        for seed in 0..200 {
            check(&mut fastrand::Rng::with_seed(seed));
        }
    }

    fn check(random: &mut fastrand::Rng) {
        let content: Vec<u8> = (0..10_000).map(|_| random.u8(1..)).collect();
        let file = InMemoryBackend::new();
        file.set_len(content.len() as u64).unwrap();
        file.write(0, &content).unwrap();
        let overlay = Overlay::new(Box::new(file)).unwrap();
        let mut expected = content.clone();
        for _ in 0..20 {
            if random.u8(..4) == 0 {
                let len = random.usize(..20_000);
                overlay.set_len(len as u64).unwrap();
                expected.resize(len, 0);
            } else {
                let offset = random.usize(..=expected.len());
                let data = vec![random.u8(..); random.usize(..=expected.len() - offset)];
                overlay.write(offset as u64, &data).unwrap();
                expected[offset..offset + data.len()].copy_from_slice(&data);
            }
            assert_eq!(overlay.len().unwrap(), expected.len() as u64);
            let start = random.usize(..=expected.len());
            let mut read = vec![0; random.usize(..=expected.len() - start)];
            overlay.read(start as u64, &mut read).unwrap();
            assert_eq!(read, expected[start..start + read.len()]);
        }
        let mut untouched = vec![0; content.len()];
        overlay.file.read(0, &mut untouched).unwrap();
        assert_eq!(untouched, content);
        let behind = overlay.len().unwrap();
        assert!(overlay.read(behind, &mut [0]).is_err());
    }
}
