//! What is counted where it happens, with an atomic addition or two.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use histogram::{AtomicHistogram, Histogram};
use serde::Serialize;

/// 32 steps between two powers of two: no value is off by more than 3 %.
const GROUPING: u8 = 5;

/// The longest time that is told apart is 2^37 microseconds: more than a day.
const GREATEST: u8 = 37;

/// Counts what no other part of the hub knows.
#[derive(Debug)]
pub(crate) struct Meter {
    /// How long publishers waited, in microseconds: how many for so long, and all together.
    waits: AtomicHistogram,
    waited: AtomicU64,
    /// What the hub has published itself: events, and bytes of data.
    own_events: AtomicU64,
    own_bytes: AtomicU64,
}

/// How long publishers have waited for their receipts since the start.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Waits {
    histogram: Histogram,
    micros: u64,
}

/// How long publishers waited for their receipts in a while.
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
            waited: AtomicU64::new(0),
            own_events: AtomicU64::new(0),
            own_bytes: AtomicU64::new(0),
        }
    }
}

impl Meter {
    /// Takes note of how long a publisher waited.
    pub(crate) fn published_within(&self, wait: Duration) {
        let micros = u64::try_from(wait.as_micros()).unwrap_or(u64::MAX);
        let micros = micros.min((1 << GREATEST) - 1);
        // Only what is longer than the greatest does not fit.
        let _ = self.waits.increment(micros);
        self.waited.fetch_add(micros, Ordering::Relaxed);
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

    /// The waits until now.
    pub(super) fn waits(&self) -> Waits {
        Waits {
            histogram: self.waits.load(),
            micros: self.waited.load(Ordering::Relaxed),
        }
    }
}

impl Waits {
    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.histogram.as_slice().iter().sum()
    }

    /// All of them together, in seconds.
    pub(super) fn seconds(&self) -> f64 {
        self.micros as f64 / 1_000_000.0
    }

    /// How many were no longer than each of these bounds in seconds, which ascend, and longer than the one before it; at the
    /// end those that were longer than all. A wait counts as up to 3 % longer than it was.
    pub(super) fn buckets(&self, bounds: &[f64]) -> Vec<(f64, u64)> {
        let bounds = bounds.iter().copied().chain([f64::INFINITY]);
        let mut buckets: Vec<_> = bounds.map(|bound| (bound, 0)).collect();
        for waits in &self.histogram {
            let longest = waits.end() as f64 / 1_000_000.0;
            let bucket = buckets.partition_point(|(bound, _)| *bound < longest);
            buckets[bucket].1 += waits.count();
        }
        buckets
    }

    /// Those among them that were not there before.
    pub(super) fn since(&self, before: &Self) -> PublishTimes {
        let Ok(waits) = self.histogram.checked_sub(&before.histogram) else {
            return PublishTimes::default();
        };
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
        let before = meter.waits();
        for millis in 1..=1000 {
            meter.published_within(Duration::from_millis(millis));
        }
        let after = meter.waits();
        let waits = after.since(&before);
        let (p50, p99) = (waits.p50.unwrap(), waits.p99.unwrap());
        assert_eq!(waits.count, 1000);
        assert!((500.0..=516.0).contains(&p50), "{p50}");
        assert!((990.0..=1021.0).contains(&p99), "{p99}");
        assert_eq!(meter.waits().since(&after), PublishTimes::default());
    }

    #[test]
    fn every_wait_is_in_one_bucket() {
        let meter = Meter::default();
        for micros in [90, 900, 1_100, 5_000, 3_000_000] {
            meter.published_within(Duration::from_micros(micros));
        }
        let waits = meter.waits();
        assert_eq!(
            waits.buckets(&[0.001, 0.01, 0.1]),
            [(0.001, 2), (0.01, 2), (0.1, 0), (f64::INFINITY, 1)]
        );
        assert_eq!(waits.count(), 5);
        assert!((waits.seconds() - 3.00709).abs() < 1e-9);
    }

    #[test]
    fn a_wait_beyond_the_greatest_counts_as_the_greatest() {
        let meter = Meter::default();
        meter.published_within(Duration::MAX);
        assert_eq!(meter.waits().count(), 1);
    }
}
