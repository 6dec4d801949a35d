use std::{iter, sync::Arc};

use fastrand::Rng;

/// How long each payload is.
pub const PAYLOAD_BYTES: usize = 200;

/// So many are made beforehand, so that making them is not measured.
const COUNT: usize = 4096;
/// What all of them begin with: about half of each.
const COMMON: &str = r#"{"job":"build","state":"running","step":"compile","unit":"percent","owner":"team-a","note":"#;

/// Payloads as they are in practice: text that is half the same each time.
#[derive(Debug)]
pub struct Payloads {
    texts: Arc<[Arc<str>]>,
    rng: Rng,
}

impl Payloads {
    /// The same ones for the same seed.
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let texts = iter::repeat_with(|| text(&mut rng)).take(COUNT).collect();
        Self { texts, rng }
    }

    /// The same texts, in an order of their own.
    #[must_use]
    pub fn shuffled(&self, seed: u64) -> Self {
        Self {
            texts: self.texts.clone(),
            rng: Rng::with_seed(seed),
        }
    }

    /// Any of them.
    pub fn any(&mut self) -> Arc<str> {
        self.texts[self.rng.usize(..COUNT)].clone()
    }

    /// Any of so many topics.
    pub fn topic(&mut self, topics: usize) -> usize {
        self.rng.usize(..topics)
    }

    /// One of so many topics, the lower the likelier: the first of 100 gets 10 % of all, the second half 29 %.
    pub fn skewed_topic(&mut self, topics: usize) -> usize {
        let share = self.rng.f64();
        (share * share * topics as f64) as usize
    }
}

fn text(rng: &mut Rng) -> Arc<str> {
    let random = iter::repeat_with(|| rng.alphanumeric());
    let random: String = random.take(PAYLOAD_BYTES - COMMON.len()).collect();
    format!("{COMMON}{random}").into()
}
