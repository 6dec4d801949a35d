use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tidings::Timestamp;

use crate::random::{LETTERS_AND_DIGITS, SECRET_LENGTH, text};
use crate::{Credential, Denied, Grant};

/// How many tickets there may be that are good. None goes before its time to make room for another: whoever has it was
/// told how long it is good, and there is no second chance for a browser's `EventSource` that is refused.
const BOUNDS: Bounds = Bounds {
    of_identity: 100,
    of_namespace: 10_000,
    in_all: 100_000,
};

/// What every ticket begins with, so that it is known as one.
const PREFIX: &str = "tdt_";

/// One-time tickets: what somebody who cannot send a header puts into a URL instead of a credential.
///
/// A ticket is good for what whoever asked for it may do, once, within 30 seconds. Who shows it [takes](Self::take) it, and it
/// is used up when something has been opened with it: what is refused costs no ticket. One identity has at most 100 that are
/// not used up, one namespace 10,000, and all together 100,000, so that nobody takes the place of others.
///
/// ```
/// use tidings::Timestamp;
/// use tidings_auth::{Credential, Denied, Grant, Tickets};
///
/// let now = Timestamp::from_millis(1_767_225_600_000);
/// let grant = Grant {
///     identity: Some("7".into()),
///     credential: Credential::Key { id: "k3v9x1m7".into() },
///     ..Grant::everything()
/// };
/// let tickets = Tickets::new();
/// let ticket = tickets.issue(&grant, now)?;
/// let taken = tickets.take(&ticket.text, now)?;
/// assert!(taken.grant().is_admin());
/// assert_eq!(tickets.take(&ticket.text, now).err(), Some(Denied::UnknownTicket));
/// drop(taken);
/// tickets.take(&ticket.text, now)?.use_up();
/// assert_eq!(tickets.take(&ticket.text, now).err(), Some(Denied::UnknownTicket));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Tickets {
    issued: Mutex<Issued>,
}

/// Why no ticket is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum TicketError {
    /// Nothing was shown for which there could be one: whoever may do something without a credential needs no ticket.
    #[error("a ticket is for those who show a credential")]
    Anonymous,
    /// It was asked for with a ticket, and one would follow from another without end.
    #[error("a ticket does not get another ticket")]
    ForTicket,
    /// What it would be for is over.
    #[error("the credential has expired")]
    Expired,
    /// There are as many as there may be of the identity, or of others with it. There is room when one of them is used, and
    /// after [`Tickets::LIFETIME`] at the latest.
    #[error("too many tickets have not been used yet")]
    TooMany,
}

/// A ticket as it is given out.
#[derive(Clone, PartialEq, Eq)]
pub struct Ticket {
    /// What is to be presented: `tdt_` and 256 random bits.
    pub text: String,
    /// When it is good no longer: in 30 seconds, or when the credential it was asked for with expires.
    pub expires_at: Timestamp,
}

/// A ticket that somebody has shown. Until this is dropped it is good for nobody else, and from then on as it was before, unless
/// it was [used up](Self::use_up).
pub struct TakenTicket<'a> {
    tickets: &'a Tickets,
    digest: Digest,
    grant: Grant,
}

/// A namespace and an identity in it.
type Holder = (Option<Arc<str>>, Option<Arc<str>>);

/// The SHA-256 of a ticket's text.
type Digest = [u8; 32];

#[derive(Clone, Copy, Debug)]
struct Bounds {
    of_identity: usize,
    of_namespace: usize,
    in_all: usize,
}

#[derive(Debug, Default)]
struct Issued {
    tickets: HashMap<Digest, Good>,
    /// All of them by when they are good no longer.
    due: BTreeSet<(Timestamp, Digest)>,
    /// How many there are of each namespace that has one.
    of_namespaces: HashMap<Option<Arc<str>>, usize>,
    /// How many there are of each identity that has one. Credentials without an identity are one.
    of_identities: HashMap<Holder, usize>,
}

#[derive(Debug)]
struct Good {
    grant: Grant,
    until: Timestamp,
    /// Somebody has shown it, and it may be used up in a moment.
    is_taken: bool,
}

impl Tickets {
    /// How long a ticket is good.
    pub const LIFETIME: Duration = Duration::from_secs(30);

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
    /// [`TicketError`] says why there is none.
    pub fn issue(&self, grant: &Grant, now: Timestamp) -> Result<Ticket, TicketError> {
        match grant.credential {
            Credential::Anonymous => return Err(TicketError::Anonymous),
            Credential::Ticket { .. } => return Err(TicketError::ForTicket),
            Credential::Token { .. } | Credential::Key { .. } => {}
        }
        if grant.has_expired(now) {
            return Err(TicketError::Expired);
        }
        let mut ticket = Ticket::unknown(now);
        if let Some(end) = grant.expires_at {
            ticket.expires_at = ticket.expires_at.min(end);
        }
        let mut grant = grant.clone();
        grant.credential = Credential::Ticket {
            of: Arc::new(grant.credential),
        };
        let good = Good {
            grant,
            until: ticket.expires_at,
            is_taken: false,
        };
        let mut issued = self.issued();
        issued.drop_old(now);
        if !issued.has_room(&good.grant, BOUNDS) {
            return Err(TicketError::TooMany);
        }
        issued.keep(digest(&ticket.text), good);
        Ok(ticket)
    }

    /// Takes the ticket, for as long as it is being seen whether something is opened with it.
    ///
    /// # Errors
    /// [`Denied::UnknownTicket`], whatever the reason: that another one has taken it as well.
    pub fn take(&self, text: &str, now: Timestamp) -> Result<TakenTicket<'_>, Denied> {
        // Found by its hash, it is not found by how long it takes to find.
        let digest = digest(text);
        let mut issued = self.issued();
        let good = issued.tickets.get_mut(&digest);
        let good = good.ok_or(Denied::UnknownTicket)?;
        if good.is_taken {
            return Err(Denied::UnknownTicket);
        }
        if good.until <= now {
            issued.remove(&digest);
            return Err(Denied::UnknownTicket);
        }
        good.is_taken = true;
        Ok(TakenTicket {
            tickets: self,
            digest,
            grant: good.grant.clone(),
        })
    }

    fn issued(&self) -> MutexGuard<'_, Issued> {
        self.issued.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TakenTicket<'_> {
    /// What it is good for.
    pub fn grant(&self) -> &Grant {
        &self.grant
    }

    /// Something has been opened with it: it is good for nothing more.
    pub fn use_up(self) {
        self.tickets.issued().remove(&self.digest);
    }
}

impl Drop for TakenTicket<'_> {
    fn drop(&mut self) {
        // One that was used up is not there.
        if let Some(good) = self.tickets.issued().tickets.get_mut(&self.digest) {
            good.is_taken = false;
        }
    }
}

impl fmt::Debug for TakenTicket<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TakenTicket")
            .field("grant", &self.grant)
            .finish_non_exhaustive()
    }
}

impl Ticket {
    /// A ticket that nobody knows, for where nobody asks for one: it looks like any other, and is good for nothing.
    pub fn unknown(now: Timestamp) -> Self {
        Self {
            text: format!("{PREFIX}{}", text(LETTERS_AND_DIGITS, SECRET_LENGTH)),
            expires_at: now.after(Tickets::LIFETIME),
        }
    }
}

impl Issued {
    /// Drops what is good no longer, and what is from a time that the clock has left again.
    fn drop_old(&mut self, now: Timestamp) {
        let end = now.after(Tickets::LIFETIME);
        while let Some((until, oldest)) = self.due.first().copied()
            && until <= now
        {
            self.remove(&oldest);
        }
        while let Some((until, newest)) = self.due.last().copied()
            && until > end
        {
            self.remove(&newest);
        }
    }

    /// Whether there may be one more of whoever this was granted to.
    fn has_room(&self, grant: &Grant, most: Bounds) -> bool {
        let of_namespace = self.of_namespaces.get(&grant.namespace);
        let of_identity = self.of_identities.get(&holder(grant));
        of_identity.is_none_or(|taken| *taken < most.of_identity)
            && of_namespace.is_none_or(|taken| *taken < most.of_namespace)
            && self.tickets.len() < most.in_all
    }

    fn keep(&mut self, digest: Digest, good: Good) {
        let (namespace, identity) = (good.grant.namespace.clone(), holder(&good.grant));
        *self.of_namespaces.entry(namespace).or_default() += 1;
        *self.of_identities.entry(identity).or_default() += 1;
        self.due.insert((good.until, digest));
        self.tickets.insert(digest, good);
    }

    fn remove(&mut self, digest: &Digest) {
        let Some(good) = self.tickets.remove(digest) else {
            return;
        };
        self.due.remove(&(good.until, *digest));
        count_down(&mut self.of_namespaces, &good.grant.namespace);
        count_down(&mut self.of_identities, &holder(&good.grant));
    }
}

fn holder(grant: &Grant) -> Holder {
    (grant.namespace.clone(), grant.identity.clone())
}

fn count_down<K: Eq + Hash>(counts: &mut HashMap<K, usize>, of: &K) {
    if let Some(count) = counts.get_mut(of) {
        *count -= 1;
        if *count == 0 {
            counts.remove(of);
        }
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

fn digest(text: &str) -> Digest {
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

    /// Uses the ticket, and gives what it was good for.
    fn redeem(tickets: &Tickets, ticket: &Ticket, now: Timestamp) -> Result<Grant, Denied> {
        let taken = tickets.take(&ticket.text, now)?;
        let grant = taken.grant().clone();
        taken.use_up();
        Ok(grant)
    }

    #[test]
    fn a_ticket_is_good_once_for_what_its_owner_may_do() {
        let tickets = Tickets::new();
        let ticket = tickets.issue(&grant(), NOW).unwrap();
        assert!(Tickets::is_ticket(&ticket.text));
        let redeemed = redeem(&tickets, &ticket, NOW).unwrap();
        let of = Arc::new(grant().credential);
        let expected = Grant {
            credential: Credential::Ticket { of },
            ..grant()
        };
        assert_eq!(redeemed, expected);
        assert_eq!(redeemed.credential.original(), &grant().credential);
        let again = redeem(&tickets, &ticket, NOW);
        assert_eq!(again, Err(Denied::UnknownTicket));
    }

    #[test]
    fn a_ticket_that_has_opened_nothing_is_as_it_was() {
        let tickets = Tickets::new();
        let ticket = tickets.issue(&grant(), NOW).unwrap();
        let taken = tickets.take(&ticket.text, NOW).unwrap();
        let meanwhile = redeem(&tickets, &ticket, NOW);
        assert_eq!(meanwhile, Err(Denied::UnknownTicket));
        drop(taken);
        assert!(redeem(&tickets, &ticket, later(29_999)).is_ok());
    }

    #[test]
    fn a_ticket_takes_its_place_until_it_is_used_up_and_is_not_kept_beyond_its_time() {
        let tickets = Tickets::new();
        let ticket = tickets.issue(&grant(), NOW).unwrap();
        for _ in 1..BOUNDS.of_identity {
            tickets.issue(&grant(), NOW).unwrap();
        }
        let taken = tickets.take(&ticket.text, NOW).unwrap();
        assert_eq!(tickets.issue(&grant(), NOW), Err(TicketError::TooMany));
        assert!(tickets.issue(&grant(), later(30_000)).is_ok());
        drop(taken);
        assert_eq!(tickets.issued().tickets.len(), 1);
        assert!(redeem(&tickets, &ticket, NOW).is_err());
    }

    #[test]
    fn a_ticket_is_good_for_30_seconds_and_not_beyond_the_grant() {
        let tickets = Tickets::new();
        let redeem_after = |grant: &Grant, millis| {
            let ticket = tickets.issue(grant, NOW).unwrap();
            redeem(&tickets, &ticket, later(millis)).is_ok()
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
        assert_eq!(
            tickets.issue(&short, later(10_000)),
            Err(TicketError::Expired)
        );
    }

    #[test]
    fn a_ticket_that_came_too_late_is_not_good_when_the_clock_is_put_back() {
        let tickets = Tickets::new();
        let ticket = tickets.issue(&grant(), NOW).unwrap();
        assert!(redeem(&tickets, &ticket, later(30_000)).is_err());
        assert!(redeem(&tickets, &ticket, NOW).is_err());
    }

    #[test]
    fn no_ticket_follows_from_a_ticket() {
        let tickets = Tickets::new();
        let ticket = tickets.issue(&grant(), NOW).unwrap();
        let redeemed = redeem(&tickets, &ticket, NOW).unwrap();
        let refused = tickets.issue(&redeemed, NOW);
        assert_eq!(refused, Err(TicketError::ForTicket));
    }

    #[test]
    fn whoever_shows_nothing_gets_none() {
        let refused = Tickets::new().issue(&Grant::everything(), NOW);
        assert_eq!(refused, Err(TicketError::Anonymous));
        let unknown = Ticket::unknown(NOW);
        assert!(Tickets::is_ticket(&unknown.text));
        let redeemed = redeem(&Tickets::new(), &unknown, NOW);
        assert_eq!(redeemed, Err(Denied::UnknownTicket));
    }

    fn of(namespace: &str, identity: &str) -> Grant {
        Grant {
            namespace: Some(namespace.into()),
            identity: Some(identity.into()),
            ..grant()
        }
    }

    #[test]
    fn what_one_identity_has_is_taken_from_nobody() {
        let tickets = Tickets::new();
        let of_another = tickets.issue(&of("one", "other"), NOW).unwrap();
        let issue = || tickets.issue(&of("one", "me"), NOW);
        let own: Vec<_> = (0..BOUNDS.of_identity).map(|_| issue().unwrap()).collect();
        assert_eq!(issue(), Err(TicketError::TooMany));
        let others = [of("one", "another"), of("other", "me"), grant()];
        for other in others {
            assert!(tickets.issue(&other, NOW).is_ok(), "{other:?}");
        }
        assert!(redeem(&tickets, &of_another, NOW).is_ok());
        assert!(redeem(&tickets, &own[0], NOW).is_ok());
        assert!(issue().is_ok());
        assert_eq!(issue(), Err(TicketError::TooMany));
        assert!(tickets.issue(&of("one", "me"), later(30_000)).is_ok());
    }

    #[test]
    fn one_namespace_leaves_room_for_others_and_all_have_a_bound() {
        let most = Bounds {
            of_identity: 1,
            of_namespace: 2,
            in_all: 3,
        };
        let mut issued = Issued::default();
        let mut keep = |namespace: &str, identity: &str| {
            let (grant, until) = (of(namespace, identity), later(1));
            let has_room = issued.has_room(&grant, most);
            if has_room {
                issued.keep(
                    digest(identity),
                    Good {
                        grant,
                        until,
                        is_taken: false,
                    },
                );
            }
            has_room
        };
        let kept = ["1", "2", "3"].map(|identity| keep("one", identity));
        assert_eq!(kept, [true, true, false]);
        assert!(keep("other", "4"));
        assert!(!keep("third", "5"));
    }

    #[test]
    fn old_and_used_tickets_take_no_room() {
        let tickets = Tickets::new();
        for step in 0..5 * BOUNDS.of_identity as u64 {
            let now = later(step * 500);
            let ticket = tickets.issue(&grant(), now).unwrap();
            if step % 2 == 0 {
                redeem(&tickets, &ticket, now).unwrap();
            }
        }
        let mut issued = tickets.issued();
        assert!(issued.tickets.len() <= 31, "{}", issued.tickets.len());
        issued.drop_old(later(1_000_000));
        assert!(issued.tickets.is_empty() && issued.due.is_empty());
        assert!(issued.of_namespaces.is_empty() && issued.of_identities.is_empty());
    }

    #[test]
    fn tickets_of_a_time_that_has_not_come_take_no_room() {
        let tickets = Tickets::new();
        for _ in 0..BOUNDS.of_identity {
            tickets.issue(&grant(), later(60_000)).unwrap();
        }
        assert!(tickets.issue(&grant(), NOW).is_ok());
        assert_eq!(tickets.issued().tickets.len(), 1);
    }

    #[test]
    fn nothing_printed_has_the_ticket() {
        let tickets = Tickets::new();
        let ticket = tickets.issue(&grant(), NOW).unwrap();
        let secret = &ticket.text[PREFIX.len()..];
        assert!(!format!("{ticket:?} {tickets:?}").contains(secret));
    }
}
