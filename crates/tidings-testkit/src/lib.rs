//! What Tidings' own tests share.
//!
//! - [`Hub`]: the real `tidings serve` on a free port, stopped when dropped.
//! - [`Home`]: a folder and an address where one run of it follows another; [`Load`] and
//!   [`Follower`] publish and read over all of them from outside.
//! - [`Request`], [`Response`], [`Connection`]: HTTP/1.1 over a plain socket, so that a test sees
//!   the bytes a server wrote and not what a client library made of them.
//! - [`StreamReader`]: one open event stream, which knows a clean end from a cut.
//! - [`Proxy`]: a reverse proxy that holds answers back, as many between a hub and its readers do.
//! - [`Relay`]: a network that can be cut and can fall silent.
//! - [`Command`]: the `tidings` command line with its output and exit code; [`Terminal`]: the same
//!   on a screen.
//! - [`History`]: judges what publishers sent and readers saw, over crashes too.
//!
//! Nothing here depends on the crates under test: bytes are parsed by a small second
//! implementation. Every wait ends after [`PATIENCE`] by panicking with what was seen until then;
//! no test passes because time went by.

mod command;
mod connection;
mod encode;
mod event;
mod follower;
mod history;
mod home;
mod hub;
mod load;
mod message;
mod output;
mod patience;
mod position;
mod process;
mod proxy;
mod publisher;
mod relay;
mod seed;
mod stream;
mod whereabouts;

pub use command::{Command, Finished, Running, Terminal};
pub use connection::{Connection, End};
pub use encode::encode;
pub use event::{Event, Parser};
pub use follower::{Follower, Habit};
pub use history::{
    Attempt, Durability, Ending, History, Outcome, Publication, Reader, Receipt, Sent, Start,
    Violation, Visit,
};
pub use home::Home;
pub use hub::Hub;
pub use load::{Load, Mix};
pub use message::{Head, Request, Response};
pub use patience::{PATIENCE, eventually};
pub use position::Position;
pub use process::Process;
pub use proxy::Proxy;
pub use publisher::Publisher;
pub use relay::Relay;
pub use seed::Seed;
pub use stream::{Preamble, StreamReader};
pub use whereabouts::Whereabouts;

pub use nix::sys::signal::Signal;
