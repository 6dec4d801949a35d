use std::fmt;
use std::thread;

use fastrand::Rng;

/// Where a test's random choices come from, told when the test fails.
///
/// `TIDINGS_TEST_SEED` repeats the choices of an earlier run. It does not repeat the machine's.
#[derive(Debug)]
pub struct Seed(u64);

impl Seed {
    /// The seed asked for, or a new one.
    ///
    /// # Panics
    ///
    /// When `TIDINGS_TEST_SEED` is no number.
    #[must_use]
    pub fn new() -> Self {
        match std::env::var("TIDINGS_TEST_SEED") {
            Ok(seed) => Self(seed.parse().expect("TIDINGS_TEST_SEED is a number")),
            Err(_) => Self(fastrand::u64(..)),
        }
    }

    /// A source of choices.
    #[must_use]
    pub fn random(&self) -> Rng {
        Rng::with_seed(self.0)
    }
}

impl Default for Seed {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Drop for Seed {
    #[expect(clippy::print_stderr, reason = "a failing test tells how to repeat it")]
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("repeat with TIDINGS_TEST_SEED={self}");
        }
    }
}
