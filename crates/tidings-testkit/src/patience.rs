use std::thread;
use std::time::{Duration, Instant};

/// How long any wait of this crate lasts before it panics.
///
/// It only decides when a hanging test fails, never whether a test passes, so it is generous to a
/// loaded machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Asks again and again until `probe` answers, and returns the answer.
///
/// For conditions that a server reaches on its own and does not announce, such as noticing that a
/// peer has gone.
///
/// # Panics
///
/// After [`PATIENCE`], naming `what` was awaited.
pub fn eventually<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = probe() {
            return answer;
        }
        assert!(
            start.elapsed() < PATIENCE,
            "still not so after {PATIENCE:?}: {what}"
        );
        thread::yield_now();
    }
}
