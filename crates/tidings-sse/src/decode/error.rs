use thiserror::Error;

/// Why a stream cannot be read on. The decoder stays finished until [`Decoder::restart`]; a client closes
/// the connection and resumes after [`Decoder::last_event_id`], the id of the last good event.
///
/// [`Decoder::restart`]: crate::Decoder::restart
/// [`Decoder::last_event_id`]: crate::Decoder::last_event_id
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// A line, possibly a comment and possibly unfinished, is longer than [`Limits::line`].
    ///
    /// [`Limits::line`]: crate::Limits::line
    #[error("line is longer than {limit} bytes")]
    LineTooLong {
        /// The limit in force.
        limit: usize,
    },
    /// The data of an event is longer than [`Limits::event`].
    ///
    /// [`Limits::event`]: crate::Limits::event
    #[error("event data is longer than {limit} bytes")]
    EventTooLong {
        /// The limit in force.
        limit: usize,
    },
    /// An id is longer than [`Limits::id`].
    ///
    /// [`Limits::id`]: crate::Limits::id
    #[error("event id is longer than {limit} bytes")]
    IdTooLong {
        /// The limit in force.
        limit: usize,
    },
    /// An event name is longer than [`Limits::name`].
    ///
    /// [`Limits::name`]: crate::Limits::name
    #[error("event name is longer than {limit} bytes")]
    NameTooLong {
        /// The limit in force.
        limit: usize,
    },
    /// [`Decoder::decode`] was called while part of the chunk before was unread, which is now lost. Read the
    /// frames of a chunk until there are none, or call [`Decoder::restart`] after stopping early.
    ///
    /// [`Decoder::decode`]: crate::Decoder::decode
    /// [`Decoder::restart`]: crate::Decoder::restart
    #[error("the frames of the chunk before were not read to their end")]
    Unread,
}
