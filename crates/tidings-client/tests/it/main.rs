//! The client against a real server on a socket that does what a script says.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod background;
mod cursors;
mod ending;
mod executions;
mod flow;
mod gaps;
mod orders;
mod publishing;
mod reconnecting;
mod redirects;
mod resuming;
mod scenarios;
mod script;
mod statuses;
mod streams;
mod tokens;
