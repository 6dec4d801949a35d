use std::time::Duration;

use super::block::put_field;
use super::lines::lines;
use crate::EventId;

/// The first block of a stream: how long the reader waits before it reconnects, and the position it starts
/// at. It carries no data, so it dispatches no event; a reader that is cut before its first event resumes
/// from `id`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Preamble<'a> {
    /// Written as `retry`, see [`encode_retry`].
    pub retry: Option<Duration>,
    /// Written as `id`.
    pub id: Option<&'a EventId>,
}

impl Preamble<'_> {
    /// Appends the block to `out`. A preamble without fields is no bytes at all.
    pub fn encode(&self, out: &mut Vec<u8>) {
        if let Some(delay) = self.retry {
            encode_retry(delay, out);
        }
        if let Some(id) = self.id {
            encode_id(id, out);
        }
        if self.retry.is_some() || self.id.is_some() {
            out.push(b'\n');
        }
    }
}

/// Appends a `retry` line: how long the reader waits before it reconnects, in whole milliseconds, rounded
/// down and at most [`u64::MAX`]. It takes effect when it is read; no blank line is needed.
pub fn encode_retry(delay: Duration, out: &mut Vec<u8>) {
    let millis = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
    put_field("retry", &millis.to_string(), out);
}

/// Appends an `id` line. It takes effect at the next blank line, which this does not write.
pub fn encode_id(id: &EventId, out: &mut Vec<u8>) {
    put_field("id", id.as_str(), out);
}

/// Appends `text` as comment lines, one for each of its lines, which end with LF, CRLF or CR.
///
/// No blank line follows: some readers take a block of comments for an empty event.
pub fn encode_comment(text: &str, out: &mut Vec<u8>) {
    for line in lines(text) {
        put_field("", line, out);
    }
}
