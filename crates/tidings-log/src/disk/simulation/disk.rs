use std::{
    io, mem,
    path::Path,
    sync::{Arc, Mutex, MutexGuard},
};

use fastrand::Rng;
use redb::StorageBackend;

use crate::disk::medium::Medium;

/// A disk with one file, in memory. What is written to it is seen at once, and stays if it is synced.
#[derive(Clone, Debug)]
pub(super) struct SimulatedDisk(Arc<Mutex<State>>);

/// What happens to a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It is without power until it is started again.
    PowerCut,
    /// One operation fails.
    Error,
    /// All operations fail until it is mended.
    LastingError,
}

#[derive(Debug)]
struct State {
    rng: Rng,
    /// What reading gives.
    seen: Vec<u8>,
    /// What a power cut leaves for certain.
    stable: Vec<u8>,
    /// What may or may not be left as well, oldest first.
    unsynced: Vec<Change>,
    /// How many operations that change something are left until trouble comes.
    trouble: Option<(u64, Trouble)>,
    /// The trouble that is there.
    present: Option<Trouble>,
}

#[derive(Debug)]
enum Change {
    Write { offset: usize, data: Vec<u8> },
    SetLen(usize),
}

impl SimulatedDisk {
    pub(super) fn new(rng: Rng) -> Self {
        Self(Arc::new(Mutex::new(State {
            rng,
            seen: Vec::new(),
            stable: Vec::new(),
            unsynced: Vec::new(),
            trouble: None,
            present: None,
        })))
    }

    /// Lets trouble come at the operation that follows on so many others.
    pub(super) fn plan(&self, operations: u64, trouble: Trouble) {
        self.state().trouble = Some((operations, trouble));
    }

    pub(super) fn has_trouble(&self) -> bool {
        self.state().present.is_some()
    }

    /// Cuts the power now, if it is not off yet, and starts again with what is left.
    pub(super) fn restart(&self) {
        let mut state = self.state();
        state.settle();
        state.seen = state.stable.clone();
        state.trouble = None;
        state.present = None;
    }

    /// Ends all trouble that is there or planned.
    pub(super) fn mend(&self) {
        let mut state = self.state();
        state.trouble = None;
        state.present = None;
    }

    /// Ends all trouble that is there or planned, but for a power cut.
    pub(super) fn mend_errors(&self) {
        let mut state = self.state();
        let is_power_cut = |trouble| trouble == Trouble::PowerCut;
        state.trouble = state.trouble.filter(|(_, trouble)| is_power_cut(*trouble));
        state.present = state.present.filter(|trouble| is_power_cut(*trouble));
    }

    /// Changes what is on the disk.
    pub(super) fn damage(&self, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.state();
        change(&mut state.stable);
        state.seen = state.stable.clone();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl State {
    /// Lets each sector that was written since the last sync reach stable storage or not.
    ///
    /// The versions of one sector are kept or dropped independently, so any of them may be the one that is left. That
    /// is as much disorder as there can be.
    fn settle(&mut self) {
        let sector = *self.rng.choice(&[512, 4096]).unwrap();
        let kept = *self.rng.choice(&[0.0, 0.1, 0.5, 0.9, 1.0]).unwrap();
        for change in mem::take(&mut self.unsynced) {
            match change {
                Change::SetLen(len) => {
                    if self.rng.f64() < kept {
                        resize(&mut self.stable, len);
                    }
                }
                Change::Write { mut offset, data } => {
                    let mut data = &data[..];
                    while !data.is_empty() {
                        let (piece, rest) = data.split_at(data.len().min(sector - offset % sector));
                        if self.rng.f64() < kept {
                            let end = self.stable.len().min(offset + piece.len());
                            let fits = end.saturating_sub(offset);
                            self.stable[end - fits..end].copy_from_slice(&piece[..fits]);
                        }
                        offset += piece.len();
                        data = rest;
                    }
                }
            }
        }
    }

    /// Whether the next operation that changes something is the one at which trouble comes.
    fn count(&mut self) -> bool {
        match &mut self.trouble {
            Some((0, trouble)) => {
                if *trouble != Trouble::Error {
                    self.present = Some(*trouble);
                }
                self.trouble = None;
                true
            }
            Some((operations, _)) => {
                *operations -= 1;
                self.present.is_some()
            }
            None => self.present.is_some(),
        }
    }

    fn write(&mut self, offset: usize, data: &[u8]) {
        self.seen[offset..offset + data.len()].copy_from_slice(data);
        self.unsynced.push(Change::Write {
            offset,
            data: data.to_vec(),
        });
    }
}

/// As `Vec::resize`, which takes its time in a debug build.
fn resize(file: &mut Vec<u8>, len: usize) {
    file.extend_from_slice(&vec![0; len.saturating_sub(file.len())]);
    file.truncate(len);
}

fn failure() -> io::Error {
    io::ErrorKind::StorageFull.into()
}

impl Medium for SimulatedDisk {
    fn path(&self) -> &Path {
        Path::new("simulated")
    }

    fn create(&self) -> io::Result<Box<dyn StorageBackend>> {
        self.open()
    }

    fn open(&self) -> io::Result<Box<dyn StorageBackend>> {
        Ok(Box::new(self.clone()))
    }
}

impl StorageBackend for SimulatedDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.state();
        if state.present == Some(Trouble::PowerCut) {
            return Err(failure());
        }
        let offset = usize::try_from(offset).unwrap();
        let there = state.seen.get(offset..offset + out.len());
        out.copy_from_slice(there.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.state();
        if state.count() {
            return Err(failure());
        }
        let len = usize::try_from(len).unwrap();
        resize(&mut state.seen, len);
        state.unsynced.push(Change::SetLen(len));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.state();
        if state.count() {
            // A system may take for written what it could not write, and forget it at once or when it likes.
            if state.present != Some(Trouble::PowerCut) {
                let len = state.seen.len();
                state.settle();
                if state.rng.bool() {
                    state.seen = state.stable.clone();
                    resize(&mut state.seen, len);
                }
                state.unsynced.push(Change::SetLen(len));
            }
            return Err(failure());
        }
        for change in mem::take(&mut state.unsynced) {
            match change {
                Change::SetLen(len) => resize(&mut state.stable, len),
                Change::Write { offset, data } => {
                    state.stable[offset..offset + data.len()].copy_from_slice(&data)
                }
            }
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        let offset = usize::try_from(offset).unwrap();
        let reached = offset + data.len();
        if reached > state.seen.len() {
            resize(&mut state.seen, reached);
            state.unsynced.push(Change::SetLen(reached));
        }
        if state.count() {
            let written = state.rng.usize(0..=data.len());
            state.write(offset, &data[..written]);
            return Err(failure());
        }
        state.write(offset, data);
        Ok(())
    }
}
