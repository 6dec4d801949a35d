//! The ordered, bounded history under the Tidings broker.
//!
//! A log gives every event the next number of one sequence, keeps it as long as its topic's
//! [`Retention`] allows, and answers one question: *what follows this cursor?* It also knows
//! what it no longer has, so that nobody is told a history is complete when it is not.
//!
//! Nothing here reads a clock, spawns a task or knows of HTTP: the time is an argument.
//!
//! ```
//! use tidings_log::{Entry, Epoch, MemoryLog, Scope, Timestamp, Topic, Window};
//!
//! let mut log = MemoryLog::new(Epoch::new("k3v9")?, Default::default());
//! let topic = Topic::new("jobs/7")?;
//! let now = Timestamp::from_millis(1_700_000_000_000);
//! let record = log.append(Entry::new(topic.clone(), "50 %"), now, |_| false)?;
//! assert_eq!(record.sequence, 1);
//!
//! let page = log.page(&Scope::Topics(&[topic]), Window::new(0, log.head()));
//! assert_eq!(&*page.records[0].data, "50 %");
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

mod history;
mod memory;
mod page;
mod position;
mod record;
mod retention;
mod time;
mod topic;

pub use memory::{AppendError, Holes, MemoryLog, TopicSummary};
pub use page::{Page, Scope, Window};
pub use position::{Epoch, EpochError, Position, PositionError};
pub use record::{Entry, Record};
pub use retention::{Capacity, LogOptions, Retention, TopicRules};
pub use time::Timestamp;
pub use topic::{MAX_TOPIC_BYTES, Topic, TopicError};
