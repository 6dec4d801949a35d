use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

/// The name (type) of an event: the value of the `event` field.
///
/// Holds 1 to [`EventName::MAX`] bytes of UTF-8 without CR, LF and NUL. The names `error` and `open` are
/// refused, because a reader with the browser's `EventSource` cannot tell them from its own signals.
/// `message` is the name an event has when the stream gives none, and is not written. A clone shares the text.
///
/// ```
/// use tidings_sse::{EventName, EventNameError};
///
/// let name: EventName = "task-start".parse()?;
/// assert_eq!(name.as_str(), "task-start");
/// assert_eq!(EventName::new("error"), Err(EventNameError::Reserved { name: "error" }));
/// # Ok::<(), EventNameError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventName(Arc<str>);

impl EventName {
    /// The greatest length of a name, in bytes.
    pub const MAX: usize = 256;

    /// Checks `name` and takes a copy of it.
    ///
    /// # Errors
    ///
    /// Fails if `name` is empty, longer than [`EventName::MAX`], reserved, or holds CR, LF or NUL.
    pub fn new(name: impl AsRef<str>) -> Result<Self, EventNameError> {
        let name = name.as_ref();
        if name.is_empty() {
            return Err(EventNameError::Empty);
        }
        if name.len() > Self::MAX {
            return Err(EventNameError::TooLong { len: name.len() });
        }
        if let Some(reserved) = RESERVED.into_iter().find(|reserved| *reserved == name) {
            return Err(EventNameError::Reserved { name: reserved });
        }
        if let Some(at) = memchr::memchr3(b'\r', b'\n', b'\0', name.as_bytes()) {
            return Err(EventNameError::ForbiddenByte { at });
        }
        Ok(Self(Arc::from(name)))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is `message`, the name of an event that gives none.
    pub fn is_message(&self) -> bool {
        &*self.0 == MESSAGE
    }
}

/// The name of an event whose block has no `event` field, or an empty one.
pub(crate) const MESSAGE: &str = "message";

const RESERVED: [&str; 2] = ["error", "open"];

impl FromStr for EventName {
    type Err = EventNameError;

    fn from_str(name: &str) -> Result<Self, EventNameError> {
        Self::new(name)
    }
}

impl TryFrom<&str> for EventName {
    type Error = EventNameError;

    fn try_from(name: &str) -> Result<Self, EventNameError> {
        Self::new(name)
    }
}

impl AsRef<str> for EventName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for EventName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Why a text is not an [`EventName`]. Nothing is trimmed or replaced; the caller refuses the event.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EventNameError {
    /// The name has no bytes. An event without a name is published as `message`.
    #[error("event name is empty")]
    Empty,
    /// The name is longer than [`EventName::MAX`].
    #[error("event name is {len} bytes long, over the limit of {}", EventName::MAX)]
    TooLong {
        /// The length of the refused name, in bytes.
        len: usize,
    },
    /// The name is one that `EventSource` uses for its own signals.
    #[error("event name `{name}` is reserved")]
    Reserved {
        /// The reserved name.
        name: &'static str,
    },
    /// The name holds CR, LF or NUL.
    #[error("event name has a line end or NUL at byte {at}")]
    ForbiddenByte {
        /// The offset of the first such byte.
        at: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_the_greatest_length_is_accepted() {
        let name = "é".repeat(EventName::MAX / 2);

        assert_eq!(EventName::new(&name).unwrap().as_str(), name);
        assert_eq!(
            EventName::new(format!("{name}x")),
            Err(EventNameError::TooLong { len: 257 })
        );
    }

    #[test]
    fn reserved_names_are_matched_exactly() {
        assert!(EventName::new("Error").is_ok());
        assert!(EventName::new("open ").is_ok());
        assert_eq!(
            EventName::new("open"),
            Err(EventNameError::Reserved { name: "open" })
        );
    }

    #[test]
    fn a_clone_shares_the_text() {
        let name = EventName::new("task-start").unwrap();

        assert!(Arc::ptr_eq(&name.0, &name.clone().0));
    }
}
