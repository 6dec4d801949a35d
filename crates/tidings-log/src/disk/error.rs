use std::{io, path::PathBuf};

use crate::StoreError;

/// A stored log could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// There is no log in the folder, and none was to be made. Name the folder of the hub.
    #[error("there is no log in '{}': name the folder that a hub has as its data folder", .0.display())]
    Missing(PathBuf),
    /// Another process, or another part of this one, has the log open. Stop it, or use another folder.
    #[error("the log '{}' is in use by another process: stop that one, or use another data folder", .0.display())]
    InUse(PathBuf),
    /// The file is something else. Use another folder, or move the file away.
    #[error("'{}' is not a tidings log: use another data folder, or move the file away", .0.display())]
    NotALog(PathBuf),
    /// The log is of another version of the stored format.
    #[error("the log '{}' has format version {found}, this program reads version {supported}: use the version of the program that wrote it", path.display())]
    FormatVersion {
        /// The file.
        path: PathBuf,
        /// The version it has.
        found: u64,
        /// The version that can be read.
        supported: u64,
    },
    /// The log is not what was written. Nothing was read from it, and nothing in it was changed on purpose.
    #[error("the log '{}' is damaged ({what}): restore the data folder from a copy, or move the file away to begin a new log", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the damage showed.
        what: Damage,
    },
    /// The log could be read but not written.
    #[error("cannot write to the log")]
    Store(#[from] StoreError),
    /// The system refused. The source says why.
    #[error("cannot use the log '{}': {advice}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What to look at.
        advice: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// Where it showed that a stored log is damaged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// An event is not what was stored under its sequence.
    #[error("event {0}")]
    Event(u64),
    /// A row of this table is not what was stored.
    #[error("a row of the table '{0}'")]
    Row(&'static str),
    /// The file does not hold together; this is what the storage engine found.
    #[error("{0}")]
    Engine(String),
}

/// What to look at when the system refused.
pub(super) fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "the data folder and its file must be readable and writable for this user"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "the disk is full, make room on it"
        }
        io::ErrorKind::ReadOnlyFilesystem => "the file system is mounted read-only",
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
            "the data folder's path leads through something that is not a folder"
        }
        io::ErrorKind::NotFound => "the file is gone, restore it or start anew",
        _ => "the system reported an error, check the disk",
    }
}
