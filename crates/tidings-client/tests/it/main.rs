//! The client against a real server on a socket that does what a script says.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod ending;
mod executions;
mod publishing;
mod reconnecting;
mod redirects;
mod resuming;
mod script;
mod statuses;
