//! The ordered, bounded history under the Tidings broker.
//!
//! A log gives every event the next number of one sequence, keeps it as long as its topic's
//! [`Retention`] allows, and answers one question: *what follows this cursor?* It also knows
//! what it no longer has, so that nobody is told a history is complete when it is not.
//!
//! Nothing here reads a clock, spawns a task or knows of HTTP: the time is an argument.
//!
//! ```
//! use tidings_log::{Durability, Entry, Epoch, Log, Scope, Timestamp, Topic, Window};
//!
//! let mut log = Log::in_memory(Epoch::new("k3v9")?, Default::default());
//! let store = log.store().clone();
//! let topic = Topic::new("jobs/7")?;
//! let now = Timestamp::from_millis(1_700_000_000_000);
//!
//! let record = log.accept(Entry::new(topic.clone(), "50 %"), now);
//! let lot = log.lot(&[(record.clone(), Durability::Disk)], false);
//! store.commit(&lot)?;
//! log.release(&record, |_| false);
//! log.committed(&lot);
//!
//! let selection = log.select(&Scope::Topics(&[topic]), Window::new(0, log.head()));
//! let records = store.read(&selection.sequences)?;
//! assert_eq!(&*records[0].data, "50 %");
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

mod disk;
mod durability;
mod epochs;
mod index;
mod log;
mod lot;
mod memory;
mod page;
mod position;
mod record;
mod retention;
mod store;
mod time;
mod topic;

pub use disk::{
    Damage, DiskOptions, DiskStore, Found, Import, ImportError, OpenError, StoredEvent, StoredLog,
    StoredRecord,
};
pub use durability::Durability;
pub use epochs::Epochs;
pub use index::{Holes, TopicSummary};
pub use log::Log;
pub use memory::MemoryStore;
pub use page::{Scope, Selection, Window};
pub use position::{Epoch, EpochError, Position, PositionError};
pub use record::{Entry, Record};
pub use retention::{Capacity, LogOptions, Retention, TopicRules};
pub use store::{KeyRow, Lot, Marks, Store, StoreError, TopicRow};
pub use time::Timestamp;
pub use topic::{MAX_TOPIC_BYTES, Topic, TopicError};
