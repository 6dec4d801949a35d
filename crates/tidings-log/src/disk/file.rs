use std::{
    io, mem,
    ops::{Bound, Range},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use redb::{BackendError, StorageBackend};

/// What the engine's files begin with. It is written last when a file is made, into a first page after which
/// there is nothing yet.
const MAGIC: [u8; 9] = [b'r', b'e', b'd', b'b', 0x1A, 0x0A, 0xA9, 0x0D, 0x0A];
const FIRST_PAGE: u64 = 4096;
/// How much is read or written in one go.
const CHUNK: u64 = 64 * 1024;

/// What is known of a file beyond the time it is open: what of it may not be on stable storage.
#[derive(Clone, Debug, Default)]
pub(super) struct Unsynced(Arc<Mutex<Ranges>>);

#[derive(Debug, Default)]
struct Ranges {
    /// Written since the last sync.
    written: Vec<Range<u64>>,
    /// Written before a sync that failed.
    doubtful: Vec<Range<u64>>,
}

/// The file of a log under the storage engine. It sees to what the engine leaves to others:
///
/// - The making of a file that a crash interrupted begins again.
/// - After a failed sync the system may take pages for written that are not, and go on showing them to readers until
///   a power cut takes them away. What had not been synced is therefore written again, and synced, before the
///   engine reads anything.
#[derive(Debug)]
pub(super) struct LogFile {
    inner: Box<dyn StorageBackend>,
    unsynced: Unsynced,
    /// Whether the above has been seen to.
    prepared: AtomicBool,
}

impl LogFile {
    pub(super) fn new(inner: Box<dyn StorageBackend>, unsynced: Unsynced) -> Self {
        Self {
            inner,
            unsynced,
            prepared: AtomicBool::new(false),
        }
    }

    /// Makes the file fit to be read. The engine has its lock by now, since asking for the length is the first it does
    /// after that.
    fn prepare(&self) -> io::Result<()> {
        let len = self.inner.len()?;
        let doubtful = self.unsynced.lock().doubtful.clone();
        for range in doubtful {
            self.copy_over_itself(range.start..range.end.min(len))?;
        }
        self.sync_data()?;
        self.unsynced.lock().doubtful.clear();
        if self.was_never_completed(len)? {
            self.inner.set_len(0)?;
        }
        Ok(())
    }

    fn copy_over_itself(&self, range: Range<u64>) -> io::Result<()> {
        for (offset, mut chunk) in chunks(range) {
            self.inner.read(offset, &mut chunk)?;
            self.inner.write(offset, &chunk)?;
        }
        Ok(())
    }

    /// Whether the engine never got as far as the first commit, so that nothing can be lost.
    fn was_never_completed(&self, len: u64) -> io::Result<bool> {
        if len < FIRST_PAGE {
            return Ok(false);
        }
        let mut magic = [0; MAGIC.len()];
        self.inner.read(0, &mut magic)?;
        let written = magic
            .iter()
            .zip(MAGIC)
            .take_while(|(byte, magic)| *byte == magic)
            .count();
        if written == MAGIC.len() || magic[written..].iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
        for (offset, mut chunk) in chunks(FIRST_PAGE..len) {
            self.inner.read(offset, &mut chunk)?;
            if chunk.iter().any(|byte| *byte != 0) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Cuts a range into buffers with their offsets.
fn chunks(range: Range<u64>) -> impl Iterator<Item = (u64, Vec<u8>)> {
    range.clone().step_by(CHUNK as usize).map(move |offset| {
        let size = CHUNK.min(range.end - offset);
        (offset, vec![0; size as usize])
    })
}

impl Unsynced {
    fn lock(&self) -> MutexGuard<'_, Ranges> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StorageBackend for LogFile {
    fn len(&self) -> io::Result<u64> {
        if !self.prepared.load(Ordering::Acquire) {
            self.prepare()?;
            self.prepared.store(true, Ordering::Release);
        }
        self.inner.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.inner.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.inner.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        let written = mem::take(&mut self.unsynced.lock().written);
        let synced = self.inner.sync_data();
        if synced.is_err() {
            self.unsynced.lock().doubtful.extend(written);
        }
        synced
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let range = offset..offset + data.len() as u64;
        self.unsynced.lock().written.push(range);
        self.inner.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.inner.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.try_lock_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.inner.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.query_lock_range(start, end)
    }
}
