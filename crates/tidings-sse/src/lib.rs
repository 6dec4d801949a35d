//! The bytes of a server-sent event stream: an encoder whose input cannot hold a bad value, and an
//! incremental decoder.
//!
//! The crate does no I/O and reads no clock. It turns values into `text/event-stream` bytes and bytes, cut
//! into chunks anywhere, back into values, by the rules of the [HTML standard]. What it adds to the standard
//! is said where it is done: comments are reported, and everything has a limit.
//!
//! # Encoding
//!
//! A [`Block`] is one event. Its name and id are types that refuse whatever could break out of their line,
//! and its data is cut into lines, so no value can add a field or an event to the stream.
//!
//! ```
//! use tidings_sse::{Block, EventId, EventName, Preamble, encode_comment};
//! use std::time::Duration;
//!
//! let start = EventId::new("7f3a-41")?;
//! let id = EventId::new("7f3a-42")?;
//! let name = EventName::new("note")?;
//!
//! let mut out = Vec::new();
//! Preamble { retry: Some(Duration::from_secs(3)), id: Some(&start) }.encode(&mut out);
//! Block { id: Some(&id), event: Some(&name), data: "first\r\nsecond" }.encode(&mut out);
//! encode_comment("keepalive", &mut out);
//!
//! assert_eq!(
//!     out,
//!     b"retry: 3000\nid: 7f3a-41\n\n\
//!       id: 7f3a-42\nevent: note\ndata: first\ndata: second\n\n\
//!       : keepalive\n"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Decoding
//!
//! A [`Decoder`] takes chunks as they arrive and gives [`Frames`], read one at a time. A frame borrows from
//! the chunk where it can, so it is used before the next is read; [`Event::to_owned`] keeps one for longer.
//!
//! ```
//! use tidings_sse::{Decoder, Frame};
//!
//! let mut decoder = Decoder::new();
//! let mut seen = Vec::new();
//! for chunk in [b"id: 1\nevent: no".as_slice(), b"te\ndata: hello\n\n: still he", b"re\n"] {
//!     let mut frames = decoder.decode(chunk);
//!     while let Some(frame) = frames.next() {
//!         match frame? {
//!             Frame::Event(event) => seen.push(format!("{} {} {}", event.id, event.event, event.data)),
//!             Frame::Comment(text) => seen.push(format!("comment {text}")),
//!             Frame::Retry(delay) => seen.push(format!("retry {delay:?}")),
//!         }
//!     }
//! }
//!
//! assert_eq!(seen, ["1 note hello", "comment still here"]);
//! assert_eq!(decoder.last_event_id(), "1");
//! # Ok::<(), tidings_sse::DecodeError>(())
//! ```
//!
//! [HTML standard]: https://html.spec.whatwg.org/multipage/server-sent-events.html

mod decode;
mod encode;
mod id;
mod name;

pub use decode::{DecodeError, Decoder, Event, Frame, Frames, Limits, OwnedEvent};
pub use encode::{Block, Preamble, encode_comment, encode_id, encode_retry};
pub use id::{EventId, EventIdError};
pub use name::{EventName, EventNameError};
