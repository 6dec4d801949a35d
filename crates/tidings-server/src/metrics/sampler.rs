//! From counts that only grow to figures of a moment.

use std::time::Duration;

use tidings::{Broker, rfc3339};
use tokio::time::Instant;

use crate::metrics::gauges::{Counters, Gauges, Histograms, Sample};
use crate::metrics::meter::{Meter, Waits};
use crate::metrics::process::Usage;

/// Rates over less than this say nothing.
const LEAST_SPAN: Duration = Duration::from_millis(10);

/// Takes samples, and knows what there was at the one before.
#[derive(Debug)]
pub(crate) struct Sampler {
    started: Instant,
    taken: Instant,
    before: Counters,
    waits_before: Waits,
    cpu_before: Option<f64>,
}

/// What only the hub knows when a sample is taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation<'a> {
    pub(crate) broker: &'a Broker,
    pub(crate) meter: &'a Meter,
    /// How many streams and long polls are open.
    pub(crate) connections: usize,
    /// How many streams follow a dashboard's events.
    pub(crate) dashboards: usize,
    /// Tells what the process takes.
    pub(crate) usage: fn() -> Usage,
}

impl Sampler {
    /// Counts time from now on.
    pub(crate) fn start() -> Self {
        let now = Instant::now();
        Self {
            started: now,
            taken: now,
            before: Counters::default(),
            waits_before: Meter::default().waits(),
            cpu_before: Usage::now().cpu_seconds,
        }
    }

    /// How long ago the last sample was taken.
    pub(crate) fn age(&self) -> Duration {
        self.taken.elapsed()
    }

    /// Takes a sample.
    pub(crate) fn sample(&mut self, situation: Situation<'_>) -> Sample {
        let Situation {
            broker,
            meter,
            connections,
            dashboards,
            usage,
        } = situation;
        let stats = broker.stats();
        let usage = usage();
        let waits = meter.waits();
        let times = waits.since(&self.waits_before);
        let counters = Counters::of(&stats, meter);
        let now = Instant::now();
        let span = now.duration_since(self.taken).max(LEAST_SPAN);
        let rate = |of: fn(&Counters) -> u64| {
            let news = of(&counters).saturating_sub(of(&self.before));
            rounded(news as f64 / span.as_secs_f64())
        };
        let cpu = usage.cpu_seconds.zip(self.cpu_before);
        let gauges = Gauges {
            connections,
            dashboards,
            topics: stats.topics,
            log_events: stats.events,
            log_bytes: stats.bytes,
            events_in_per_second: rate(|counters| counters.events_in),
            bytes_in_per_second: rate(|counters| counters.bytes_in),
            events_out_per_second: rate(|counters| counters.events_out),
            bytes_out_per_second: rate(|counters| counters.bytes_out),
            lag: stats.waiting,
            replaying: stats.replaying,
            publish_p50_ms: times.p50,
            publish_p99_ms: times.p99,
            cpu_percent: cpu
                .map(|(now, before)| rounded((now - before) / span.as_secs_f64() * 100.0)),
            memory_bytes: usage.memory_bytes,
            uptime_seconds: now.duration_since(self.started).as_secs(),
        };
        (self.taken, self.before) = (now, counters);
        (self.waits_before, self.cpu_before) = (waits, usage.cpu_seconds);
        Sample {
            timestamp: rfc3339(broker.now()),
            total_metrics: Sample::figures(),
            counters,
            gauges,
            histograms: Histograms { publish_ms: times },
        }
    }
}

/// To three decimals: more are noise, and bytes.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use tidings::{Event, Selector, Subscription, Topic};
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn rates_are_of_the_time_since_the_sample_before() {
        let (broker, meter) = (Broker::new(), Meter::default());
        let mut sampler = Sampler::start();
        let situation = Situation {
            broker: &broker,
            meter: &meter,
            connections: 5,
            dashboards: 3,
            usage: Usage::now,
        };
        let topic = Topic::new("t").unwrap();
        let all = Subscription::to(Selector::new("*").unwrap());
        let _readers = [broker.subscribe(all.clone()), broker.subscribe(all)];
        for _ in 0..10 {
            broker
                .publish(topic.clone(), Event::new("four"))
                .await
                .unwrap();
            meter.published_within(Duration::from_millis(2));
        }
        broker.publish(topic, Event::new("own")).await.unwrap();
        meter.published_own(3);
        advance(Duration::from_secs(2)).await;

        let sample = sampler.sample(situation);
        assert_eq!(
            (sample.counters.events_in, sample.counters.bytes_in),
            (10, 40)
        );
        assert_eq!(sample.counters.events_out, 22);
        assert!((sample.gauges.events_in_per_second - 5.0).abs() < 1e-9);
        assert!((sample.gauges.bytes_in_per_second - 20.0).abs() < 1e-9);
        assert_eq!(
            (sample.gauges.connections, sample.gauges.dashboards),
            (5, 3)
        );
        assert_eq!((sample.gauges.topics, sample.gauges.log_events), (1, 11));
        assert_eq!(sample.histograms.publish_ms.count, 10);
        assert_eq!(sample.gauges.uptime_seconds, 2);
        assert_eq!(sample.total_metrics, 7 + 16 + 1);

        advance(Duration::from_secs(1)).await;
        let quiet = sampler.sample(situation);
        assert!(quiet.gauges.events_in_per_second.abs() < 1e-9);
        assert_eq!(quiet.counters.events_in, 10);
        assert_eq!(quiet.gauges.publish_p50_ms, None);
    }
}
