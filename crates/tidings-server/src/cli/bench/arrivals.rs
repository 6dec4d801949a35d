//! What all readers together got, and how soon.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// The bits of a number that make its bucket: its power of two and six more, which is off by 1.6 %
/// at most.
const DROPPED_BITS: u32 = 17;

/// The bucket of one microsecond, before which there is none.
const FIRST: usize = 0x3f80_0000 >> DROPPED_BITS;

/// Up to 2³² microseconds, which is more than an hour; what took longer is in the last one.
const BUCKETS: usize = 32 * 64;

/// Counted by all readers at once, in constant space.
#[derive(Debug)]
pub(super) struct Arrivals {
    began: Instant,
    received: AtomicU64,
    /// When the last one came, in nanoseconds since the begin.
    last: AtomicU64,
    counts: Vec<AtomicU64>,
    /// The longest, in microseconds.
    longest: AtomicU64,
    /// Readers whose connection is lost.
    cut: AtomicU64,
}

impl Arrivals {
    pub(super) fn new() -> Self {
        Self {
            began: Instant::now(),
            received: AtomicU64::new(0),
            last: AtomicU64::new(0),
            counts: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(),
            longest: AtomicU64::new(0),
            cut: AtomicU64::new(0),
        }
    }

    /// The time of this benchmark.
    pub(super) fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Counts an event that came now and had been due then.
    pub(super) fn add(&self, due: Duration) {
        let now = self.now();
        self.last
            .fetch_max(whole(now.as_nanos()), Ordering::Relaxed);
        self.took(now.saturating_sub(due));
        self.received.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a reader who has lost its connection.
    pub(super) fn add_cut(&self) {
        self.cut.fetch_add(1, Ordering::Relaxed);
    }

    /// One of them has a connection again, or will have none.
    pub(super) fn remove_cut(&self) {
        self.cut.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn is_anybody_cut(&self) -> bool {
        self.cut.load(Ordering::Relaxed) > 0
    }

    fn took(&self, span: Duration) {
        let micros = whole(span.as_micros());
        self.counts[bucket(micros)].fetch_add(1, Ordering::Relaxed);
        self.longest.fetch_max(micros, Ordering::Relaxed);
    }

    pub(super) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// When the last event came.
    pub(super) fn last(&self) -> Duration {
        Duration::from_nanos(self.last.load(Ordering::Relaxed))
    }

    pub(super) fn longest(&self) -> Duration {
        Duration::from_micros(self.longest.load(Ordering::Relaxed))
    }

    /// The time within which such a share of them came; 0 if there are none.
    pub(super) fn quantile(&self, share: f64) -> Duration {
        let counts = self
            .counts
            .iter()
            .map(|count| count.load(Ordering::Relaxed));
        let all: u64 = counts.clone().sum();
        let wanted = ((all as f64 * share).ceil() as u64).max(1);
        let mut so_far = 0;
        for (bucket, count) in counts.enumerate() {
            so_far += count;
            if so_far >= wanted {
                return Duration::from_micros(least(bucket)).min(self.longest());
            }
        }
        Duration::ZERO
    }
}

fn whole(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// Floating point has buckets already: the front bits of a number.
fn bucket(micros: u64) -> usize {
    let bits = (micros.max(1) as f32).to_bits() >> DROPPED_BITS;
    (bits as usize - FIRST).min(BUCKETS - 1)
}

/// The least number in a bucket.
fn least(bucket: usize) -> u64 {
    f32::from_bits(((bucket + FIRST) as u32) << DROPPED_BITS) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_comes_back_within_a_sixtieth() {
        for micros in [1, 63, 64, 65, 127, 128, 1_000, 99_999, 3_000_000_000] {
            let arrivals = Arrivals::new();
            arrivals.took(Duration::from_micros(micros));
            arrivals.took(Duration::from_micros(u64::MAX));
            let back = arrivals.quantile(0.5).as_micros() as u64;
            assert!(
                (micros - micros / 60..=micros).contains(&back),
                "{micros} came back as {back}"
            );
        }
    }

    #[test]
    fn a_quantile_is_what_that_share_is_within() {
        let arrivals = Arrivals::new();
        assert_eq!(arrivals.quantile(0.5), Duration::ZERO);
        for micros in 1..=60 {
            arrivals.took(Duration::from_micros(micros));
        }
        assert_eq!(arrivals.quantile(0.5), Duration::from_micros(30));
        assert_eq!(arrivals.quantile(1.0), Duration::from_micros(60));
        assert_eq!(arrivals.longest(), Duration::from_micros(60));
    }
}
