//! What the measurements of this package have in common: what a process uses, how long things take, what is published.

mod latencies;
mod payloads;
mod usage;

pub use latencies::{Latencies, median};
pub use payloads::{PAYLOAD_BYTES, Payloads};
pub use usage::{Usage, resident_bytes};
