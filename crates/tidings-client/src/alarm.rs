//! Waits that survive a machine's sleep.

use std::future::Future;
use std::time::{Duration, SystemTime};

use tokio::time::{self, Instant};

/// So often the clock on the wall is looked at: timers stand still while a machine sleeps.
const LOOK: Duration = Duration::from_secs(5);

/// Waits for so long, by the timer or by the clock on the wall, whichever gets there first.
pub(crate) async fn sleep(duration: Duration) {
    sleep_by(duration, SystemTime::now).await;
}

/// What the future gives, unless it takes longer.
pub(crate) async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        output = future => Some(output),
        () = sleep(limit) => None,
    }
}

async fn sleep_by(duration: Duration, wall: impl Fn() -> SystemTime) {
    let (start, wall_start) = (Instant::now(), wall());
    loop {
        // A clock that was set back says nothing.
        let on_the_wall = wall().duration_since(wall_start).unwrap_or_default();
        let passed = start.elapsed().max(on_the_wall);
        if passed >= duration {
            return;
        }
        time::sleep((duration - passed).min(LOOK)).await;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn a_wait_takes_its_time() {
        let start = Instant::now();
        sleep_by(MINUTE, || SystemTime::UNIX_EPOCH).await;
        assert!(start.elapsed() >= MINUTE && start.elapsed() < MINUTE + LOOK);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_is_over_soon_after_the_machine_wakes_up() {
        let start = Instant::now();
        let looks = Cell::new(0);
        let wall = || {
            looks.set(looks.get() + 1);
            let slept = if looks.get() > 3 {
                60 * MINUTE
            } else {
                Duration::ZERO
            };
            SystemTime::UNIX_EPOCH + slept
        };
        sleep_by(MINUTE, wall).await;
        assert!(start.elapsed() <= 3 * LOOK, "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_set_back_does_not_make_it_longer() {
        let start = Instant::now();
        let looked = Cell::new(false);
        let wall = || match looked.replace(true) {
            false => SystemTime::UNIX_EPOCH + MINUTE,
            true => SystemTime::UNIX_EPOCH,
        };
        sleep_by(MINUTE, wall).await;
        assert!(start.elapsed() < MINUTE + LOOK);
    }
}
