use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

/// What stamps count from. Publishers and readers are in one process, so they share it.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Time since the first call in this process, by the monotonic clock.
pub fn now() -> Duration {
    START.elapsed()
}
