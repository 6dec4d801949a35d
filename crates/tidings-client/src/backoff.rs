//! How long to wait before the next attempt.

use std::time::Duration;

use crate::random::Jitter;

/// What the random part begins with where the base is smaller: a base of nothing means to try
/// again at once, and not to go on so for ever.
const SMALLEST_SPREAD: Duration = Duration::from_millis(50);

/// Exponential backoff with full jitter above a floor.
///
/// The wait is never shorter than the floor, which is the greatest of the base, the server's
/// reconnection time and its `Retry-After`. Above it lies a random part whose bound doubles with
/// every consecutive failure; floor and random part together stay below the cap, unless the
/// floor alone is above it.
#[derive(Debug)]
pub(crate) struct Backoff {
    base: Duration,
    cap: Duration,
    failures: u32,
    jitter: Jitter,
}

impl Backoff {
    pub(crate) fn new(base: Duration, cap: Duration, jitter: Jitter) -> Self {
        Self {
            base,
            cap,
            failures: 0,
            jitter,
        }
    }

    /// The wait after one more failure.
    pub(crate) fn next_delay(&mut self, floors: [Option<Duration>; 2]) -> Duration {
        let floor = floors.into_iter().flatten().fold(self.base, Duration::max);
        let unit = self.base.max(SMALLEST_SPREAD);
        let spread = unit.saturating_mul(2_u32.saturating_pow(self.failures));
        self.failures = self.failures.saturating_add(1);
        let room = spread.min(self.cap.saturating_sub(floor));
        floor + room.mul_f64(self.jitter.fraction())
    }

    /// How many failures there were in a row.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    /// Starts over: the connection has proved itself.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Keys;

    const BASE: Duration = Duration::from_secs(1);
    const CAP: Duration = Duration::from_secs(60);

    fn backoff() -> Backoff {
        Backoff::new(BASE, CAP, Keys::draw().unwrap().jitter())
    }

    #[test]
    fn the_random_part_doubles_up_to_the_cap() {
        let mut backoff = backoff();
        for failures in 0..40 {
            let delay = backoff.next_delay([None, None]);
            let bound = BASE + BASE.saturating_mul(2_u32.saturating_pow(failures));
            assert!(delay >= BASE && delay <= bound.min(CAP), "{delay:?}");
        }
    }

    #[test]
    fn the_wait_is_never_below_a_floor() {
        let mut backoff = backoff();
        let retry = Some(Duration::from_secs(3));
        let retry_after = Some(Duration::from_secs(20));
        for _ in 0..100 {
            assert!(backoff.next_delay([retry, None]) >= Duration::from_secs(3));
            assert!(backoff.next_delay([retry, retry_after]) >= Duration::from_secs(20));
        }
    }

    #[test]
    fn a_floor_above_the_cap_is_kept_exactly() {
        let floor = Some(Duration::from_secs(300));
        assert_eq!(
            backoff().next_delay([floor, None]),
            Duration::from_secs(300)
        );
    }

    #[test]
    fn a_base_of_nothing_does_not_spin() {
        let always_half = Jitter::Given(std::sync::Arc::new(|| 0.5));
        let mut backoff = Backoff::new(Duration::ZERO, CAP, always_half);
        let delays: Vec<_> = (0..4).map(|_| backoff.next_delay([None, None])).collect();
        assert_eq!(delays, [25, 50, 100, 200].map(Duration::from_millis));
    }

    #[test]
    fn a_reset_starts_over() {
        let mut backoff = backoff();
        for _ in 0..10 {
            backoff.next_delay([None, None]);
        }
        backoff.reset();
        assert!(backoff.next_delay([None, None]) <= 2 * BASE);
    }
}
