//! The crate through its public API, over real sockets.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod live;
mod serve;
mod streams;
