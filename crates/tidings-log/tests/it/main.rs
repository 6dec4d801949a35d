//! What every log does, run against each log there is; and the memory log against a plain model.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod contract;
mod model;
mod newest;

contract::run_against!(memory, |options| tidings_log::MemoryLog::new(
    contract::epoch(),
    options
));
