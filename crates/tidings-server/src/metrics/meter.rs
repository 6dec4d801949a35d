//! What is counted where it happens, with an atomic addition or two.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use histogram::AtomicHistogram;
use serde::Serialize;

/// 32 steps between two powers of two: no value is off by more than 3 %.
const GROUPING: u8 = 5;

/// The longest time that is told apart is 2^37 microseconds: more than a day.
const GREATEST: u8 = 37;

/// Counts what no other part of the hub knows.
#[derive(Debug)]
pub(crate) struct Meter {
    /// How long publishers waited, in microseconds, since somebody last asked.
    waits: AtomicHistogram,
    /// What the hub has published itself: events, and bytes of data.
    own_events: AtomicU64,
    own_bytes: AtomicU64,
}

/// How long publishers waited for their receipts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct PublishTimes {
    /// How many publications were timed.
    pub(super) count: u64,
    /// Milliseconds; `None` if there was no publication.
    pub(super) p50: Option<f64>,
    pub(super) p99: Option<f64>,
}

impl Default for Meter {
    fn default() -> Self {
        let waits = AtomicHistogram::new(GROUPING, GREATEST);
        Self {
            waits: waits.expect("the powers are in range"),
            own_events: AtomicU64::new(0),
            own_bytes: AtomicU64::new(0),
        }
    }
}

impl Meter {
    /// Takes note of how long a publisher waited.
    pub(crate) fn published_within(&self, wait: Duration) {
        let micros = u64::try_from(wait.as_micros()).unwrap_or(u64::MAX);
        // Only what is longer than the greatest does not fit.
        let _ = self.waits.increment(micros.min((1 << GREATEST) - 1));
    }

    /// Takes note of an event that the hub has published itself.
    pub(crate) fn published_own(&self, bytes: usize) {
        self.own_events.fetch_add(1, Ordering::Relaxed);
        self.own_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// The events that the hub has published itself, and the bytes of their data.
    pub(super) fn own(&self) -> (u64, u64) {
        let own = [&self.own_events, &self.own_bytes];
        let [events, bytes] = own.map(|count| count.load(Ordering::Relaxed));
        (events, bytes)
    }

    /// The waits since this was last asked for.
    pub(super) fn take_waits(&self) -> PublishTimes {
        let waits = self.waits.drain();
        let millis = |quantile| {
            let bucket = waits.quantile_bucket(quantile).ok().flatten()?;
            Some(bucket.end() as f64 / 1000.0)
        };
        PublishTimes {
            count: waits.as_slice().iter().sum(),
            p50: millis(0.5),
            p99: millis(0.99),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_publishers_waited_no_longer_than_the_median() {
        let meter = Meter::default();
        for millis in 1..=1000 {
            meter.published_within(Duration::from_millis(millis));
        }
        let waits = meter.take_waits();
        let (p50, p99) = (waits.p50.unwrap(), waits.p99.unwrap());
        assert_eq!(waits.count, 1000);
        assert!((500.0..=516.0).contains(&p50), "{p50}");
        assert!((990.0..=1021.0).contains(&p99), "{p99}");
        assert_eq!(meter.take_waits(), PublishTimes::default());
    }

    #[test]
    fn a_wait_beyond_the_greatest_counts_as_the_greatest() {
        let meter = Meter::default();
        meter.published_within(Duration::MAX);
        assert_eq!(meter.take_waits().count, 1);
    }
}
