//! The service as a harness meets it: what the public contract tests for SSE clients describe,
//! driven over HTTP and told of by callbacks.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;
mod http_behaviour;
mod parsing;
mod reconnection;
mod service;
