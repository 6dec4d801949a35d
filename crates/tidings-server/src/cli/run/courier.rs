//! What brings the events of an execution to the hub.

use std::ops::ControlFlow;
use std::time::Duration;

use tidings_client::{Batch, Client, NewEvent, NewExecution, PublishError};
use tokio::sync::Notify;
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

/// The status of a refusal because something is there already, or has ended.
const CONFLICT: u16 = 409;

/// Publishes for one execution.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Courier<'a> {
    pub(crate) client: &'a Client,
    pub(crate) outbox: &'a Outbox,
    pub(crate) topic: &'a str,
    /// Told when the execution is known to the hub.
    pub(crate) created: &'a Notify,
}

impl Courier<'_> {
    /// Creates the execution, and publishes what the outbox holds, as it comes, until the
    /// execution has ended or the hub refuses.
    ///
    /// Every event is published once: a batch whose outcome is unknown goes again with the same
    /// idempotency keys before anything else does.
    pub(crate) async fn deliver(self, plan: &NewExecution) {
        if let Err(error) = self.deliver_all(plan).await {
            self.outbox.hub_refuses();
            let error = anyhow::Error::new(error);
            notice(format_args!(
                "{error:#}; the command goes on, and nothing more of it is published"
            ));
        }
    }

    async fn deliver_all(self, plan: &NewExecution) -> Result<(), PublishError> {
        self.create(plan).await?;
        self.created.notify_one();
        loop {
            let mut batch = self.client.batch();
            let add = |message| add(&mut batch, self.topic, message);
            if !self.outbox.take(add).await {
                return Ok(());
            }
            let publish = async || self.client.publish_batch(&batch).await.map(drop);
            match self.insist(publish).await {
                Err(PublishError::Refused(problem)) if problem.status == CONFLICT => {
                    self.outbox.give_up();
                    notice(format_args!(
                        "the execution was ended at the hub: nothing more of it is published"
                    ));
                    return Ok(());
                }
                published => published?,
            }
            self.outbox.published();
        }
    }

    async fn create(self, plan: &NewExecution) -> Result<(), PublishError> {
        let mut may_have_worked = false;
        self.insist(async || match self.client.create_execution(plan).await {
            Err(PublishError::Refused(problem))
                if may_have_worked && problem.status == CONFLICT =>
            {
                Ok(())
            }
            Err(error) => {
                may_have_worked |= error.is_transient();
                Err(error)
            }
            Ok(_) => Ok(()),
        })
        .await
    }

    /// Tries until the hub has taken something, or refused it.
    async fn insist(
        self,
        mut attempt: impl AsyncFnMut() -> Result<(), PublishError>,
    ) -> Result<(), PublishError> {
        let mut delay = FIRST_DELAY;
        let mut away = false;
        loop {
            let error = match attempt().await {
                Ok(()) => break,
                Err(error) if error.is_transient() => error,
                Err(error) => return Err(error),
            };
            let retry_after = match &error {
                PublishError::Unavailable { retry_after, .. } => *retry_after,
                _ => None,
            };
            if !away {
                away = true;
                self.outbox.hub_is_away();
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
