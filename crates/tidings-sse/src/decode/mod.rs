//! `text/event-stream` bytes to values.
//!
//! A [`Decoder`] holds what outlives a chunk; [`Frames`] walks one chunk and gives a [`Frame`] at a time. A
//! chunk is cut into lines, a line is read as one field, and the fields of a block gather in a
//! [`Pending`](pending::Pending) event. Decoding UTF-8 line by line gives the same text as decoding the whole
//! stream, because no part of a line end can be part of a longer sequence.

mod decoder;
mod error;
mod frame;
mod frames;
mod limits;
mod line;
mod pending;
mod text;

pub use self::decoder::Decoder;
pub use self::error::DecodeError;
pub use self::frame::{Event, Frame, OwnedEvent};
pub use self::frames::Frames;
pub use self::limits::Limits;
