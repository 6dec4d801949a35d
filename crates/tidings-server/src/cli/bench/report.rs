//! What a benchmark comes to.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use tidings_client::Client;

use crate::cli::bench::arrivals::Arrivals;
use crate::cli::bench::plan::Plan;
use crate::cli::bench::publisher::Published;
use crate::cli::bench::readers::Outcome;

/// Printed as it is, or as JSON under these names.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    url: String,
    topic: String,
    readers: u32,
    published: u32,
    /// For how long it was published.
    published_seconds: f64,
    /// Events times readers.
    expected: u64,
    received: u64,
    lost: u64,
    doubled: u64,
    out_of_order: u64,
    latency_ms: Latency,
    deliveries_per_second: f64,
    cut: u64,
    gaps: u64,
    /// Why a stream ended for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<String>,
}

#[derive(Debug, Serialize)]
struct Latency {
    p50: f64,
    p99: f64,
    max: f64,
}

impl Report {
    pub(super) fn new(
        plan: &Plan,
        client: &Client,
        published: Published,
        arrivals: &Arrivals,
        outcome: Outcome,
    ) -> Self {
        let expected = plan.deliveries();
        let received = outcome.counts.received;
        let span = arrivals.last().saturating_sub(published.began);
        Self {
            url: client.url().to_owned(),
            topic: plan.topic.as_str().to_owned(),
            readers: plan.readers,
            published: plan.events,
            published_seconds: round(published.took.as_secs_f64()),
            expected,
            received,
            lost: expected.saturating_sub(received),
            doubled: outcome.counts.doubled,
            out_of_order: outcome.counts.out_of_order,
            latency_ms: Latency {
                p50: millis(arrivals.quantile(0.5)),
                p99: millis(arrivals.quantile(0.99)),
                max: millis(arrivals.longest()),
            },
            deliveries_per_second: round(received as f64 / span.as_secs_f64().max(1e-3)),
            cut: outcome.cut,
            gaps: outcome.gaps,
            ended: outcome.ended,
        }
    }

    /// Whether every reader got every event once and in order.
    pub(super) fn is_exact(&self) -> bool {
        self.lost == 0 && self.doubled == 0 && self.out_of_order == 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Latency { p50, p99, max } = self.latency_ms;
        writeln!(f, "readers       {}", self.readers)?;
        writeln!(
            f,
            "published     {} in {:.1} s",
            self.published, self.published_seconds
        )?;
        writeln!(f, "received      {} of {}", self.received, self.expected)?;
        writeln!(f, "lost          {}", self.lost)?;
        writeln!(f, "doubled       {}", self.doubled)?;
        writeln!(f, "out of order  {}", self.out_of_order)?;
        writeln!(
            f,
            "latency       p50 {p50:.2} ms, p99 {p99:.2} ms, max {max:.2} ms"
        )?;
        writeln!(
            f,
            "deliveries    {:.0} a second",
            self.deliveries_per_second
        )?;
        writeln!(f, "cut           {}", self.cut)?;
        writeln!(f, "gaps          {}", self.gaps)?;
        if let Some(ended) = &self.ended {
            writeln!(f, "ended         {ended}")?;
        }
        Ok(())
    }
}

fn millis(span: Duration) -> f64 {
    round(span.as_secs_f64() * 1e3)
}

/// To three digits behind the point.
fn round(number: f64) -> f64 {
    (number * 1e3).round() / 1e3
}
