//! The brokers of a hub: where their logs are, and what holds for all of them.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context;
use tidings::{Broker, BrokerBuilder, Capacity, Retention, Selector, TopicSettings};
use tidings_auth::Revocation;
use tokio::task::spawn_blocking;
use tracing::info;

use crate::api::{self, Ledger};
use crate::executions::CHECKPOINTS;
use crate::settings::{Settings, Storage};
use crate::wall_clock::now;

/// The folder below that of the hub in which each namespace has one.
const NAMESPACES: &str = "namespaces";

/// Opens the log of the hub where the settings say, which takes its time if there is much in it.
pub(crate) async fn open(settings: &Settings) -> anyhow::Result<Broker> {
    open_in(builder(settings), folder(settings)).await
}

/// Opens the log of a namespace. It has a sequence, retention and limits of its own, and takes its places from the streams
/// that the hub may have in all.
pub(crate) async fn open_namespace(
    settings: &Settings,
    hub: &Broker,
    name: &str,
) -> anyhow::Result<Broker> {
    let builder = builder(settings).max_subscriptions_of(hub);
    let folder = folder(settings).map(|folder| folder.join(NAMESPACES).join(name));
    open_in(builder, folder).await
}

/// Opens what is written down of revocations beside the log of the hub, or of a namespace.
pub(crate) async fn open_ledger(
    settings: &Settings,
    namespace: Option<&str>,
) -> anyhow::Result<(Ledger, Vec<Revocation>)> {
    let Some(mut folder) = folder(settings) else {
        return Ok((Ledger::nowhere(), Vec::new()));
    };
    if let Some(name) = namespace {
        folder = folder.join(NAMESPACES).join(name);
    }
    let opened = spawn_blocking(move || Ledger::open(&folder, now())).await?;
    opened.context("cannot open what is revoked")
}

fn folder(settings: &Settings) -> Option<PathBuf> {
    match &settings.storage {
        Storage::Memory => None,
        Storage::Folder(folder) => Some(folder.clone()),
    }
}

async fn open_in(builder: BrokerBuilder, folder: Option<PathBuf>) -> anyhow::Result<Broker> {
    let Some(folder) = folder else {
        return Ok(builder.build());
    };
    let start = Instant::now();
    let path = folder.clone();
    let broker = spawn_blocking(move || builder.open(&path)).await??;
    let stats = broker.stats();
    info!(
        folder = %folder.display(),
        topics = stats.topics,
        events = stats.events,
        head = %broker.position(),
        milliseconds = start.elapsed().as_millis(),
        "opened the log"
    );
    Ok(broker)
}

fn builder(settings: &Settings) -> BrokerBuilder {
    let limits = &settings.limits;
    let builder = Broker::builder()
        .capacity(Capacity {
            bytes: settings.total,
            topics: limits.topics,
        })
        .retention(settings.retention)
        .durability(settings.durability)
        .max_event_bytes(limits.event_size)
        .max_selectors(limits.selectors)
        .max_subscriptions(limits.connections)
        .max_subscriptions_per_namespace(limits.connections_per_namespace)
        .max_subscriptions_per_identity(limits.connections_per_identity)
        .reconnect_delay(settings.retry);
    // The hub's own come first: what is said of other topics is not meant for them.
    api::dashboard_settings(settings)
        .into_iter()
        .chain([checkpoints(settings)])
        .chain(settings.topics.iter().cloned())
        .fold(builder, |builder, topic| builder.topics(topic))
}

/// What all executions may weigh together: a quarter of what all topics may hold, and no more than that.
const MOST_OF_EXECUTIONS: usize = 256 << 20;

/// How much room there is for what is known of executions, in bytes. It is spared, and must leave room for events.
pub(crate) fn room_for_executions(settings: &Settings) -> usize {
    let quarter = usize::try_from(settings.total / 4);
    quarter.map_or(MOST_OF_EXECUTIONS, |quarter| {
        quarter.min(MOST_OF_EXECUTIONS)
    })
}

/// One checkpoint of each execution is kept, for as long as any events may be, whatever else is published: it is deleted
/// with its execution.
fn checkpoints(settings: &Settings) -> TopicSettings {
    let selector = Selector::new(CHECKPOINTS).expect("it is a selector");
    let ages = settings.topics.iter().filter_map(|topic| topic.retention);
    let ages = ages.map(|retention| retention.age);
    TopicSettings {
        retention: Some(Retention {
            events: 1,
            bytes: u64::MAX,
            age: ages.fold(settings.retention.age, Duration::max),
        }),
        spared: true,
        ..TopicSettings::of(selector)
    }
}
