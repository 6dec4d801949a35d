use std::{
    fmt::{self, Write},
    net::SocketAddr,
    sync::Arc,
};

use tidings_log::Timestamp;
use tokio::time::Instant;

use crate::random::{self, ALPHABET};
use crate::{Consent, Selectors};

/// The name of an open stream: 128 random bits, so that knowing it shows that one was told.
///
/// Written as 26 lower-case letters and digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId([u8; 16]);

/// Characters of an id, 5 bits each; the first one has 3.
const LENGTH: u32 = 26;

impl ConnectionId {
    pub(crate) fn random() -> Self {
        let mut bits = [0; 16];
        random::fill(&mut bits);
        Self(bits)
    }

    /// Reads an id as it is written. `None` is text that names no stream.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != LENGTH as usize {
            return None;
        }
        let bits = text.bytes().try_fold(0_u128, |bits, byte| {
            let digit = ALPHABET.iter().position(|known| *known == byte)?;
            Some(bits.checked_mul(32)? | digit as u128)
        });
        bits.map(|bits| Self(bits.to_be_bytes()))
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = u128::from_be_bytes(self.0);
        (0..LENGTH).rev().try_for_each(|place| {
            let digit = bits >> (5 * place) & 31;
            f.write_char(ALPHABET[digit as usize].into())
        })
    }
}

impl fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnectionId({self})")
    }
}

/// Who reads a stream, as far as the edge knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    /// Whose credentials it has shown. `None` if none were asked for.
    pub owner: Option<Arc<Owner>>,
    /// Its network address.
    pub remote: Option<SocketAddr>,
    /// What it calls itself.
    pub user_agent: Option<Box<str>>,
}

/// Verified credentials, shared by the streams that were opened with them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// Who they say it is.
    pub identity: Option<Box<str>>,
    /// Where that counts: the same name elsewhere is somebody else.
    pub namespace: Option<Box<str>>,
    /// The name of the token, by which that alone can be revoked.
    pub token: Option<Box<str>>,
    /// The name of the key that vouches for them.
    pub key: Option<Box<str>>,
    /// When they expire. Their streams end then, if the broker is [told of the time](crate::Broker::end_expired).
    ///
    /// It is a time of the clock that nobody sets: a step of the wall clock neither prolongs a stream nor cuts it short.
    pub expires_at: Option<Instant>,
    /// By whose word they count, if that can be taken back. The broker only carries it.
    pub consent: Option<Consent>,
}

impl Peer {
    /// Who the credentials say it is.
    pub fn identity(&self) -> Option<&str> {
        self.owner.as_ref()?.identity.as_deref()
    }

    pub(crate) fn expires_at(&self) -> Option<Instant> {
        self.owner.as_ref()?.expires_at
    }
}

/// An open stream as an operator sees it.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Its name.
    pub id: ConnectionId,
    /// The selectors it follows now, as they were asked for.
    pub topics: Vec<String>,
    /// What it may see of these, as it was [opened with](crate::Subscription::within); `None` is all.
    pub rights: Option<Selectors>,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_written() {
        let ids = [[0; 16], [0xFF; 16]].map(ConnectionId);
        let texts = ["0".repeat(26), format!("7{}", "z".repeat(25))];
        assert_eq!(ids.each_ref().map(ToString::to_string), texts);
        for id in ids.into_iter().chain([ConnectionId::random()]) {
            assert_eq!(ConnectionId::parse(&id.to_string()), Some(id));
        }
    }

    #[test]
    fn other_text_is_no_id() {
        let digits = |count| "0".repeat(count);
        let too_great = format!("8{}", digits(25));
        let upper_case = format!("A{}", digits(25));
        let two_bytes = format!("é{}", digits(24));
        let texts = [
            digits(0),
            digits(25),
            digits(27),
            too_great,
            upper_case,
            two_bytes,
        ];
        assert_eq!(
            texts.map(|text| ConnectionId::parse(&text)),
            [const { None }; 6]
        );
    }
}
