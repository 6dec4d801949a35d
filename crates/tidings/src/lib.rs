//! A broker for server-sent events: one log, many cursors.
//!
//! An event is appended once and encoded once, however many readers there are. A subscription is a filter and a
//! cursor, so a reader that does nothing costs nothing, one that comes back resumes exactly, and one that is too slow
//! never slows a publisher. See [`Broker`] to begin with.
//!
//! What it promises: all subscribers of a topic see the same order; what is published after
//! [`Broker::subscribe`] returns is delivered; whoever resumes with an id gets every later event exactly once or is
//! told of a gap first; every buffer has a limit.

mod accept;
mod admissions;
mod broker;
mod catch_up;
mod change;
mod connection;
mod consent;
mod control;
mod core;
mod coverage;
mod encoding;
mod error;
mod event;
mod expiry;
mod feed;
mod filter;
mod group;
mod history;
mod idempotency;
mod lag;
mod linger;
mod listing;
mod matcher;
mod options;
mod plan;
mod published;
mod queue;
mod random;
mod reader;
mod reads;
mod recall;
mod release;
mod replays;
mod round;
mod scan;

mod selector;
mod selectors;
mod shared;
mod stats;
mod subscribe;
mod subscriber;
mod subscription;
mod sync;
mod tail;
mod take;
mod takers;
mod time;
mod writer;

pub use broker::{Broker, Closed, Receipt};
pub use connection::{Connection, ConnectionId, Owner, Peer};
pub use consent::Consent;
pub use control::{Control, Gap, GapReason, GoodbyeReason};
pub use encoding::{Format, Wire};
pub use error::{BatchError, ChangeError, PublishError, StoreFailed, SubscribeError};
pub use event::{Event, EventError, Publication};
pub use feed::{Fed, Feed, Member};
pub use group::GroupId;
pub use history::History;
pub use lag::LagPolicy;
pub use listing::TopicList;
pub use options::{BrokerBuilder, TopicSettings};
pub use published::Published;
pub use recall::Recalled;
pub use selector::{Pattern, Selector, SelectorError};
pub use selectors::Selectors;
pub use stats::{LagCounts, Stats, TopicStats};
pub use subscriber::{Delivery, Subscriber};
pub use subscription::{StartAt, Subscription};
pub use tidings_log::{
    Capacity, Durability, Epoch, MAX_TOPIC_BYTES, OpenError, Position, PositionError, Retention,
    Timestamp, Topic, TopicError, TopicSummary,
};
pub use tidings_sse::{EventName, EventNameError};
pub use time::rfc3339;
