//! Values to `text/event-stream` bytes. Lines end with LF, and one space follows every colon, so that a value
//! that starts with a space keeps it.

mod block;
mod lines;
mod preamble;

pub use self::block::Block;
pub use self::preamble::{Preamble, encode_comment, encode_id, encode_retry};
