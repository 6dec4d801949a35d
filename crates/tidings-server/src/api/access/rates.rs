//! How fast one identity may publish.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use http::StatusCode;
use moka::sync::Cache;
use tidings_http::{Problem, Site};

/// Identities whose rate is known at a time. One that is forgotten begins anew.
const IDENTITIES: u64 = 10_000;

/// After this without a publication an identity is as one that never published.
const IDLE: Duration = Duration::from_secs(10);

/// How fast each identity publishes, by the generic cell rate algorithm: so many a second on average, and up to as many
/// at once. Memory is bounded however many identities there are.
pub(crate) struct PublishRates {
    quota: Quota,
    limiters: Cache<(Option<Arc<str>>, Publisher), Arc<DefaultDirectRateLimiter>>,
}

/// Who publishes, in a namespace.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Publisher {
    Identity(Arc<str>),
    /// Those without one.
    Site(Site),
}

impl PublishRates {
    pub(crate) fn new(a_second: NonZeroU32) -> Self {
        let limiters = Cache::builder().max_capacity(IDENTITIES).time_to_idle(IDLE);
        Self {
            quota: Quota::per_second(a_second),
            limiters: limiters.build(),
        }
    }

    /// Lets a publisher publish so many events. A batch that has more than there may be at once counts as that many.
    ///
    /// # Errors
    ///
    /// 429, with the time after which it is granted.
    pub(super) fn admit(
        &self,
        namespace: Option<Arc<str>>,
        publisher: Publisher,
        events: usize,
    ) -> Result<(), Problem> {
        let most = self.quota.burst_size();
        let events = u32::try_from(events).unwrap_or(u32::MAX).min(most.get());
        let Some(events) = NonZeroU32::new(events) else {
            return Ok(());
        };
        let fresh = || Arc::new(RateLimiter::direct(self.quota));
        let limiter = self.limiters.get_with((namespace, publisher), fresh);
        let admitted = limiter.check_n(events).expect("it is not more than fits");
        admitted.map_err(|until| {
            let delay = until.wait_time_from(DefaultClock::default().now());
            let detail =
                format!("limits.publish_rate: an identity may publish {most} events a second");
            let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "publish-rate", detail);
            problem.retry_after(delay)
        })
    }
}

impl fmt::Debug for PublishRates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublishRates")
            .field("quota", &self.quota)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_identity_does_not_spend_what_another_has() {
        let rates = PublishRates::new(NonZeroU32::new(5).unwrap());
        let admit = |namespace: Option<&str>, identity: &str| {
            let publisher = Publisher::Identity(identity.into());
            rates.admit(namespace.map(Arc::from), publisher, 5)
        };
        assert_eq!(admit(None, "one"), Ok(()));
        let problem = admit(None, "one").unwrap_err();
        assert_eq!(problem.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(admit(None, "other"), Ok(()));
        assert_eq!(admit(Some("shop"), "one"), Ok(()));
    }

    #[test]
    fn those_without_identity_have_one_rate_for_each_site() {
        let rates = PublishRates::new(NonZeroU32::new(5).unwrap());
        let admit = |publisher| rates.admit(None, publisher, 5).is_ok();
        let from = |text: &str| admit(Publisher::Site(Site::of(text.parse().unwrap())));
        assert!(from("2001:db8::1"));
        assert!(!from("2001:db8::2"));
        assert!(from("2001:db8:0:1::1"));
        assert!(from("192.0.2.1"));
        assert!(!from("::ffff:192.0.2.1"));
        assert!(admit(Publisher::Identity("192.0.2.1".into())));
    }

    #[test]
    fn a_batch_that_is_larger_than_anything_allowed_takes_all_there_is() {
        let rates = PublishRates::new(NonZeroU32::new(5).unwrap());
        let one = || Publisher::Identity("one".into());
        assert_eq!(rates.admit(None, one(), 1_000_000), Ok(()));
        assert!(rates.admit(None, one(), 5).is_err());
    }
}
