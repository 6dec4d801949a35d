use std::future::{Future, pending};
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tidings::{
    BatchError, Broker, Control, Delivery, GapReason, GoodbyeReason, PublishError, Published,
    Receipt, Selector, SubscribeError, Subscriber, Subscription,
};
use tokio::select;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep, sleep_until};
use tracing::warn;

use crate::executions::checkpoint;
use crate::executions::id::ExecutionId;
use crate::executions::load::{Loaded, catch_up, happening, load_aside};
use crate::executions::registry::{Call, Fate, Registry};
use crate::executions::table::Followed;
use crate::executions::unsaved::Unsaved;

/// No further execution is saved together with others of this weight, in bytes.
const SAVED_TOGETHER: usize = 1 << 20;

/// How long it waits before it tries again what failed.
const RETRY: Duration = Duration::from_secs(1);

/// How often it looks for executions whose topics retention has forgotten.
const SWEEP: Duration = Duration::from_secs(10);

/// Keeps a [`Registry`] up to date, and the log in a shape from which it can be made again.
///
/// It follows the broker with one subscription, in the order of all events, and is the only one
/// that changes what is known.
pub(crate) struct Projection {
    registry: Arc<Registry>,
    calls: mpsc::Receiver<Call>,
    unsaved: Unsaved,
    saving: Option<Saving>,
    /// Nothing is saved before.
    save_after: Instant,
    /// What is to be done once everything up to a sequence is known.
    waiting: Vec<Call>,
}

/// What a batch of the subscription was.
enum Taken {
    /// Events up to this sequence.
    UpTo(u64),
    /// Something is missing.
    WithAGap,
    /// The last of all.
    ToTheEnd,
}

/// Checkpoints on their way.
struct Saving {
    ids: Vec<ExecutionId>,
    outcome: Pin<Box<dyn Future<Output = Result<Vec<Receipt>, BatchError>> + Send>>,
}

impl Projection {
    /// A registry of the executions in this broker's log, which knows nothing until this runs.
    pub(crate) fn new(broker: Broker) -> (Arc<Registry>, Self) {
        let (registry, calls) = Registry::new(broker);
        let projection = Self {
            registry: registry.clone(),
            calls,
            unsaved: Unsaved::default(),
            saving: None,
            save_after: Instant::now(),
            waiting: Vec::new(),
        };
        (registry, projection)
    }

    /// Runs until the broker is closed.
    pub(crate) async fn run(mut self) {
        loop {
            let subscription = Subscription::to(selector("executions/*"))
                .and(selector(checkpoint::SELECTOR))
                .hidden();
            let Ok(subscriber) = self.registry.broker.subscribe(subscription) else {
                return;
            };
            match load_aside(&self.registry).await {
                Ok(loaded) => self.take_over(loaded).await,
                Err(SubscribeError::Closed) => return,
                Err(error) => {
                    warn!(%error, "the executions in the log cannot be read");
                    sleep(RETRY).await;
                    continue;
                }
            }
            if self.follow(subscriber).await.is_break() {
                return;
            }
        }
    }

    async fn take_over(&mut self, loaded: Loaded) {
        for id in &loaded.changed {
            self.note_changed(id);
        }
        for id in loaded.gone {
            self.drop_checkpoint(&id).await;
        }
        self.forget_excess().await;
        self.registry.note_change();
    }

    /// Follows what is published. Breaks off when the broker is closed; returns to begin anew if
    /// something was missed.
    async fn follow(&mut self, mut subscriber: Subscriber) -> ControlFlow<()> {
        let mut sweep = interval(SWEEP);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        sweep.reset();
        loop {
            self.answer(&subscriber, 0).await;
            self.save();
            let due = self.unsaved.next_due().map(|due| due.max(self.save_after));
            let saving = self.saving.is_some();
            select! {
                batch = subscriber.batch() => {
                    let Some(batch) = batch else {
                        return ControlFlow::Continue(());
                    };
                    match self.take(batch) {
                        Taken::UpTo(known) => self.answer(&subscriber, known).await,
                        Taken::WithAGap => return ControlFlow::Continue(()),
                        Taken::ToTheEnd => return ControlFlow::Break(()),
                    }
                    self.forget_excess().await;
                }
                call = self.calls.recv() => match call {
                    Some(call) => self.waiting.push(call),
                    None => return ControlFlow::Break(()),
                },
                outcome = saved(&mut self.saving) => self.after_saving(outcome),
                () = until(due), if due.is_some() && !saving => {}
                _ = sweep.tick() => self.sweep().await,
            }
        }
    }

    /// Does what waits for nothing that is yet to come. `known` is the newest sequence of what has
    /// just been followed.
    async fn answer(&mut self, subscriber: &Subscriber, known: u64) {
        if self.waiting.is_empty() {
            return;
        }
        let is_settled = subscriber.lag() == 0;
        let is_ready = |call: &mut Call| is_settled || call.position <= known;
        let ready: Vec<Call> = self.waiting.extract_if(.., is_ready).collect();
        for call in ready {
            if let Some(id) = &call.deleted {
                self.topic_deleted(id).await;
            }
            // Whoever asked may have gone.
            let _ = call.reply.send(());
        }
    }

    fn take(&mut self, batch: Vec<Delivery>) -> Taken {
        let mut known = 0;
        let mut has_changed = false;
        for delivery in batch {
            match delivery {
                Delivery::Event { event, .. } => {
                    known = event.id().sequence;
                    has_changed |= self.take_event(&event);
                }
                Delivery::Control(Control::Goodbye {
                    reason: GoodbyeReason::Drain,
                    ..
                }) => return Taken::ToTheEnd,
                // Whoever deletes a topic says so.
                Delivery::Control(Control::Gap(gap)) if gap.reason == GapReason::Deleted => {}
                Delivery::Control(_) => return Taken::WithAGap,
            }
        }
        if has_changed {
            self.registry.note_change();
        }
        Taken::UpTo(known)
    }

    fn take_event(&mut self, event: &Published) -> bool {
        let Some(id) = ExecutionId::of_topic(event.topic()) else {
            return self.take_checkpoint(event);
        };
        let sequence = event.id().sequence;
        let followed = self
            .registry
            .table()
            .follow(&id, sequence, &happening(event));
        if followed == Followed::Known {
            return false;
        }
        let bytes = event.data().len();
        self.unsaved.went_on(&id, bytes, Instant::now());
        if followed == Followed::Changed {
            self.note_changed(&id);
        }
        followed == Followed::Changed
    }

    /// A checkpoint of an execution that is not known is its creation; the others are its own.
    fn take_checkpoint(&mut self, event: &Published) -> bool {
        let Some(entry) = checkpoint::read(event) else {
            return false;
        };
        let is_news = entry.since.is_none() && self.registry.broker.topic(event.topic()).is_some();
        let mut table = self.registry.table();
        if !is_news || table.find(&entry.execution.id).is_some() {
            return false;
        }
        table.admit(entry);
        true
    }

    fn note_changed(&mut self, id: &ExecutionId) {
        let now = Instant::now();
        let entry = self.registry.table().find(id).cloned();
        if let Some(entry) = entry {
            self.unsaved.changed(id, entry.execution.weight(), now);
            if entry.last.is_some() {
                self.unsaved.ended(id, now);
            }
        }
    }

    /// Begins to save what is due.
    fn save(&mut self) {
        let now = Instant::now();
        if self.saving.is_some() || now < self.save_after {
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

    fn after_saving(&mut self, outcome: Result<Vec<Receipt>, BatchError>) {
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
                self.save_after = Instant::now() + RETRY;
            }
        }
        for id in &ids {
            self.note_changed(id);
        }
    }

    async fn topic_deleted(&mut self, id: &ExecutionId) {
        match self.registry.broker.topic(&id.topic()) {
            Some(_) => self.verify(id).await,
            // It may not have begun.
            None => self.forget(id).await,
        }
    }

    /// Sees what became of an execution, and follows that.
    async fn verify(&mut self, id: &ExecutionId) {
        let entry = self.registry.table().find(id).cloned();
        let fate = entry.map(|entry| self.registry.fate(&entry));
        match fate {
            None | Some(Fate::Kept) => {}
            Some(Fate::Gone) => self.forget(id).await,
            Some(Fate::Replaced(topic)) => {
                self.forget(id).await;
                let (registry, id) = (self.registry.clone(), id.clone());
                let caught_up = tokio::task::spawn_blocking(move || {
                    let caught_up = catch_up(&registry, &id, &topic);
                    (id, caught_up)
                });
                match caught_up.await {
                    Ok((id, Ok(_))) => self.note_changed(&id),
                    Ok((id, Err(error))) => warn!(%id, %error, "an execution cannot be read"),
                    Err(error) => warn!(%error, "an execution cannot be read"),
                }
                self.registry.note_change();
            }
        }
    }

    async fn sweep(&mut self) {
        let ids = self.registry.table().ids();
        for id in ids {
            self.verify(&id).await;
            tokio::task::consume_budget().await;
        }
    }

    async fn forget_excess(&mut self) {
        loop {
            let excess = self.registry.table().excess();
            let Some(id) = excess else {
                return;
            };
            self.forget(&id).await;
        }
    }

    async fn forget(&mut self, id: &ExecutionId) {
        self.registry.table().forget(id);
        self.drop_checkpoint(id).await;
        self.registry.note_change();
    }

    async fn drop_checkpoint(&mut self, id: &ExecutionId) {
        // One that is on its way would be there again.
        if self.saving.is_some() {
            let outcome = saved(&mut self.saving).await;
            self.after_saving(outcome);
        }
        self.unsaved.forget(id);
        if let Err(error) = self.registry.broker.delete(&id.own_topic()).await {
            warn!(%id, %error, "the state of a forgotten execution stays for now");
        }
    }
}

/// Waits for what is being saved; for ever, if nothing is.
async fn saved(saving: &mut Option<Saving>) -> Result<Vec<Receipt>, BatchError> {
    match saving {
        Some(saving) => saving.outcome.as_mut().await,
        None => pending().await,
    }
}

async fn until(due: Option<Instant>) {
    if let Some(due) = due {
        sleep_until(due.into()).await;
    }
}

fn selector(text: &str) -> Selector {
    Selector::new(text).expect("it is a selector")
}
