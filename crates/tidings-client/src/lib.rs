//! A client for a Tidings hub: a publisher whose retries publish once, and subscriptions that
//! survive lost connections.
//!
//! ```no_run
//! use futures_util::StreamExt;
//! use tidings_client::{Client, Item, NewEvent, Start};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder("http://127.0.0.1:8434").build()?;
//! client.publish("orders/7", NewEvent::new("shipped")).await?;
//!
//! let mut orders = client.subscribe(["orders/*"]).from(Start::Oldest).open();
//! while let Some(item) = orders.next().await {
//!     match item? {
//!         Item::Event(event) => println!("{}: {}", event.id, event.data),
//!         Item::Gap(gap) => println!("events are missing: {:?}", gap.reason),
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A subscription asks again whenever asking again can help: after every end of the connection,
//! and after the statuses 408, 425, 429 and 5xx. It ends after 204, which is how a hub says that
//! there is nothing more to come, and with a typed error after everything else. What it does at
//! any moment is shown by [`Subscription::connection`].
//!
//! # What there is
//!
//! | | |
//! | --- | --- |
//! | [`Client::builder`] | headers, tokens, limits, timeouts; TLS and proxies |
//! | [`Client::subscribe`] | topics of a hub, from now on, from an id, or from an earlier event on |
//! | [`Client::stream`], [`Client::stream_at`] | event streams of any server, with method and body |
//! | [`Subscription`] | the stream; what its connection does, how to restart and to close it |
//! | [`Subscribe::cursor`] | a position that outlives the process; at least once, by [`Subscription::ack`] |
//! | [`Subscribe::stop_at_gap`], [`Subscribe::refetch_after_gap`] | what to do when events are missing |
//! | [`Item`], [`Event::json`] | what comes: events, and what the hub says of the stream |
//! | [`Client::publish`], [`Client::publish_batch`] | one event, or many at once; retries publish once |
//! | [`Client::publisher`] | publishing in the background, in batches, with bounded memory |
//! | [`Client::newest`], [`Client::read`] | what is retained, and any resource as it is now |
//! | [`Client::create_execution`] | a run that is known before it begins |
//! | [`Transport`] | another HTTP stack, or none |
//!
//! Errors have a type for each operation: [`SubscribeError`], [`PublishError`], [`EnqueueError`],
//! [`ReadError`], [`BuildError`]. The guide is the crate's `README.md`.

mod alarm;
mod backoff;
mod builder;
mod client;
mod connection;
mod credentials;
mod cursor;
mod driver;
mod error;
mod event;
mod exchange;
mod execution;
mod history;
mod intake;
mod items;
mod new_event;
mod orders;
mod position;
mod problem;
mod publish;
mod publisher;
mod random;
mod retry_after;
mod stream_request;
mod subscribe;
mod subscription;
mod transport;

/// The guide's examples are compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Guide;

pub use crate::builder::ClientBuilder;
pub use crate::client::Client;
pub use crate::connection::{Connection, Loss};
pub use crate::credentials::{CredentialsError, Token, TokenReason};
pub use crate::cursor::{CursorStore, FileCursor, Stored};
pub use crate::error::{
    BuildError, EnqueueError, PublishError, ReadError, RedirectError, SubscribeError,
};
pub use crate::event::{
    Connected, Envelope, Event, Gap, GapReason, Goodbye, Item, Resumed, Snapshot, StreamError,
};
pub use crate::execution::{Execution, NewExecution};
pub use crate::history::RetainedEvent;
pub use crate::new_event::{Batch, NewEvent};
pub use crate::orders::Handle;
pub use crate::problem::Problem;
pub use crate::publish::{BatchReceipt, Durability, Receipt};
pub use crate::publisher::{Delivered, Publisher, PublisherBuilder};
pub use crate::subscribe::{ParseStartError, Start, Subscribe};
pub use crate::subscription::Subscription;
pub use crate::transport::{Body, Exchange, Transport, TransportError};
pub use http::Method;
pub use tidings_sse::{DecodeError, Limits};
