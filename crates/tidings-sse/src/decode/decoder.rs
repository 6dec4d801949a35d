use std::mem;

use crate::decode::pending::{KEPT_CAPACITY, Pending};
use crate::decode::{DecodeError, Frames, Limits};

/// An incremental decoder of one event stream, over any number of connections.
///
/// However the bytes are cut into chunks, the frames are the same, and the time is linear in the bytes.
/// Input that the standard tells readers to tolerate (unknown fields, invalid UTF-8, odd line ends) is never
/// an error; only passing one of the [`Limits`] is.
///
/// ```
/// use tidings_sse::{Decoder, Frame};
///
/// let mut decoder = Decoder::new();
/// decoder.set_last_event_id("41");
///
/// let mut frames = decoder.decode(b"data: hello\n\nid: 43\ndata: cut he");
/// let Some(Ok(Frame::Event(event))) = frames.next() else { panic!("an event") };
/// assert_eq!((event.event, event.data, event.id), ("message", "hello", "41"));
/// assert!(frames.next().is_none());
///
/// // The connection is lost: what was unfinished is dropped, its id too.
/// decoder.restart();
/// assert_eq!(decoder.last_event_id(), "41");
/// ```
#[derive(Debug)]
pub struct Decoder {
    pub(super) limits: Limits,
    /// The start of a line whose end was not yet seen.
    pub(super) line: Vec<u8>,
    pub(super) pending: Pending,
    /// Whether `pending` was given to the caller as an event, and is forgotten before the next line.
    pub(super) delivered: bool,
    pub(super) last_event_id: String,
    /// The text of a comment that could not be borrowed.
    pub(super) comment: String,
    /// Whether the next line is the first of the connection, which may start with a BOM.
    pub(super) at_start: bool,
    /// Whether the chunk before ended with CR, so that LF at the start of the next belongs to it.
    pub(super) after_cr: bool,
    /// Whether the chunk before was not read to its end.
    pub(super) unread: bool,
    pub(super) failed: Option<DecodeError>,
}

impl Decoder {
    /// A decoder with the default limits and no last event id.
    pub fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    /// A decoder with no last event id.
    pub fn with_limits(limits: Limits) -> Self {
        Self {
            limits,
            line: Vec::new(),
            pending: Pending::default(),
            delivered: false,
            last_event_id: String::new(),
            comment: String::new(),
            at_start: true,
            after_cr: false,
            unread: false,
            failed: None,
        }
    }

    /// Takes the next bytes of the connection, which may be none, and gives their frames.
    ///
    /// The frames are to be read until there are none. If the caller stops before and decodes another chunk
    /// all the same, that gives [`DecodeError::Unread`], for the rest of this chunk is lost by then.
    pub fn decode<'c>(&mut self, chunk: &'c [u8]) -> Frames<'_, 'c> {
        if self.unread {
            self.failed.get_or_insert(DecodeError::Unread);
        }
        let mut rest = chunk;
        if !chunk.is_empty() && mem::take(&mut self.after_cr) {
            rest = chunk.strip_prefix(b"\n").unwrap_or(chunk);
        }
        self.unread = !rest.is_empty() && self.failed.is_none();
        Frames::new(self, rest)
    }

    /// The id a client sends as `Last-Event-ID` to resume: that of the last finished block which had one, on
    /// this connection or an earlier one. Empty if there is none, and after a block with an empty id.
    pub fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// Sets the id as if an earlier connection had given it.
    pub fn set_last_event_id(&mut self, id: &str) {
        id.clone_into(&mut self.last_event_id);
    }

    /// Prepares for a new connection: drops what was unfinished, and any error, and keeps the last event id.
    pub fn restart(&mut self) {
        self.line.clear();
        self.line.shrink_to(KEPT_CAPACITY);
        self.pending.clear();
        self.delivered = false;
        self.at_start = true;
        self.after_cr = false;
        self.unread = false;
        self.failed = None;
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}
