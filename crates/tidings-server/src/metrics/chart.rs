//! The last samples, for whoever wants to draw them at once.

use std::collections::VecDeque;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::metrics::gauges::Sample;

/// How many samples are kept: of ten minutes, at one a second.
const LENGTH: usize = 600;

/// The gauges of the last samples, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Chart {
    points: VecDeque<(String, Map<String, Value>)>,
}

/// A column for each gauge, with as many values as there are timestamps.
#[derive(Debug, Serialize)]
pub(crate) struct Columns {
    interval_ms: u64,
    timestamp: Vec<String>,
    #[serde(flatten)]
    gauges: Map<String, Value>,
}

impl Chart {
    /// Adds a sample, and forgets the oldest beyond those that are kept.
    pub(crate) fn add(&mut self, sample: &Sample) {
        if self.points.len() == LENGTH {
            self.points.pop_front();
        }
        let point = (sample.timestamp.clone(), sample.group("gauges"));
        self.points.push_back(point);
    }

    /// What there is, of samples that are taken in this interval.
    pub(crate) fn columns(&self, interval: Duration) -> Columns {
        let names = self.points.back().map(|(_, gauges)| gauges.keys());
        let column = |name: &String| {
            let values = self.points.iter().map(|(_, gauges)| gauges.get(name));
            values
                .map(|value| value.cloned().unwrap_or_default())
                .collect::<Value>()
        };
        Columns {
            interval_ms: u64::try_from(interval.as_millis()).unwrap_or(u64::MAX),
            timestamp: self.points.iter().map(|(time, _)| time.clone()).collect(),
            gauges: names
                .into_iter()
                .flatten()
                .map(|name| (name.clone(), column(name)))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use tidings::Broker;

    use super::*;
    use crate::metrics::sampler::Sampler;
    use crate::metrics::{Meter, Situation, Usage};

    #[test]
    fn every_column_has_a_value_for_each_of_the_last_timestamps() {
        let (broker, meter) = (Broker::new(), Meter::default());
        let mut sampler = Sampler::start();
        let mut chart = Chart::default();
        for dashboards in 0..LENGTH + 5 {
            chart.add(&sampler.sample(Situation {
                broker: &broker,
                meter: &meter,
                connections: 0,
                dashboards,
                usage: Usage::untold,
            }));
        }
        let columns = serde_json::to_value(chart.columns(Duration::from_secs(1))).unwrap();
        assert_eq!(columns["interval_ms"], 1000);
        assert_eq!(columns["timestamp"].as_array().unwrap().len(), LENGTH);
        let dashboards = columns["dashboards"].as_array().unwrap();
        assert_eq!(
            (dashboards.len(), &dashboards[0]),
            (LENGTH, &Value::from(5))
        );
        assert_eq!(columns["publish_p50_ms"].as_array().unwrap().len(), LENGTH);
    }

    #[test]
    fn without_samples_there_is_nothing_to_draw() {
        let columns = serde_json::to_value(Chart::default().columns(Duration::ZERO)).unwrap();
        assert_eq!(columns["timestamp"], Value::Array(Vec::new()));
    }
}
