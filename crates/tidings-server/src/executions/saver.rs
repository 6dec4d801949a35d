use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tidings::{BatchError, PublishError, Receipt};
use tracing::warn;

use crate::executions::checkpoint;
use crate::executions::id::ExecutionId;
use crate::executions::registry::Registry;
use crate::executions::unsaved::Unsaved;

/// No further execution is saved together with others of this weight, in bytes.
const SAVED_TOGETHER: usize = 1 << 20;

/// How long it waits before it tries again what failed.
const RETRY: Duration = Duration::from_secs(1);

/// Publishes the checkpoints of executions, one batch at a time.
pub(super) struct Saver {
    registry: Arc<Registry>,
    unsaved: Unsaved,
    saving: Option<Saving>,
    /// Nothing is saved before.
    not_before: Instant,
}

/// Checkpoints on their way.
struct Saving {
    ids: Vec<ExecutionId>,
    outcome: Pin<Box<dyn Future<Output = Result<Vec<Receipt>, BatchError>> + Send>>,
}

impl Saver {
    pub(super) fn new(registry: Arc<Registry>) -> Self {
        Self {
            registry,
            unsaved: Unsaved::default(),
            saving: None,
            not_before: Instant::now(),
        }
    }

    /// An execution has gone on, by an event of so many bytes.
    pub(super) fn went_on(&mut self, id: &ExecutionId, bytes: usize) {
        self.unsaved.went_on(id, bytes, Instant::now());
    }

    /// The state of an execution is another one.
    pub(super) fn changed(&mut self, id: &ExecutionId) {
        let now = Instant::now();
        let entry = self.registry.table().find(id).cloned();
        if let Some(entry) = entry {
            self.unsaved.changed(id, entry.execution.weight(), now);
            if entry.last.is_some() {
                self.unsaved.ended(id, now);
            }
        }
    }

    /// Deletes what was saved of an execution, and saves nothing more of it.
    pub(super) async fn forget(&mut self, id: &ExecutionId) {
        // One that is on its way would be there again.
        if self.saving.is_some() {
            self.done().await;
        }
        self.unsaved.forget(id);
        if let Err(error) = self.registry.broker.delete(&id.own_topic()).await {
            warn!(%id, %error, "the state of a forgotten execution stays for now");
        }
    }

    /// When there is next something to [begin](Self::begin) with, unless it is at work.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let due = self.unsaved.next_due()?;
        self.saving.is_none().then(|| due.max(self.not_before))
    }

    /// Begins to save what is due.
    pub(super) fn begin(&mut self) {
        let now = Instant::now();
        if self.saving.is_some() || now < self.not_before {
            return;
        }
        let (mut ids, mut publications, mut weight) = (Vec::new(), Vec::new(), 0);
        while weight < SAVED_TOGETHER
            && let Some(id) = self.unsaved.take_due(now)
        {
            let entry = self.registry.table().find(&id).cloned();
            if let Some(entry) = entry {
                weight += entry.execution.weight();
                publications.push(checkpoint::publication(&self.registry.broker, &entry));
                ids.push(id);
            }
        }
        if !ids.is_empty() {
            let broker = self.registry.broker.clone();
            let outcome = Box::pin(async move { broker.publish_own(&publications).await });
            self.saving = Some(Saving { ids, outcome });
        }
    }

    /// Waits until what is being saved is; for ever, if nothing is.
    pub(super) async fn done(&mut self) {
        let outcome = match &mut self.saving {
            Some(saving) => saving.outcome.as_mut().await,
            None => pending().await,
        };
        let Some(Saving { mut ids, .. }) = self.saving.take() else {
            return;
        };
        let Err(BatchError { index, source }) = outcome else {
            return;
        };
        match source {
            PublishError::Closed => return,
            // An ended execution has been saved as such.
            PublishError::TopicEnded => drop(ids.remove(index)),
            source => {
                warn!(error = %source, "the state of executions cannot be saved for now");
                self.not_before = Instant::now() + RETRY;
            }
        }
        for id in &ids {
            self.changed(id);
        }
    }
}
