//! How fast one identity may publish.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use moka::sync::Cache;
use tidings_auth::Credential;
use tidings_http::{Problem, Site};
use tokio::time::Instant;

use crate::api::Kind;
use crate::api::access::caller::Caller;
use crate::api::hub::Hub;

/// Identities whose rate is known at a time. One that is forgotten begins anew.
const IDENTITIES: u64 = 10_000;

/// After this without a publication an identity is as one that never published, and no batch keeps it waiting for longer.
const MEMORY: Duration = Duration::from_secs(60);

/// What may be published at once is what may be published in this time.
const BURST: Duration = Duration::from_secs(1);

/// How fast each identity publishes, by the generic cell rate algorithm: so many a second on average, and up to as many
/// at once. Memory is bounded however many identities there are.
pub(crate) struct PublishRates {
    a_second: NonZeroU32,
    /// When all that somebody has published would be over, had it come at the rate.
    over: Cache<InNamespace, Arc<Mutex<Instant>>>,
}

type InNamespace = (Option<Arc<str>>, Publisher);

/// Who publishes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Publisher {
    Identity(Arc<str>),
    /// Those without one.
    Site(Site),
}

impl PublishRates {
    pub(crate) fn new(a_second: NonZeroU32) -> Self {
        let over = Cache::builder().max_capacity(IDENTITIES);
        Self {
            a_second,
            over: over.time_to_idle(MEMORY).build(),
        }
    }

    /// Lets a publisher publish so many events. A batch that has more than there may be at once is let through where that
    /// many would be, and what follows it waits for its time.
    ///
    /// # Errors
    ///
    /// 429, with the time after which it is granted.
    fn admit(
        &self,
        namespace: Option<Arc<str>>,
        publisher: Publisher,
        events: usize,
        now: Instant,
    ) -> Result<(), Problem> {
        let over = self
            .over
            .get_with((namespace, publisher), || Arc::new(Mutex::new(now)));
        // Nothing that could panic is done under it.
        let mut over = over.lock().unwrap_or_else(PoisonError::into_inner);
        let begins = now.max(*over);
        let takes = self.time_of(events);
        let wait = (begins + takes.min(BURST)).saturating_duration_since(now + BURST);
        if wait.is_zero() {
            *over = (begins + takes).min(now + MEMORY);
            return Ok(());
        }
        let most = self.a_second;
        let detail = format!("limits.publish_rate: an identity may publish {most} events a second");
        Err(Kind::PublishRate.because(detail).retry_after(wait))
    }

    /// How long it takes to publish so many at the rate.
    fn time_of(&self, events: usize) -> Duration {
        let events = u32::try_from(events).unwrap_or(u32::MAX);
        let nanos = u64::from(events) * 1_000_000_000;
        Duration::from_nanos(nanos / u64::from(self.a_second.get()))
    }
}

impl fmt::Debug for PublishRates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublishRates")
            .field("a_second", &self.a_second)
            .finish_non_exhaustive()
    }
}

impl Caller {
    /// Refuses who publishes too fast.
    pub(crate) fn may_publish_so_many(&self, hub: &Hub, events: usize) -> Result<(), Problem> {
        let grant = self.grant();
        let site = || {
            let remote = self.peer().remote?;
            Some(Publisher::Site(Site::of(remote.ip())))
        };
        let identity = grant.identity.clone().map(Publisher::Identity);
        let publisher = match &grant.credential {
            // Whoever reaches an open hub has no limit but the hub's.
            Credential::Anonymous if hub.is_open() => None,
            _ => identity.or_else(site),
        };
        match publisher {
            Some(publisher) => {
                let namespace = grant.namespace.clone();
                hub.rates
                    .admit(namespace, publisher, events, Instant::now())
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    fn rates() -> PublishRates {
        PublishRates::new(NonZeroU32::new(5).unwrap())
    }

    fn one() -> Publisher {
        Publisher::Identity("one".into())
    }

    #[test]
    fn one_identity_does_not_spend_what_another_has() {
        let (rates, now) = (rates(), Instant::now());
        let admit = |namespace: Option<&str>, identity: &str| {
            let publisher = Publisher::Identity(identity.into());
            rates.admit(namespace.map(Arc::from), publisher, 5, now)
        };
        assert_eq!(admit(None, "one"), Ok(()));
        let problem = admit(None, "one").unwrap_err();
        assert_eq!(problem.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(admit(None, "other"), Ok(()));
        assert_eq!(admit(Some("shop"), "one"), Ok(()));
    }

    #[test]
    fn those_without_identity_have_one_rate_for_each_site() {
        let (rates, now) = (rates(), Instant::now());
        let admit = |publisher| rates.admit(None, publisher, 5, now).is_ok();
        let from = |text: &str| admit(Publisher::Site(Site::of(text.parse().unwrap())));
        assert!(from("2001:db8::1"));
        assert!(!from("2001:db8::2"));
        assert!(from("2001:db8:0:1::1"));
        assert!(from("192.0.2.1"));
        assert!(!from("::ffff:192.0.2.1"));
        assert!(admit(Publisher::Identity("192.0.2.1".into())));
    }

    #[test]
    fn what_was_spent_comes_back_at_the_rate_and_no_more_than_there_may_be_at_once() {
        let (rates, start) = (rates(), Instant::now());
        let after = |millis: u64, events| {
            let now = start + Duration::from_millis(millis);
            rates.admit(None, one(), events, now).is_ok()
        };
        assert!(after(0, 5));
        assert!(!after(199, 1));
        assert!(after(200, 1));
        assert!(!after(200, 1));
        assert!(after(600, 2));
        assert!(after(10_000, 5));
        assert!(!after(10_000, 1));
    }

    #[test]
    fn a_batch_that_is_larger_than_anything_allowed_takes_as_long_as_its_events() {
        let (rates, start) = (rates(), Instant::now());
        let after = |seconds: u64, events| {
            let now = start + Duration::from_secs(seconds);
            rates.admit(None, one(), events, now)
        };
        assert_eq!(after(0, 50), Ok(()));
        assert!(after(8, 1).is_err());
        assert!(after(9, 50).is_err());
        assert_eq!(after(10, 1_000_000), Ok(()));
        assert!(after(69, 5).is_err());
        assert_eq!(after(70, 5), Ok(()));
    }
}
