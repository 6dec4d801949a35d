use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tidings::Timestamp;

use crate::random::{LETTERS_AND_DIGITS, SECRET_LENGTH, text};
use crate::{Credential, Denied, Grant};

/// How long a ticket is good.
const LIFETIME: Duration = Duration::from_secs(30);

/// The most tickets that are good at a time. When there is one more, the oldest is good no longer.
const CAPACITY: usize = 10_000;

/// What every ticket begins with, so that it is known as one.
const PREFIX: &str = "tdt_";

/// One-time tickets: what somebody who cannot send a header puts into a URL instead of a credential.
///
/// A ticket is good for what whoever asked for it may do, once, within 30 seconds. At most 10,000 are; then the oldest go.
///
/// ```
/// use tidings::Timestamp;
/// use tidings_auth::{Denied, Grant, Tickets};
///
/// let now = Timestamp::from_millis(1_767_225_600_000);
/// let tickets = Tickets::new();
/// let ticket = tickets.issue(&Grant::everything(), now)?;
/// assert!(tickets.redeem(&ticket.text, now)?.is_admin());
/// assert_eq!(tickets.redeem(&ticket.text, now), Err(Denied::UnknownTicket));
/// # Ok::<(), Denied>(())
/// ```
#[derive(Debug, Default)]
pub struct Tickets {
    issued: Mutex<Issued>,
}

/// A ticket as it is given out.
#[derive(Clone, PartialEq, Eq)]
pub struct Ticket {
    /// What is to be presented: `tdt_` and 256 random bits.
    pub text: String,
    /// When it is good no longer: in 30 seconds, or when the credential it was asked for with expires.
    pub expires_at: Timestamp,
}

#[derive(Debug, Default)]
struct Issued {
    /// By the SHA-256 of their texts.
    tickets: HashMap<[u8; 32], Good>,
    /// Oldest first; some may have been redeemed. At most [`CAPACITY`].
    order: VecDeque<[u8; 32]>,
}

#[derive(Debug)]
struct Good {
    grant: Grant,
    until: Timestamp,
}

impl Tickets {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the text looks like a ticket: whether it is to be redeemed here rather than verified as a token.
    pub fn is_ticket(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    /// A ticket for what the grant is good for.
    ///
    /// # Errors
    /// [`Denied::Expired`], or [`Denied::TicketForTicket`], since one would then follow from another without end.
    pub fn issue(&self, grant: &Grant, now: Timestamp) -> Result<Ticket, Denied> {
        if matches!(grant.credential, Credential::Ticket { .. }) {
            return Err(Denied::TicketForTicket);
        }
        if grant.has_expired(now) {
            return Err(Denied::Expired);
        }
        let end = now.after(LIFETIME);
        let until = grant.expires_at.map_or(end, |at| at.min(end));
        let text = format!("{PREFIX}{}", text(LETTERS_AND_DIGITS, SECRET_LENGTH));
        let mut grant = grant.clone();
        grant.credential = Credential::Ticket {
            of: Arc::new(grant.credential),
        };
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        issued.keep(digest(&text), Good { grant, until }, now);
        Ok(Ticket {
            text,
            expires_at: until,
        })
    }

    /// What the ticket is good for, this one time.
    ///
    /// # Errors
    /// [`Denied::UnknownTicket`], whatever the reason.
    pub fn redeem(&self, text: &str, now: Timestamp) -> Result<Grant, Denied> {
        // Found by its hash, it is not found by how long it takes to find.
        let digest = digest(text);
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        let good = issued
            .tickets
            .remove(&digest)
            .filter(|good| now < good.until);
        good.map(|good| good.grant).ok_or(Denied::UnknownTicket)
    }
}

impl Issued {
    fn keep(&mut self, digest: [u8; 32], good: Good, now: Timestamp) {
        while let Some(oldest) = self.order.front() {
            let is_good = self
                .tickets
                .get(oldest)
                .is_some_and(|good| now < good.until);
            if is_good && self.order.len() < CAPACITY {
                break;
            }
            self.tickets.remove(oldest);
            self.order.pop_front();
        }
        self.tickets.insert(digest, good);
        self.order.push_back(digest);
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    fn later(millis: u64) -> Timestamp {
        NOW.after(Duration::from_millis(millis))
    }

    fn grant() -> Grant {
        Grant {
            identity: Some("7".into()),
            credential: Credential::Key {
                id: "abcdefgh".into(),
            },
            expires_at: Some(later(3_600_000)),
            ..Grant::everything()
        }
    }

    #[test]
    fn a_ticket_is_good_once_for_what_its_owner_may_do() {
        let tickets = Tickets::new();
        let ticket = tickets.issue(&grant(), NOW).unwrap();
        assert!(Tickets::is_ticket(&ticket.text));
        let redeemed = tickets.redeem(&ticket.text, NOW).unwrap();
        let of = Arc::new(grant().credential);
        let expected = Grant {
            credential: Credential::Ticket { of },
            ..grant()
        };
        assert_eq!(redeemed, expected);
        assert_eq!(redeemed.credential.original(), &grant().credential);
        assert_eq!(
            tickets.redeem(&ticket.text, NOW),
            Err(Denied::UnknownTicket)
        );
    }

    #[test]
    fn a_ticket_is_good_for_30_seconds_and_not_beyond_the_grant() {
        let tickets = Tickets::new();
        let redeem_after = |grant: &Grant, millis| {
            let ticket = tickets.issue(grant, NOW).unwrap();
            tickets.redeem(&ticket.text, later(millis)).is_ok()
        };
        assert!(redeem_after(&grant(), 29_999));
        assert!(!redeem_after(&grant(), 30_000));
        let short = Grant {
            expires_at: Some(later(10_000)),
            ..grant()
        };
        assert!(redeem_after(&short, 9_999));
        assert!(!redeem_after(&short, 10_000));
        assert_eq!(
            tickets.issue(&short, NOW).unwrap().expires_at,
            later(10_000)
        );
        assert_eq!(tickets.issue(&short, later(10_000)), Err(Denied::Expired));
    }

    #[test]
    fn a_ticket_that_came_too_late_is_not_good_when_the_clock_is_put_back() {
        let tickets = Tickets::new();
        let ticket = tickets.issue(&grant(), NOW).unwrap();
        assert!(tickets.redeem(&ticket.text, later(30_000)).is_err());
        assert!(tickets.redeem(&ticket.text, NOW).is_err());
    }

    #[test]
    fn no_ticket_follows_from_a_ticket() {
        let tickets = Tickets::new();
        let ticket = tickets.issue(&grant(), NOW).unwrap();
        let redeemed = tickets.redeem(&ticket.text, NOW).unwrap();
        assert_eq!(tickets.issue(&redeemed, NOW), Err(Denied::TicketForTicket));
    }

    #[test]
    fn when_there_are_too_many_the_oldest_go() {
        let tickets = Tickets::new();
        let first = tickets.issue(&grant(), NOW).unwrap();
        let second = tickets.issue(&grant(), NOW).unwrap();
        for _ in 1..CAPACITY {
            tickets.issue(&grant(), NOW).unwrap();
        }
        assert!(tickets.redeem(&first.text, NOW).is_err());
        assert!(tickets.redeem(&second.text, NOW).is_ok());
    }

    #[test]
    fn old_and_used_tickets_take_no_room() {
        let tickets = Tickets::new();
        for step in 0..3 * CAPACITY as u64 {
            let ticket = tickets.issue(&grant(), later(step * 30)).unwrap();
            if step % 2 == 0 {
                tickets.redeem(&ticket.text, later(step * 30)).unwrap();
            }
        }
        let issued = tickets.issued.lock().unwrap();
        assert!(issued.order.len() <= 1001, "{}", issued.order.len());
        assert!(issued.tickets.len() <= 501);
    }

    #[test]
    fn nothing_printed_has_the_ticket() {
        let tickets = Tickets::new();
        let ticket = tickets.issue(&grant(), NOW).unwrap();
        let secret = &ticket.text[PREFIX.len()..];
        assert!(!format!("{ticket:?} {tickets:?}").contains(secret));
    }
}
