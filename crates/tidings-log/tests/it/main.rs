//! What every log does, run against each log there is; the log against a plain model; and the store in real folders.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod contract;
mod folder;
mod model;
mod newest;
mod simple;

contract::run_against!(memory, crate::simple::SimpleLog::in_memory);
contract::run_against!(disk, crate::simple::SimpleLog::on_disk);
