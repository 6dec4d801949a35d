use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

/// The id of an event: the value of the `id` field, which a reader sends back to resume.
///
/// Holds 1 to [`EventId::MAX`] bytes of visible ASCII (`0x21..=0x7e`), so that it passes unchanged through a
/// header, a query parameter and a log line. A clone shares the text. Streams of other servers may carry ids
/// outside these bounds; the decoder gives those as text.
///
/// ```
/// use tidings_sse::{EventId, EventIdError};
///
/// let id: EventId = "7f3a-42".parse()?;
/// assert_eq!(id.to_string(), "7f3a-42");
/// assert_eq!(EventId::new("7f3a 42"), Err(EventIdError::ForbiddenByte { at: 4 }));
/// # Ok::<(), EventIdError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(Arc<str>);

impl EventId {
    /// The greatest length of an id, in bytes.
    pub const MAX: usize = 64;

    /// Checks `id` and takes a copy of it.
    ///
    /// # Errors
    ///
    /// Fails if `id` is empty, longer than [`EventId::MAX`], or holds anything but visible ASCII.
    pub fn new(id: impl AsRef<str>) -> Result<Self, EventIdError> {
        let id = id.as_ref();
        if id.is_empty() {
            return Err(EventIdError::Empty);
        }
        if id.len() > Self::MAX {
            return Err(EventIdError::TooLong { len: id.len() });
        }
        if let Some(at) = id.bytes().position(|byte| !byte.is_ascii_graphic()) {
            return Err(EventIdError::ForbiddenByte { at });
        }
        Ok(Self(Arc::from(id)))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EventId {
    type Err = EventIdError;

    fn from_str(id: &str) -> Result<Self, EventIdError> {
        Self::new(id)
    }
}

impl TryFrom<&str> for EventId {
    type Error = EventIdError;

    fn try_from(id: &str) -> Result<Self, EventIdError> {
        Self::new(id)
    }
}

impl AsRef<str> for EventId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for EventId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Why a text is not an [`EventId`]. Nothing is trimmed or replaced; the caller refuses the id.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EventIdError {
    /// The id has no bytes. An event without an id is encoded without the field.
    #[error("event id is empty")]
    Empty,
    /// The id is longer than [`EventId::MAX`].
    #[error("event id is {len} bytes long, over the limit of {}", EventId::MAX)]
    TooLong {
        /// The length of the refused id, in bytes.
        len: usize,
    },
    /// The id holds something other than visible ASCII.
    #[error("event id has a byte outside visible ASCII at byte {at}")]
    ForbiddenByte {
        /// The offset of the first such byte.
        at: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_visible_ascii_is_accepted() {
        for byte in 0..=u8::MAX {
            let id = char::from(byte).to_string();
            assert_eq!(
                EventId::new(&id).is_ok(),
                (0x21..=0x7e).contains(&byte),
                "{byte:#x}"
            );
        }
    }

    #[test]
    fn an_id_of_the_greatest_length_is_accepted() {
        let id = "x".repeat(EventId::MAX);

        assert_eq!(EventId::new(&id).unwrap().as_str(), id);
        assert_eq!(
            EventId::new(format!("{id}x")),
            Err(EventIdError::TooLong { len: 65 })
        );
    }
}
