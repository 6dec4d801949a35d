//! Many readers and a publisher, as cheap as they can be made: raw sockets, one thread with one `epoll`.

mod clock;
mod connection;
mod fleet;
mod histogram;
mod http1;
mod http2;
mod manner;
mod publisher;
mod reader;
mod stalled;
mod stamp;

pub use clock::now;
pub use connection::Asking;
pub use fleet::{Churned, Fleet, Tally};
pub use histogram::Histogram;
pub use manner::{Batch, Manner};
pub use publisher::Publisher;
pub use stalled::{Stalled, Woken};
pub use stamp::{Scanner, Stamp};
