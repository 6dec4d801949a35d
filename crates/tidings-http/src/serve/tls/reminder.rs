use std::time::Duration;

use tokio::time::Instant;

/// How often something is said that stays as it is.
const INTERVAL: Duration = Duration::from_secs(86_400);

/// Says when it is time to say something again.
#[derive(Debug, Default)]
pub(super) struct Reminder {
    /// When it was last said.
    last: Option<Instant>,
}

impl Reminder {
    /// Whether it has not been said for a day. Then it counts as said.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        let is_due = self.last.is_none_or(|last| now - last >= INTERVAL);
        if is_due {
            self.last = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reminder_is_due_at_first_and_once_a_day() {
        let mut reminder = Reminder::default();
        let start = Instant::now();
        let mut is_due_after = |hours| reminder.is_due(start + hours * INTERVAL / 24);
        let due = [0, 1, 23, 24, 25, 47, 48, 100].map(&mut is_due_after);
        assert_eq!(due, [true, false, false, true, false, false, true, true]);
    }
}
