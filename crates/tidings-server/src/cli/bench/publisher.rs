//! The publisher of a benchmark.

use std::time::Duration;

use anyhow::Context;
use tidings_client::{Client, NewEvent};
use tokio::time;

use crate::cli::bench::arrivals::Arrivals;
use crate::cli::bench::message::Message;
use crate::cli::bench::plan::Plan;

/// A request takes at most so many events: about 300 kB.
const AT_ONCE: u32 = 1000;

/// When everything was published.
#[derive(Clone, Copy, Debug)]
pub(super) struct Published {
    /// When the first event was due, by the clock of the benchmark.
    pub(super) began: Duration,
    /// From then to the answer to the last one.
    pub(super) took: Duration,
}

/// Publishes everything at the rate that was asked for, or as fast as the hub answers if that is
/// slower.
pub(super) async fn publish(
    plan: &Plan,
    client: &Client,
    clock: &Arrivals,
) -> anyhow::Result<Published> {
    let began = clock.now();
    let mut sent = 0;
    while sent < plan.events {
        let since = clock.now() - began;
        let due = (since.as_secs_f64() * f64::from(plan.rate)) as u32;
        let until = due.saturating_add(1).min(plan.events).min(sent + AT_ONCE);
        if until <= sent {
            time::sleep(plan.due(sent).saturating_sub(since)).await;
            continue;
        }
        let mut batch = client.batch();
        for event in sent..until {
            let message = Message::new(&plan.run, event + 1, began + plan.due(event));
            batch.push(plan.topic.as_str(), &NewEvent::json(&message)?);
        }
        let published = client.publish_batch(&batch).await;
        published.with_context(|| {
            format!(
                "cannot publish on {:?}; events published: {sent}",
                plan.topic.as_str()
            )
        })?;
        sent = until;
    }
    Ok(Published {
        began,
        took: clock.now() - began,
    })
}
