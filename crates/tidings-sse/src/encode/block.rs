use super::lines::lines;
use crate::{EventId, EventName};

/// One event, ready to be written: `id`, `event` and `data` in this order, then the blank line that
/// dispatches it.
///
/// A reader gets `data` with every line end turned into LF; nothing else changes.
///
/// ```
/// use tidings_sse::Block;
///
/// let mut out = Vec::new();
/// Block { id: None, event: None, data: "one\ntwo\n" }.encode(&mut out);
/// assert_eq!(out, b"data: one\ndata: two\ndata: \n\n");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block<'a> {
    /// Written as `id`; without one, the reader keeps the id it has.
    pub id: Option<&'a EventId>,
    /// Written as `event`; the line is left out for `None` and for `message`, which mean the same.
    pub event: Option<&'a EventName>,
    /// Written as one `data` line for each of its lines, which end with LF, CRLF or CR. Empty data is one
    /// empty line, and a line end at the end gives an empty last line.
    pub data: &'a str,
}

impl Block<'_> {
    /// The exact number of bytes that [`Block::encode`] appends.
    pub fn encoded_len(&self) -> usize {
        let id = self.id.map_or(0, |id| field_len("id", id.as_str()));
        let event = self
            .named_event()
            .map_or(0, |event| field_len("event", event.as_str()));
        let data: usize = lines(self.data).map(|line| field_len("data", line)).sum();
        id + event + data + 1
    }

    /// Appends the bytes of the event to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.reserve(self.encoded_len());
        if let Some(id) = self.id {
            put_field("id", id.as_str(), out);
        }
        if let Some(event) = self.named_event() {
            put_field("event", event.as_str(), out);
        }
        for line in lines(self.data) {
            put_field("data", line, out);
        }
        out.push(b'\n');
    }

    fn named_event(&self) -> Option<&EventName> {
        self.event.filter(|event| !event.is_message())
    }
}

/// Appends one line. `value` holds no line end.
pub(super) fn put_field(name: &str, value: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value.as_bytes());
    out.push(b'\n');
}

fn field_len(name: &str, value: &str) -> usize {
    name.len() + ": ".len() + value.len() + 1
}
