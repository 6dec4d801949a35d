//! The broker as its users meet it.

#![cfg(not(tidings_loom))]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod changing;
mod closing;
mod deleting;
mod disk;
mod disk_edges;
mod ending;
mod expiring;
mod feeding;
mod fixture;
mod history;
mod lagging;
mod lingering;
mod model;
mod ordering;
mod presence;
mod publishing;
mod recalling;
mod resuming;
mod revoking;
mod rights;
mod starting;
