use std::time::Duration;

/// What a stream says, in its order. Borrows from the chunk or from the decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame<'a> {
    /// An event, given at its blank line.
    Event(Event<'a>),
    /// The text of a comment line without the colon and one space after it, given when the line has ended,
    /// so before the event whose block it stands in.
    Comment(&'a str),
    /// A new reconnection delay, within [`Limits::retry_floor`] and [`Limits::retry_cap`], given when the
    /// line has ended.
    ///
    /// [`Limits::retry_floor`]: crate::Limits::retry_floor
    /// [`Limits::retry_cap`]: crate::Limits::retry_cap
    Retry(Duration),
}

/// An event as received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event<'a> {
    /// The event's name; `message` if the stream gives none.
    pub event: &'a str,
    /// The data lines, joined by LF.
    pub data: &'a str,
    /// The last event id of the stream at this event, which may come from an earlier block or connection.
    /// Empty if there is none.
    pub id: &'a str,
}

impl Event<'_> {
    /// A copy that can be kept.
    pub fn to_owned(&self) -> OwnedEvent {
        OwnedEvent {
            event: self.event.to_owned(),
            data: self.data.to_owned(),
            id: self.id.to_owned(),
        }
    }
}

/// An [`Event`] that borrows nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OwnedEvent {
    /// See [`Event::event`].
    pub event: String,
    /// See [`Event::data`].
    pub data: String,
    /// See [`Event::id`].
    pub id: String,
}
