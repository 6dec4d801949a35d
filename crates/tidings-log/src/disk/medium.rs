//! What the file of a log lies on.

use std::{
    fmt::Debug,
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use redb::{StorageBackend, backends::FileBackend};

/// The file in the data folder.
const FILE_NAME: &str = "log.redb";

/// Where the file of a log is.
pub(super) trait Medium: Debug + Send + Sync {
    /// The file's name, for messages.
    fn path(&self) -> &Path;

    /// Opens the file, making it if there is none.
    fn create(&self) -> io::Result<Box<dyn StorageBackend>>;

    /// Opens the file that is there.
    fn open(&self) -> io::Result<Box<dyn StorageBackend>>;
}

/// A folder of the file system.
#[derive(Debug)]
pub(super) struct Folder {
    dir: PathBuf,
    path: PathBuf,
}

impl Folder {
    pub(super) fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            path: dir.join(FILE_NAME),
        }
    }

    fn open_with(&self, options: &mut OpenOptions) -> io::Result<Box<dyn StorageBackend>> {
        let file = options.read(true).write(true).open(&self.path)?;
        let backend = FileBackend::new(file).map_err(io::Error::other)?;
        Ok(Box::new(backend))
    }
}

impl Medium for Folder {
    fn path(&self) -> &Path {
        &self.path
    }

    fn create(&self) -> io::Result<Box<dyn StorageBackend>> {
        fs::create_dir_all(&self.dir)?;
        let backend = self.open_with(OpenOptions::new().create(true).truncate(false))?;
        // Without this a power cut could take the file's name away from what was synced into it.
        if cfg!(unix) {
            File::open(&self.dir)?.sync_all()?;
        }
        Ok(backend)
    }

    fn open(&self) -> io::Result<Box<dyn StorageBackend>> {
        self.open_with(&mut OpenOptions::new())
    }
}
