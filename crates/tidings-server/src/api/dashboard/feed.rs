use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

use serde::Serialize;
use tidings::{Event, Publication, Topic};
use tokio::select;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use tracing::debug;

use crate::api::hub::Hub;
use crate::metrics::Services;

use super::topics;

/// How often health is looked at beside the metrics.
const HEALTH_PACE: Duration = Duration::from_secs(1);

/// Tells dashboards how the hub is and what it does: health and metrics in the interval that is set, and health when it
/// changes. Samples are taken whether or not anybody follows; events are published only then, since nobody else wants them.
pub(crate) async fn feed(hub: Hub) -> Infallible {
    let mut looks = ticks(HEALTH_PACE);
    let mut samples = hub.watch.interval().map(ticks);
    let mut known = Services::healthy();
    loop {
        select! {
            biased;
            () = next(&mut samples) => {
                let sample = hub.watch.sample(hub.situation());
                tell_health(&hub, &mut known, true).await;
                tell(&hub, topics::metrics(), "metrics-update", &sample).await;
            }
            _ = looks.tick() => tell_health(&hub, &mut known, false).await,
        }
    }
}

/// Tells how the hub is if that is due, or if it has changed since it was looked at before.
async fn tell_health(hub: &Hub, known: &mut Services, is_due: bool) {
    let health = hub.health();
    let before = std::mem::replace(known, health.services.clone());
    if is_due || before != health.services {
        tell(hub, topics::health(), "health-update", &health).await;
    }
}

/// Publishes an event, if anybody follows.
async fn tell(hub: &Hub, topic: Topic, name: &str, data: &impl Serialize) {
    if hub.dashboards() == 0 {
        return;
    }
    let event = Event::json(name, data).expect("figures and texts always have a JSON form");
    let bytes = event.data().len();
    let publication = Publication {
        topic,
        // To a reader that is behind only the newest is of interest.
        event: event.keyed(name),
        idempotency_key: None,
        durability: None,
    };
    match hub.broker.publish_own(&[publication]).await {
        Ok(_) => hub.meter.published_own(bytes),
        // Nothing can be published for now, which the snapshot tells.
        Err(error) => debug!(%error, event = name, "dashboards are not told"),
    }
}

fn ticks(pace: Duration) -> Interval {
    // Not at once: the server is about to start.
    let mut ticks = interval_at(Instant::now() + pace, pace);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

async fn next(ticks: &mut Option<Interval>) {
    match ticks {
        Some(ticks) => drop(ticks.tick().await),
        None => pending().await,
    }
}
