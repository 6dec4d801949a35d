use std::time::Duration;

use crate::workload::{Size, Workload};

/// What a workload comes to at a size.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) readers: usize,
    pub(crate) topics: usize,
    pub(crate) shape: Shape,
    pub(crate) events: u64,
    pub(crate) pace: Pace,
    /// Readers that come and go each second, beside those that stay.
    pub(crate) churn_per_second: u32,
}

/// What each reader follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One topic; the readers are shared out.
    One,
    /// So many topics by their names; no two readers the same ones, as long as there are as many topics as readers.
    Several(usize),
    /// All topics that begin alike, which are so many, by a pattern: `t7/*`. The readers are shared out.
    Pattern(usize),
}

/// When the publisher sends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// So many events a second, those that are due in each `tick` together.
    PerSecond { events: f64, tick: Duration },
    /// The next when the last is answered.
    Singly,
}

impl Workload {
    pub(crate) fn plan(self, size: Size) -> Plan {
        let (readers, topics, events) = match self {
            Self::Idle => ([50, 15_000, 15_000], [1, 1], [0; 3]),
            Self::Paced1k => ([50, 1_000, 1_000], [1, 1], [10, 20, 100]),
            Self::Paced10k => ([50, 10_000, 10_000], [1, 1], [10, 20, 100]),
            Self::Burst => ([50, 1_000, 1_000], [1, 1], [100, 300, 1_000]),
            Self::Rate1k => ([50, 1_000, 1_000], [1, 1], [200, 2_500, 10_000]),
            Self::Rate1k10k => ([50, 10_000, 10_000], [1, 1], [200, 3_000, 10_000]),
            Self::Rate10k => ([50, 1_000, 1_000], [1, 1], [1_000, 25_000, 100_000]),
            Self::Topics => ([50, 10_000, 10_000], [25, 1_000], [250, 3_000, 10_000]),
            Self::Topics10k => ([50, 10_000, 10_000], [50, 10_000], [500, 15_000, 50_000]),
            Self::TopicsEach => ([50, 1_000, 1_000], [50, 1_000], [100, 2_500, 10_000]),
            Self::Patterns => ([50, 10_000, 10_000], [50, 1_000], [100, 2_500, 10_000]),
            Self::Churn => ([50, 1_000, 1_000], [1, 1], [50, 500, 2_000]),
            Self::Publishing => ([50, 10_000, 10_000], [50, 10_000], [50, 3_000, 10_000]),
            Self::Stalled => ([50, 1_000, 1_000], [1, 1], [500, 8_000, 20_000]),
            Self::Resume => ([50, 5_000, 10_000], [1, 1], [10, 10, 20]),
        };
        let place = match size {
            Size::Smoke => 0,
            Size::Medium => 1,
            Size::Full => 2,
        };
        let is_smoke = size == Size::Smoke;
        Plan {
            readers: readers[place],
            topics: topics[place.min(1)],
            shape: match self {
                Self::TopicsEach => Shape::Several(if is_smoke { 10 } else { 100 }),
                Self::Patterns => Shape::Pattern(if is_smoke { 5 } else { 10 }),
                _ => Shape::One,
            },
            events: events[place],
            pace: self.pace(size),
            churn_per_second: match self {
                Self::Churn if is_smoke => 200,
                Self::Churn => 2_000,
                _ => 0,
            },
        }
    }

    fn pace(self, size: Size) -> Pace {
        let (events, tick) = match self {
            Self::Idle | Self::Burst | Self::Publishing => return Pace::Singly,
            Self::Paced1k | Self::Paced10k if size == Size::Smoke => (50, 1),
            Self::Paced1k | Self::Paced10k => (5, 1),
            Self::Rate1k | Self::Rate1k10k | Self::Topics => (1_000, 1),
            Self::Rate10k => (10_000, 5),
            Self::Topics10k => (5_000, 2),
            Self::TopicsEach | Self::Patterns => (500, 1),
            Self::Stalled => (2_000, 2),
            Self::Churn | Self::Resume => (100, 10),
        };
        Pace::PerSecond {
            events: f64::from(events),
            tick: Duration::from_millis(tick),
        }
    }
}

impl Plan {
    /// The names of all topics.
    pub(crate) fn topics(&self) -> Vec<String> {
        let name = |topic| match self.shape {
            Shape::Pattern(alike) => format!("t{}/{}", topic / alike, topic % alike),
            Shape::One | Shape::Several(_) => format!("t{topic}"),
        };
        (0..self.topics).map(name).collect()
    }

    /// What each of the readers follows.
    pub(crate) fn selections(&self, topics: &[String]) -> Vec<Vec<String>> {
        let selection = |reader: usize| match self.shape {
            Shape::One => vec![topics[reader % topics.len()].clone()],
            Shape::Several(each) => (reader..reader + each)
                .map(|topic| topics[topic % topics.len()].clone())
                .collect(),
            Shape::Pattern(alike) => {
                let beginnings = (topics.len() / alike).max(1);
                vec![format!("t{}/*", reader % beginnings)]
            }
        };
        (0..self.readers).map(selection).collect()
    }

    /// To how many readers each event goes.
    pub(crate) fn copies(&self) -> u64 {
        let each = match self.shape {
            Shape::One => 1,
            Shape::Several(each) | Shape::Pattern(each) => each,
        };
        (self.readers * each / self.topics) as u64
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use clap::ValueEnum;

    use super::*;

    #[test]
    fn every_event_goes_to_as_many_readers_as_planned() {
        for &workload in Workload::value_variants() {
            for size in [Size::Smoke, Size::Medium, Size::Full] {
                let plan = workload.plan(size);
                let topics = plan.topics();
                let selections = plan.selections(&topics);
                assert_eq!(selections.len(), plan.readers);
                let mut readers = HashMap::new();
                for selector in selections.iter().flatten() {
                    *readers.entry(selector.clone()).or_insert(0_u64) += 1;
                }
                for topic in &topics {
                    let parent = topic.rsplit_once('/').map_or("", |(parent, _)| parent);
                    let selectors = [topic.clone(), format!("{parent}/*")];
                    let copies: u64 = selectors.iter().filter_map(|it| readers.get(it)).sum();
                    assert_eq!(plan.copies(), copies, "{workload:?} at {size:?}");
                }
            }
        }
    }
}
