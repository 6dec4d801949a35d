//! Idempotency keys and jitter: drawn from one seed, so that nothing can fail later.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A source of idempotency keys that no other process draws.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    drawn: Arc<Drawn>,
}

#[derive(Debug)]
struct Drawn {
    prefix: [u64; 2],
    next: AtomicU64,
}

impl Keys {
    /// Draws the 128 bits that make the keys of this source its own.
    pub(crate) fn draw() -> Result<Self, getrandom::Error> {
        Ok(Self {
            drawn: Arc::new(Drawn {
                prefix: [getrandom::u64()?, getrandom::u64()?],
                next: AtomicU64::new(0),
            }),
        })
    }

    /// A key that was not given out before.
    pub(crate) fn key(&self) -> String {
        let [high, low] = self.drawn.prefix;
        let number = self.drawn.next.fetch_add(1, Ordering::Relaxed);
        format!("{high:016x}{low:016x}-{number}")
    }

    /// Jitter of its own for one subscription or one publish.
    pub(crate) fn jitter(&self) -> Jitter {
        let number = self.drawn.next.fetch_add(1, Ordering::Relaxed);
        Jitter::Drawn {
            state: self.drawn.prefix[0] ^ number.rotate_left(32),
        }
    }
}

/// Randomness good enough to spread clients out, and for nothing else.
#[derive(Clone)]
pub(crate) enum Jitter {
    Drawn { state: u64 },
    Given(Fractions),
}

/// Numbers in `0.0..1.0` from elsewhere.
pub(crate) type Fractions = Arc<dyn Fn() -> f64 + Send + Sync>;

impl Jitter {
    /// A number in `0.0..1.0` (splitmix64; 53 bits are what an `f64` holds).
    pub(crate) fn fraction(&mut self) -> f64 {
        let state = match self {
            Self::Drawn { state } => state,
            Self::Given(fractions) => return fractions().clamp(0.0, 1.0),
        };
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        (mixed >> 11) as f64 / (1_u64 << 53) as f64
    }
}

impl fmt::Debug for Jitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Jitter")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn keys_do_not_repeat_between_clones() {
        let keys = Keys::draw().unwrap();
        let clone = keys.clone();
        let drawn: HashSet<_> = (0..100).flat_map(|_| [keys.key(), clone.key()]).collect();
        assert_eq!(drawn.len(), 200);
    }

    #[test]
    fn fractions_stay_below_one_and_spread() {
        let mut jitter = Jitter::Drawn { state: 7 };
        let drawn: Vec<f64> = (0..1000).map(|_| jitter.fraction()).collect();
        assert!(drawn.iter().all(|value| (0.0..1.0).contains(value)));
        let mean = drawn.iter().sum::<f64>() / 1000.0;
        assert!((0.45..0.55).contains(&mean), "{mean}");
    }
}
