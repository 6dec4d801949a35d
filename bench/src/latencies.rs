use std::time::Duration;

/// How long each of many operations took.
#[derive(Clone, Debug, Default)]
pub struct Latencies(Vec<u32>);

impl Latencies {
    /// Adds one; beyond an hour it counts as an hour.
    pub fn add(&mut self, took: Duration) {
        let micros = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        self.0.push(micros);
    }

    /// Adds all of those.
    pub fn extend(&mut self, others: &Self) {
        self.0.extend(&others.0);
    }

    /// The time within which such a share of them was done, in milliseconds; 0 if there are none.
    pub fn quantile(&mut self, share: f64) -> f64 {
        self.0.sort_unstable();
        let last = self.0.len().saturating_sub(1);
        let at = (last as f64 * share).round() as usize;
        self.0
            .get(at)
            .map_or(0.0, |micros| f64::from(*micros) / 1e3)
    }
}

/// The middle one of some figures; 0 if there are none.
pub fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.into_iter().collect();
    figures.sort_unstable_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}
