//! The figures as OpenMetrics 1.0, which Prometheus and others collect. Counters are those of dashboards; rates and
//! percentiles are left to who collects. Labels are of few values that are known here: never a topic, an identity or an address.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeCounterValue, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use crate::metrics::gauges::Counters;
use crate::metrics::health::{Services, Status};
use crate::metrics::meter::Waits;
use crate::metrics::process::Usage;
use crate::metrics::sampler::Situation;

/// Up to how long publishers waited, in seconds, for each bucket of the histogram; one for all others follows.
const BOUNDS: [f64; 14] = [
    0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];

/// What is told of one moment.
#[derive(Debug)]
struct Figures {
    counters: Counters,
    waits: Waits,
    connections: usize,
    dashboards: usize,
    topics: usize,
    log_events: usize,
    log_bytes: u64,
    lag: u64,
    replaying: u64,
    services: Services,
    usage: Usage,
}

/// The media type of what [`exposition`] gives.
pub(crate) const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The figures now, as a text.
pub(crate) fn exposition(situation: Situation<'_>, services: Services) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Figures::of(situation, services)));
    let mut text = String::new();
    text::encode(&mut text, &registry).expect("a string takes all that is written");
    text
}

impl Figures {
    fn of(situation: Situation<'_>, services: Services) -> Self {
        let stats = situation.broker.stats();
        Self {
            counters: Counters::of(&stats, situation.meter),
            waits: situation.meter.waits(),
            connections: situation.connections,
            dashboards: situation.dashboards,
            topics: stats.topics,
            log_events: stats.events,
            log_bytes: stats.bytes,
            lag: stats.waiting,
            replaying: stats.replaying,
            services,
            usage: (situation.usage)(),
        }
    }

    fn counters(&self) -> [(&'static str, &'static str, u64); 4] {
        let counters = &self.counters;
        [
            (
                "tidings_events_published",
                "Events published, those on the hub's own health and metrics aside",
                counters.events_in,
            ),
            (
                "tidings_published_bytes",
                "Bytes of data in the events published",
                counters.bytes_in,
            ),
            (
                "tidings_events_delivered",
                "Events given to readers, live and replayed",
                counters.events_out,
            ),
            (
                "tidings_delivered_bytes",
                "Bytes of the blocks given to readers",
                counters.bytes_out,
            ),
        ]
    }

    fn gauges(&self) -> [(&'static str, &'static str, u64); 7] {
        [
            (
                "tidings_connections",
                "Open streams and long polls",
                self.connections as u64,
            ),
            (
                "tidings_dashboards",
                "Streams that follow what dashboards are told",
                self.dashboards as u64,
            ),
            (
                "tidings_topics",
                "Topics that are remembered",
                self.topics as u64,
            ),
            (
                "tidings_log_events",
                "Events retained",
                self.log_events as u64,
            ),
            (
                "tidings_log_bytes",
                "Bytes that retained events count",
                self.log_bytes,
            ),
            (
                "tidings_waiting_events",
                "Live events that wait for the slowest reader",
                self.lag,
            ),
            (
                "tidings_replaying_readers",
                "Readers that read from the log",
                self.replaying,
            ),
        ]
    }
}

impl Collector for Figures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let encoder = &mut encoder;
        for (name, help, value) in self.counters() {
            encode_counter(encoder, name, help, &value)?;
        }
        for (name, help, value) in self.gauges() {
            encode_gauge(encoder, name, help, value)?;
        }
        self.encode_lag(encoder)?;
        self.encode_waits(encoder)?;
        self.encode_services(encoder)?;
        if let Some(seconds) = self.usage.cpu_seconds {
            let help = "Processor time of the process";
            encode_counter(encoder, "process_cpu_seconds", help, &seconds)?;
        }
        if let Some(bytes) = self.usage.memory_bytes {
            let help = "Resident memory of the process";
            encode_gauge(encoder, "process_resident_memory_bytes", help, bytes)?;
        }
        Ok(())
    }
}

impl Figures {
    fn encode_lag(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "What was done about readers that were behind";
        let mut lag = encoder.encode_descriptor("tidings_lag", help, None, MetricType::Counter)?;
        for (outcome, times) in [
            ("disconnected", self.counters.disconnected),
            ("skipped", self.counters.skipped),
            ("conflated", self.counters.conflated),
        ] {
            lag.encode_family(&[("outcome", outcome)])?
                .encode_counter::<NoLabelSet, _, f64>(&times, None)?;
        }
        Ok(())
    }

    fn encode_waits(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "How long publishers waited for their receipts";
        encoder
            .encode_descriptor("tidings_publish_seconds", help, None, MetricType::Histogram)?
            .encode_histogram::<NoLabelSet>(
                self.waits.seconds(),
                self.waits.count(),
                &self.waits.buckets(&BOUNDS),
                None,
            )
    }

    fn encode_services(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Whether a part of the hub is healthy";
        let mut healthy =
            encoder.encode_descriptor("tidings_healthy", help, None, MetricType::Gauge)?;
        for (service, is) in self.services.each() {
            let is_healthy = u32::from(is.status == Status::Healthy);
            healthy
                .encode_family(&[("service", service)])?
                .encode_gauge(&is_healthy)?;
        }
        Ok(())
    }
}

fn encode_counter(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    value: &impl EncodeCounterValue,
) -> fmt::Result {
    encoder
        .encode_descriptor(name, help, None, MetricType::Counter)?
        .encode_counter::<NoLabelSet, _, f64>(value, None)
}

fn encode_gauge(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    value: u64,
) -> fmt::Result {
    encoder
        .encode_descriptor(name, help, None, MetricType::Gauge)?
        .encode_gauge(&value)
}
