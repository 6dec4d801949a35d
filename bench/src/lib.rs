//! What the measurements of this package have in common: what a process uses, how long things take, what is published, and load over HTTP.

mod family;
mod latencies;
pub mod load;
mod payloads;
mod usage;

pub use family::{Family, FamilyUsage, Used};
pub use latencies::{Latencies, median};
pub use payloads::{PAYLOAD_BYTES, Payloads};
pub use usage::{Usage, resident_bytes};
