//! The store on disk: one redb file in a folder, as `docs/log-format.md` specifies it.

mod codec;
mod engine;
mod error;
mod file;
mod import;
mod inspect;
mod medium;
mod open;
mod overlay;
mod read;
mod recent;
mod store;
mod tables;
mod write;

#[cfg(test)]
mod simulation;

pub use error::{Damage, OpenError};
pub use import::{Import, ImportError};
pub use inspect::{StoredLog, StoredRecord};
pub use open::Found;
pub use read::StoredEvent;
pub use store::{DiskOptions, DiskStore};
