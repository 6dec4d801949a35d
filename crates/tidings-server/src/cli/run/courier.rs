//! What brings the events of an execution to the hub.

use std::ops::ControlFlow;
use std::time::Duration;

use tidings_client::{Batch, Client, NewEvent, PublishError};
use tokio::time;

use crate::cli::notice;
use crate::cli::run::message::Message;
use crate::cli::run::outbox::Outbox;

/// A batch takes at most so many events.
const BATCH_EVENTS: usize = 1000;

/// A batch of this size takes no further event.
const BATCH_BYTES: usize = 1024 * 1024;

/// The waits between attempts double from the first to the last.
const FIRST_DELAY: Duration = Duration::from_millis(250);
const LONGEST_DELAY: Duration = Duration::from_secs(5);

/// Publishes what the outbox holds, as it comes, until the execution has ended or the hub refuses.
///
/// Every event is published once: a batch whose outcome is unknown goes again with the same
/// idempotency keys before anything else does.
pub(crate) async fn deliver(outbox: &Outbox, client: &Client, topic: &str) {
    loop {
        let mut batch = client.batch();
        let more = outbox.take(|message| add(&mut batch, topic, message)).await;
        if !more {
            return;
        }
        if let Err(error) = publish(outbox, client, &batch).await {
            outbox.hub_refuses();
            let error = anyhow::Error::new(error);
            notice(format_args!(
                "{error:#}; the command goes on, and nothing more of it is published"
            ));
            return;
        }
        outbox.published();
    }
}

fn add(batch: &mut Batch, topic: &str, message: Message) -> ControlFlow<()> {
    let mut event = NewEvent::new(message.data).event(message.event);
    if message.is_final {
        event = event.last();
    }
    batch.push(topic, &event);
    if batch.len() >= BATCH_EVENTS || batch.bytes() >= BATCH_BYTES {
        return ControlFlow::Break(());
    }
    ControlFlow::Continue(())
}

/// Tries until the hub has taken the batch, or refused it.
async fn publish(outbox: &Outbox, client: &Client, batch: &Batch) -> Result<(), PublishError> {
    let mut delay = FIRST_DELAY;
    let mut away = false;
    loop {
        let error = match client.publish_batch(batch).await {
            Ok(_) => break,
            Err(error) if error.is_transient() => error,
            Err(error) => return Err(error),
        };
        let retry_after = match &error {
            PublishError::Unavailable { retry_after, .. } => *retry_after,
            _ => None,
        };
        if !away {
            away = true;
            outbox.hub_is_away();
            let error = anyhow::Error::new(error);
            notice(format_args!(
                "{error:#}; the command goes on, and its output is kept for the hub"
            ));
        }
        time::sleep(delay.max(retry_after.unwrap_or_default())).await;
        delay = LONGEST_DELAY.min(delay * 2);
    }
    if away {
        notice(format_args!("the hub is back; publishing what was kept"));
    }
    Ok(())
}
