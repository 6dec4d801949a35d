use std::{fmt, sync::Arc};

use tidings_log::Timestamp;

/// The name of an open stream: 128 random bits, so that knowing it shows that one was told.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(Arc<str>);

impl ConnectionId {
    pub(crate) fn random() -> Self {
        Self(crate::random::token(26).into())
    }

    /// The id as text, as a request names it. Any text is accepted: one that names nothing is just not found.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnectionId({})", self.0)
    }
}

/// Who reads a stream, as far as the edge knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    /// Who the credentials say it is.
    pub identity: Option<String>,
    /// Its network address.
    pub remote: Option<String>,
    /// What it calls itself.
    pub user_agent: Option<String>,
}

/// An open stream as an operator sees it.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Its name.
    pub id: ConnectionId,
    /// The selectors it follows now.
    pub topics: Vec<String>,
    /// Who reads it.
    pub peer: Peer,
    /// When it was opened.
    pub connected_at: Timestamp,
    /// When something was last handed out on it.
    pub last_active_at: Timestamp,
    /// Events handed out.
    pub sent_events: u64,
    /// Bytes of events handed out.
    pub sent_bytes: u64,
    /// Events that wait for it; an upper bound while it catches up.
    pub lag: u64,
}
