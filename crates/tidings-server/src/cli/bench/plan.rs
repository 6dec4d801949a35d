//! What a benchmark does.

use std::time::Duration;

use tidings::Topic;

use crate::cli::bench::BenchArgs;
use crate::cli::hub::usage_error;

/// A benchmark that would take longer is a mistake.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Debug)]
pub(super) struct Plan {
    /// What tells its events from those of other benchmarks: sixteen hexadecimal digits.
    pub(super) run: String,
    pub(super) topic: Topic,
    pub(super) readers: u32,
    pub(super) events: u32,
    /// Events a second.
    pub(super) rate: u32,
}

impl Plan {
    pub(super) fn of(args: &BenchArgs) -> anyhow::Result<Self> {
        let BenchArgs {
            readers,
            events,
            rate,
            ..
        } = *args;
        let run = format!("{:016x}", fastrand::u64(..));
        let topic = match &args.topic {
            None => format!("bench/{run}"),
            Some(topic) => topic.clone(),
        };
        let topic = Topic::new(topic)
            .map_err(|error| usage_error(format_args!("invalid value for --topic: {error}")))?;
        let plan = Self {
            run,
            topic,
            readers,
            events,
            rate,
        };
        let takes = plan.due(events);
        if takes > LONGEST {
            let days = takes.as_secs_f64() / LONGEST.as_secs_f64();
            return Err(usage_error(format_args!(
                "--events {events} at --rate {rate} would take {days:.1} days; at most one"
            )));
        }
        Ok(plan)
    }

    /// How many events are to come to all readers together.
    pub(super) fn deliveries(&self) -> u64 {
        u64::from(self.readers) * u64::from(self.events)
    }

    /// When an event is due after the first one, which is number 0 here.
    pub(super) fn due(&self, event: u32) -> Duration {
        Duration::from_secs_f64(f64::from(event) / f64::from(self.rate))
    }
}
