use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tidings::{Broker, PublishError, Topic, TopicStats};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use crate::executions::checkpoint;
use crate::executions::id::ExecutionId;
use crate::executions::state::Plan;
use crate::executions::table::{Entry, Question, Table};

/// How long an answer waits until all that was published is in it.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is known of executions.
#[derive(Debug)]
pub(crate) struct Registry {
    pub(super) broker: Broker,
    /// What all executions may weigh together, in bytes.
    pub(super) room: usize,
    /// Held for moments, and for as long as it takes to list.
    table: Mutex<Table>,
    /// The ones that are being created.
    creating: Mutex<HashSet<ExecutionId>>,
    calls: mpsc::Sender<Call>,
    changes: watch::Sender<u64>,
}

/// What the projection is asked for.
#[derive(Debug)]
pub(super) struct Call {
    /// The sequence up to which everything is to be known first.
    pub(super) position: u64,
    /// The execution to be forgotten then, because its topic was deleted.
    pub(super) deleted: Option<ExecutionId>,
    /// Told when it is done.
    pub(super) reply: oneshot::Sender<()>,
}

/// What became of what was known of an execution.
#[derive(Debug)]
pub(super) enum Fate {
    /// It is as it was.
    Kept,
    /// Its topic has been forgotten.
    Gone,
    /// Its topic has been forgotten, and there is a new one of the same name.
    Replaced(TopicStats),
}

/// The answer cannot be given: events are not being followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what has been published is not yet known")]
pub(crate) struct Unsettled;

/// Why an execution was not created.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CreateError {
    #[error("there is an execution with this id")]
    Exists,
    #[error(transparent)]
    Refused(PublishError),
    #[error(transparent)]
    Unsettled(#[from] Unsettled),
}

impl Registry {
    pub(super) fn new(broker: Broker, room: usize) -> (Arc<Self>, mpsc::Receiver<Call>) {
        let (calls, receiver) = mpsc::channel(1024);
        let registry = Self {
            broker,
            room,
            table: Mutex::default(),
            creating: Mutex::default(),
            calls,
            changes: watch::Sender::new(0),
        };
        (Arc::new(registry), receiver)
    }

    /// Returns when everything is known that has been published by now.
    pub(crate) async fn settle(&self) -> Result<(), Unsettled> {
        self.call(None).await
    }

    /// What is known of an execution.
    pub(crate) fn find(&self, id: &ExecutionId) -> Option<Arc<Entry>> {
        let entry = self.table().find(id)?.clone();
        self.is_kept(&entry).then_some(entry)
    }

    /// The executions that are asked for, newest first, and how many there are, of those whose topic may be seen.
    pub(crate) fn list(
        &self,
        question: &Question,
        is_visible: impl Fn(&Topic) -> bool,
    ) -> (Vec<Arc<Entry>>, usize) {
        // Without the lock of the table, since each is looked up in the broker.
        let mut entries = self.table().newest_first(question.status);
        entries.retain(|entry| is_visible(&entry.execution.id.topic()) && self.is_kept(entry));
        let total = entries.len();
        let page = entries.into_iter().skip(question.offset);
        (page.take(question.limit).collect(), total)
    }

    /// Whether its topic is still the one it was. Retention forgets topics before they are looked for.
    fn is_kept(&self, entry: &Entry) -> bool {
        matches!(self.fate(entry), Fate::Kept)
    }

    /// Changes whenever one of them does.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Makes an execution known before it begins.
    pub(crate) async fn create(&self, id: ExecutionId, plan: Plan) -> Result<(), CreateError> {
        self.settle().await?;
        let _turn = self.turn(&id).ok_or(CreateError::Exists)?;
        let known = self.table().find(&id).cloned();
        if known.is_some_and(|entry| !self.is_kept(&entry)) {
            // What is left of one that retention has forgotten would be in its place.
            self.topic_deleted(&id).await?;
        }
        if self.find(&id).is_some() {
            return Err(CreateError::Exists);
        }
        let entry = Entry::planned(id, plan);
        let publication = checkpoint::publication(&self.broker, &entry);
        let published = self.broker.publish_own(&[publication]).await;
        published.map_err(|error| CreateError::Refused(error.source))?;
        Ok(self.settle().await?)
    }

    /// Forgets an execution whose topic was deleted.
    pub(crate) async fn topic_deleted(&self, id: &ExecutionId) -> Result<(), Unsettled> {
        self.call(Some(id.clone())).await
    }

    async fn call(&self, deleted: Option<ExecutionId>) -> Result<(), Unsettled> {
        let (reply, done) = oneshot::channel();
        let call = Call {
            position: self.broker.position().sequence,
            deleted,
            reply,
        };
        let asked = async {
            self.calls.send(call).await.map_err(|_| Unsettled)?;
            done.await.map_err(|_| Unsettled)
        };
        timeout(PATIENCE, asked).await.unwrap_or(Err(Unsettled))
    }

    fn turn(&self, id: &ExecutionId) -> Option<Turn<'_>> {
        let mut creating = lock(&self.creating);
        creating.insert(id.clone()).then(|| Turn {
            registry: self,
            id: id.clone(),
        })
    }

    pub(super) fn table(&self) -> MutexGuard<'_, Table> {
        lock(&self.table)
    }

    pub(super) fn note_change(&self) {
        let count = |count: &mut u64| *count = count.wrapping_add(1);
        self.changes.send_modify(count);
    }

    /// What became of an execution, by what the log has of it.
    pub(super) fn fate(&self, entry: &Entry) -> Fate {
        let id = &entry.execution.id;
        let is_kept = || {
            let own = self.broker.topic(&id.own_topic());
            own.is_some_and(|own| own.log.events > 0)
        };
        match (entry.since, self.broker.topic(&id.topic())) {
            (Some(_), None) => Fate::Gone,
            (Some(since), Some(topic)) if topic.log.since != since => Fate::Replaced(topic),
            (_, Some(topic)) if topic.log.events > 0 || is_kept() => Fate::Kept,
            (None, None) if is_kept() => Fate::Kept,
            (None, None) | (_, Some(_)) => Fate::Gone,
        }
    }
}

/// The right to create an execution.
struct Turn<'a> {
    registry: &'a Registry,
    id: ExecutionId,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        lock(&self.registry.creating).remove(&self.id);
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that runs under the lock can panic half-way.
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
