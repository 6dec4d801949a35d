use std::time::Duration;

/// So many buckets for each doubling: a figure is off by 1.6 % at most.
const STEPS: usize = 64;
/// Doublings beyond `STEPS` microseconds: more than an hour.
const DOUBLINGS: usize = 26;

/// How many of many durations were about how long, in microseconds and in constant space.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            counts: vec![0; STEPS * (DOUBLINGS + 1)],
            total: 0,
            max: 0,
        }
    }
}

impl Histogram {
    /// Adds one; what is longer than the last bucket counts there.
    pub fn add(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let last = self.counts.len() - 1;
        self.counts[bucket(micros).min(last)] += 1;
        self.total += 1;
        self.max = self.max.max(micros);
    }

    /// The time within which such a share of them was, in milliseconds; 0 if there are none.
    pub fn quantile(&self, share: f64) -> f64 {
        let wanted = ((self.total as f64 * share).ceil() as u64).max(1);
        let mut so_far = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            so_far += count;
            if so_far >= wanted {
                return start(bucket) as f64 / 1e3;
            }
        }
        0.0
    }

    /// The longest, in milliseconds.
    pub fn max(&self) -> f64 {
        self.max as f64 / 1e3
    }
}

fn bucket(micros: u64) -> usize {
    let doublings = (micros / STEPS as u64)
        .checked_ilog2()
        .map_or(0, |log| log as usize + 1);
    let step = micros >> doublings.saturating_sub(1);
    if doublings == 0 {
        micros as usize
    } else {
        STEPS * (doublings - 1) + step as usize
    }
}

/// The least duration in a bucket.
fn start(bucket: usize) -> u64 {
    let doublings = (bucket / STEPS).saturating_sub(1);
    ((bucket - doublings * STEPS) as u64) << doublings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_comes_back_within_a_sixtieth() {
        for micros in [0, 1, 63, 64, 65, 127, 128, 1_000, 99_999, 3_000_000_000] {
            let mut histogram = Histogram::default();
            histogram.add(Duration::from_micros(micros));
            let back = histogram.quantile(0.5) * 1e3;
            let off = micros as f64 - back;
            assert!(
                (-0.001..=micros as f64 / 60.0).contains(&off),
                "{micros} came back as {back}"
            );
        }
    }

    #[test]
    fn a_quantile_is_what_that_share_is_within() {
        let mut histogram = Histogram::default();
        for micros in 1..=60 {
            histogram.add(Duration::from_micros(micros));
        }
        assert_eq!(histogram.quantile(0.5), 0.030);
        assert_eq!(histogram.quantile(1.0), 0.060);
    }
}
