use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tidings_log::Timestamp;
use tokio::time::Instant;

/// The broker's clock: the wall clock at its start, moved on by a clock that nobody sets.
///
/// A step of the wall clock therefore neither expires history at once nor puts events out of order.
#[derive(Debug)]
pub(crate) struct Clock {
    started_at: Duration,
    started: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        // Before 1970 the wall clock is wrong anyway.
        let started_at = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            started_at,
            started: Instant::now(),
        }
    }

    /// Puts the clock forward if it is behind this moment, at which something has already happened.
    pub(crate) fn not_before(&mut self, moment: Timestamp) {
        self.started_at += moment.since(self.now());
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_millis(0).after(self.started_at + self.started.elapsed())
    }
}

/// The moment as RFC 3339 text in UTC with milliseconds: `2026-01-31T12:00:00.000Z`.
pub fn rfc3339(time: Timestamp) -> String {
    let millis = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    let time = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX);
    format!("{time:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_utc_with_three_digits_of_milliseconds() {
        assert_eq!(
            rfc3339(Timestamp::from_millis(1_767_225_600_000)),
            "2026-01-01T00:00:00.000Z"
        );
        assert_eq!(
            rfc3339(Timestamp::from_millis(1_767_225_600_090)),
            "2026-01-01T00:00:00.090Z"
        );
    }
}
