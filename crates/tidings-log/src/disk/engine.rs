//! What can go wrong inside the storage engine, in the words of this crate.

use std::{
    any::Any,
    error, fmt, io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
};

use crate::{
    StoreError,
    disk::error::{Damage, OpenError, advice},
};

/// Why a piece of work on the database failed.
#[derive(Debug)]
pub(super) enum Fault {
    Engine(redb::Error),
    Panic(Panic),
    Damage(Damage),
    NotALog,
    FormatVersion {
        found: u64,
        supported: u64,
    },
    /// The file is not the one that had been opened before.
    Replaced,
    /// The file is not open.
    Closed,
}

/// The engine stopped in the middle of its work.
#[derive(Debug)]
pub(super) struct Panic(String);

/// The file in the data folder is not the one that had been opened there.
#[derive(Debug)]
struct Replaced;

/// Does a piece of work on the database.
///
/// The engine's contract allows it to panic on a file that something else has changed, and such a file must not end
/// the hub. Nothing that is shared is half changed by an unwound piece of work: the database refuses to commit after
/// it, and all else is changed only when the work has succeeded.
pub(super) fn guard<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|payload| Err(Fault::Panic(Panic::new(&*payload))))
}

impl Fault {
    pub(super) fn into_open_error(self, path: &Path) -> OpenError {
        let path = path.to_owned();
        let engine = |path, said: &dyn fmt::Display| OpenError::Damaged {
            path,
            what: Damage::Engine(said.to_string()),
        };
        match self {
            Self::Engine(redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch) => {
                OpenError::InUse(path)
            }
            Self::Engine(redb::Error::Io(source)) => match source.kind() {
                // The engine's own finding: the file does not begin as its files do.
                io::ErrorKind::InvalidData => OpenError::NotALog(path),
                io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput => engine(path, &source),
                _ => OpenError::Io {
                    path,
                    advice: advice(&source),
                    source,
                },
            },
            Self::Engine(error @ (redb::Error::PreviousIo | redb::Error::DatabaseClosed)) => {
                OpenError::Io {
                    path,
                    advice: "it failed before, open it again",
                    source: io::Error::other(error),
                }
            }
            Self::Engine(other) => engine(path, &other),
            Self::Panic(panic) => engine(path, &panic),
            Self::Damage(what) => OpenError::Damaged { path, what },
            Self::NotALog | Self::Replaced => OpenError::NotALog(path),
            Self::Closed => OpenError::Io {
                path,
                advice: "it has been closed",
                source: io::ErrorKind::NotConnected.into(),
            },
            Self::FormatVersion { found, supported } => OpenError::FormatVersion {
                path,
                found,
                supported,
            },
        }
    }

    pub(super) fn into_store_error(self) -> StoreError {
        match self {
            Self::Closed => StoreError::Closed,
            Self::Engine(source) => StoreError::Io(Arc::new(source)),
            Self::Panic(source) => StoreError::Io(Arc::new(source)),
            Self::Damage(Damage::Event(sequence)) => StoreError::Damaged { sequence },
            Self::Damage(source) => StoreError::Io(Arc::new(source)),
            Self::NotALog | Self::FormatVersion { .. } | Self::Replaced => {
                StoreError::Io(Arc::new(Replaced))
            }
        }
    }
}

macro_rules! from_engine {
    ($($error:ident),*) => {
        $(impl From<redb::$error> for Fault {
            fn from(error: redb::$error) -> Self {
                Self::Engine(error.into())
            }
        })*
    };
}

from_engine!(
    CommitError,
    DatabaseError,
    StorageError,
    TableError,
    TransactionError
);

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Engine(error.into())
    }
}

impl Panic {
    fn new(payload: &(dyn Any + Send)) -> Self {
        let said = payload.downcast_ref::<String>().map(String::as_str);
        let said = said.or_else(|| payload.downcast_ref::<&str>().copied());
        Self(said.unwrap_or("no reason given").to_owned())
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the storage engine gave up: {}", self.0)
    }
}

impl error::Error for Panic {}

impl fmt::Display for Replaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the file in the data folder is not the log that was opened there")
    }
}

impl error::Error for Replaced {}
