//! What is known of executions, made of the log alone.

use std::sync::Arc;

use tidings::{Published, Selector, StartAt, SubscribeError, Subscription, TopicStats};

use crate::executions::checkpoint;
use crate::executions::id::ExecutionId;
use crate::executions::registry::{Fate, Registry};
use crate::executions::state::Happening;
use crate::executions::table::{Entry, Followed};

/// Events that are read at a time.
const PAGE: usize = 1_000;

/// Brings all that is known up to the newest events. It reads the disk, and may take long. Gives the
/// executions of which nothing but a checkpoint is left, and those that have changed.
pub(super) fn load(registry: &Registry) -> Result<Loaded, SubscribeError> {
    let mut loaded = Loaded::default();
    each_event(registry, &pattern(checkpoint::SELECTOR), 0, |event| {
        if let Some(entry) = checkpoint::read(event) {
            let mut table = registry.table();
            let known = table.find(&entry.execution.id);
            if known.is_none_or(|known| known.position < entry.position) {
                table.admit(entry);
            }
        }
    })?;
    let topics = registry
        .broker
        .topics(Some(&pattern("executions/*")), usize::MAX);
    for topic in topics.topics {
        if let Some(id) = ExecutionId::of_topic(&topic.log.topic)
            && catch_up(registry, &id, &topic)?
        {
            loaded.changed.push(id);
        }
    }
    let ids = registry.table().ids();
    for id in ids {
        let entry = registry.table().find(&id).cloned();
        if entry.is_some_and(|entry| matches!(registry.fate(&entry), Fate::Gone)) {
            registry.table().forget(&id);
            loaded.gone.push(id);
        }
    }
    Ok(loaded)
}

/// What loading has found.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    pub(super) changed: Vec<ExecutionId>,
    pub(super) gone: Vec<ExecutionId>,
}

/// Brings one execution up to the newest event of its topic. Tells whether its state has changed.
pub(super) fn catch_up(
    registry: &Registry,
    id: &ExecutionId,
    topic: &TopicStats,
) -> Result<bool, SubscribeError> {
    let since = topic.log.since;
    let mut entry = match registry.table().find(id) {
        // What is known of an earlier topic of the same name is not of this one.
        Some(entry) if entry.since.is_none_or(|known| known == since) => Entry::clone(entry),
        _ => Entry::begun(id.clone(), since),
    };
    let is_new = entry.since.is_none() || topic.log.last > entry.position;
    if !is_new {
        return Ok(false);
    }
    entry.since = Some(since);
    let mut has_changed = false;
    let selector = Selector::from(topic.log.topic.clone());
    each_event(registry, &selector, entry.position, |event| {
        let followed = entry.follow(event.id().sequence, &happening(event));
        has_changed |= followed == Followed::Changed;
    })?;
    // What it ends with may be among what is retained no more.
    entry.position = entry.position.max(topic.log.last);
    registry.table().admit(entry);
    Ok(has_changed)
}

/// An event of the log as the state sees it.
pub(super) fn happening(event: &Published) -> Happening<'_> {
    Happening {
        event: event.name(),
        data: event.data(),
        time: event.time(),
        is_final: event.ends_topic(),
    }
}

/// The retained events after a sequence, in order.
fn each_event(
    registry: &Registry,
    selector: &Selector,
    after: u64,
    mut take: impl FnMut(&Published),
) -> Result<(), SubscribeError> {
    let mut after = after;
    loop {
        let page = Subscription::to(selector.clone()).start_at(StartAt::After(after));
        let page = registry.broker.history(&page, PAGE)?;
        if page.events.is_empty() {
            return Ok(());
        }
        page.events.iter().for_each(&mut take);
        after = page.position.sequence;
    }
}

fn pattern(text: &str) -> Selector {
    Selector::new(text).expect("it is a selector")
}

/// Makes sure that whoever loads cannot be in the way of those who read.
pub(super) async fn load_aside(registry: &Arc<Registry>) -> Result<Loaded, SubscribeError> {
    let registry = registry.clone();
    let loading = tokio::task::spawn_blocking(move || load(&registry));
    // It is not waited for any more when the runtime goes.
    loading.await.unwrap_or(Err(SubscribeError::Closed))
}
