use std::time::Duration;

use crate::acme::failure::Failure;

/// How long to wait after failures in a row: twice as long after each of a kind.
#[derive(Debug, Default)]
pub(super) struct Pace {
    out_of_reach: u32,
    refused: u32,
}

/// The first and the longest wait for a server that cannot be reached.
const SOON: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5 * 60)];

/// The same after a refusal. Let's Encrypt takes five names an hour that are not validated.
const LATER: [Duration; 2] = [Duration::from_secs(2 * 60), Duration::from_secs(3600)];

impl Pace {
    /// Give or take a quarter, so that many hubs do not come back at once.
    pub(super) fn wait(&mut self, failure: &Failure) -> Duration {
        let ([first, longest], failures) = match failure.is_lasting() {
            true => (LATER, &mut self.refused),
            false => (SOON, &mut self.out_of_reach),
        };
        let wait = first.saturating_mul(2_u32.saturating_pow(*failures));
        *failures = failures.saturating_add(1);
        wait.min(longest).mul_f64(0.75 + fastrand::f64() / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(wait: Duration, seconds: u64) -> bool {
        let exact = Duration::from_secs(seconds);
        (exact.mul_f64(0.75)..=exact.mul_f64(1.25)).contains(&wait)
    }

    #[test]
    fn waits_grow_to_a_bound_that_depends_on_what_went_wrong() {
        let mut pace = Pace::default();
        for seconds in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
            let wait = pace.wait(&Failure::TooSlow);
            assert!(around(wait, seconds), "{wait:?} for {seconds} s");
        }
        for seconds in [120, 240, 480, 960, 1920, 3600, 3600] {
            let wait = pace.wait(&Failure::Refused(String::new()));
            assert!(around(wait, seconds), "{wait:?} for {seconds} s");
        }
        pace.out_of_reach = u32::MAX;
        assert!(around(pace.wait(&Failure::TooSlow), 300));
    }
}
