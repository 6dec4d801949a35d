use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU16, Ordering};

use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::history::Ending;
use crate::hub::Hub;
use crate::whereabouts::Whereabouts;

/// A data folder and an address, where one run of the hub follows another.
///
/// The folder is removed at the end, after the hub was killed.
#[derive(Debug)]
pub struct Home {
    hub: Option<Hub>,
    binary: String,
    directory: TempDir,
    address: SocketAddr,
    whereabouts: Whereabouts,
    endings: Vec<Ending>,
}

impl Home {
    /// Starts the program at `binary` on a new folder and a free port.
    ///
    /// # Panics
    ///
    /// When it does not come up.
    #[must_use]
    #[track_caller]
    pub fn new(binary: &str) -> Self {
        let address = free_address();
        let mut home = Self {
            hub: None,
            binary: binary.to_owned(),
            directory: tempfile::tempdir().expect("a temporary directory"),
            address,
            whereabouts: Whereabouts::new(address),
            endings: Vec::new(),
        };
        home.start();
        home
    }

    /// The run that is up.
    ///
    /// # Panics
    ///
    /// When none is.
    #[must_use]
    #[track_caller]
    pub fn hub(&self) -> &Hub {
        self.hub.as_ref().expect("a run that is up")
    }

    /// The number of the run that is up or comes next, counted from 0.
    #[must_use]
    pub fn run(&self) -> usize {
        self.endings.len()
    }

    /// How the runs so far have ended.
    #[must_use]
    pub fn endings(&self) -> &[Ending] {
        &self.endings
    }

    /// Where publishers and readers find the runs.
    #[must_use]
    pub fn whereabouts(&self) -> &Whereabouts {
        &self.whereabouts
    }

    /// The data folder.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Starts the next run on the same folder and address.
    ///
    /// # Panics
    ///
    /// When it does not come up, or one is up already.
    #[track_caller]
    pub fn start(&mut self) {
        assert!(self.hub.is_none(), "a run is up already");
        self.whereabouts.begin(self.run());
        let folder: &Path = &self.folder();
        self.hub = Some(Hub::stored(&self.binary, self.address, folder));
        self.whereabouts.up();
    }

    /// Kills the run that is up (`SIGKILL`).
    ///
    /// # Panics
    ///
    /// When none is up.
    #[track_caller]
    pub fn kill(&mut self) {
        self.whereabouts.down();
        let hub = self.hub.take().expect("a run that is up");
        hub.signal(Signal::SIGKILL);
        let finished = hub.wait();
        assert_eq!(finished.code, None, "it ended before: {finished:?}");
        self.endings.push(Ending::Crashed);
    }

    /// Asks the run that is up to stop (`SIGTERM`) and waits until it has.
    ///
    /// # Panics
    ///
    /// When none is up, or it fails.
    #[track_caller]
    pub fn stop(&mut self) {
        self.whereabouts.down();
        let hub = self.hub.take().expect("a run that is up");
        hub.signal(Signal::SIGTERM);
        let finished = hub.wait();
        assert_eq!(finished.code, Some(0), "{finished:?}");
        self.endings.push(Ending::Stopped);
    }

    /// Deletes the folder after a run.
    ///
    /// # Panics
    ///
    /// When there was none, or one is up.
    #[track_caller]
    pub fn wipe(&mut self) {
        assert!(self.hub.is_none(), "a run is up");
        fs::remove_dir_all(self.folder()).expect("the data folder can be removed");
        let last = self.endings.last_mut().expect("a run before");
        *last = Ending::Wiped;
    }
}

/// A port that stays free while no run is up: one that the system gives to no outgoing connection
/// and to nobody who asks for any port.
fn free_address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let spread = (process::id().wrapping_mul(61) % 10_000) as u16;
    for _ in 0..10_000 {
        let offset = (spread + NEXT.fetch_add(1, Ordering::Relaxed) % 10_000) % 10_000;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 20_000 + offset));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
    panic!("no port from 20000 to 29999 is free")
}
