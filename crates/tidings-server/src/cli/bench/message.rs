//! What the readers of a benchmark know its events by.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What fills an event up, so that it has about 200 bytes as server-sent event.
const NOTE: &str = "a build is under way; step 4 of 12, compile; 1,204 of 8,113 units are done";

/// The data of an event.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Message<'a> {
    /// Which benchmark it is of.
    run: &'a str,
    /// Which of its events it is, from 1.
    pub(super) number: u32,
    /// Nanoseconds from the begin of the benchmark until it was due.
    due_ns: u64,
    #[serde(borrow)]
    note: &'a str,
}

impl<'a> Message<'a> {
    pub(super) fn new(run: &'a str, number: u32, due: Duration) -> Self {
        Self {
            run,
            number,
            due_ns: u64::try_from(due.as_nanos()).unwrap_or(u64::MAX),
            note: NOTE,
        }
    }

    /// Reads an event of this run with a number up to `events`; `None` if it is of somebody else.
    pub(super) fn of(run: &str, events: u32, data: &'a str) -> Option<Self> {
        let message: Self = serde_json::from_str(data).ok()?;
        (message.run == run && (1..=events).contains(&message.number)).then_some(message)
    }

    pub(super) fn due(&self) -> Duration {
        Duration::from_nanos(self.due_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_others_are_not_taken_for_ones_own() {
        let message = |run, number| {
            serde_json::to_string(&Message::new(run, number, Duration::from_millis(7))).unwrap()
        };
        let own = message("a", 3);
        assert_eq!(
            Message::of("a", 3, &own),
            Some(Message::new("a", 3, Duration::from_millis(7)))
        );
        for data in [
            message("b", 3),
            message("a", 4),
            message("a", 0),
            "3".into(),
            "\"run\"".into(),
            String::new(),
        ] {
            assert_eq!(Message::of("a", 3, &data), None, "{data}");
        }
    }
}
