use std::time::Duration;

/// What a [`Decoder`](crate::Decoder) accepts. Lengths are in bytes of UTF-8, with U+FFFD (3 bytes) in the
/// place of invalid input. Reaching a limit is fine; passing it ends the stream with a typed error, at the
/// same place however the stream is cut into chunks.
///
/// Together they bound the memory of a decoder to a small multiple of `line + event`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The length of a line without its line end; comments and lines not yet finished count too. Default: 16 MiB and 16 bytes, so that one line can hold the data of the largest event.
    pub line: usize,
    /// The length of an event's data, with the LF between its lines. Default: 16 MiB.
    pub event: usize,
    /// The length of an event id. Default: 1 KiB.
    pub id: usize,
    /// The length of an event name. Default: 1 KiB.
    pub name: usize,
    /// The shortest delay a `retry` can ask for; a shorter one is reported as this, so that a server cannot
    /// make its clients spin. Default: 100 ms.
    pub retry_floor: Duration,
    /// The longest delay a `retry` can ask for; a longer one is reported as this. It prevails over
    /// [`Limits::retry_floor`]. Default: 5 minutes.
    pub retry_cap: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            line: 16 * 1024 * 1024 + 16,
            event: 16 * 1024 * 1024,
            id: 1024,
            name: 1024,
            retry_floor: Duration::from_millis(100),
            retry_cap: Duration::from_secs(5 * 60),
        }
    }
}
