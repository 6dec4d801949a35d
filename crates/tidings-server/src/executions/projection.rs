use std::collections::HashSet;
use std::future::pending;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tidings::{
    Broker, Control, Delivery, GapReason, GoodbyeReason, Published, Selector, SubscribeError,
    Subscriber, Subscription,
};
use tokio::select;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep, sleep_until};
use tracing::warn;

use crate::executions::checkpoint;
use crate::executions::id::ExecutionId;
use crate::executions::load::{Loaded, catch_up, happening, load_aside};
use crate::executions::registry::{Call, Fate, Registry};
use crate::executions::saver::Saver;
use crate::executions::table::Followed;

/// How long it waits before it tries again what failed.
const RETRY: Duration = Duration::from_secs(1);

/// How often it gives back the memory of executions whose topics retention has forgotten. Nobody waits for it: who asks
/// for one is told by what the log has.
const SWEEP: Duration = Duration::from_secs(120);

/// Keeps a [`Registry`] up to date, and the log in a shape from which it can be made again.
///
/// It follows the broker with one subscription, in the order of all events, and is the only one
/// that changes what is known.
pub(crate) struct Projection {
    registry: Arc<Registry>,
    calls: mpsc::Receiver<Call>,
    saver: Saver,
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

impl Projection {
    /// A registry of the executions in this broker's log, which knows nothing until this runs. Beyond so many bytes the ones
    /// of which nothing has been heard for longest are forgotten.
    pub(crate) fn new(broker: Broker, room: usize) -> (Arc<Registry>, Self) {
        let (registry, calls) = Registry::new(broker, room);
        let projection = Self {
            registry: registry.clone(),
            calls,
            saver: Saver::new(registry.clone()),
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
            self.saver.changed(id);
        }
        for id in loaded.gone {
            self.saver.forget(&id).await;
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
            self.saver.begin();
            let due = self.saver.next_due();
            select! {
                batch = subscriber.batch() => {
                    let Some(batch) = batch else {
                        return ControlFlow::Continue(());
                    };
                    self.look_again(&batch).await;
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
                () = self.saver.done() => {}
                () = until(due) => {}
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

    /// Sees whether the topics in a batch are those that were known: retention may have forgotten one since, and then its
    /// events are those of another execution.
    async fn look_again(&mut self, batch: &[Delivery]) {
        let event = |delivery: &Delivery| match delivery {
            Delivery::Event { event, .. } => ExecutionId::of_topic(event.topic()),
            Delivery::Control(_) => None,
        };
        let ids: HashSet<ExecutionId> = batch.iter().filter_map(event).collect();
        for id in ids {
            self.verify(&id).await;
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
        self.saver.went_on(&id, bytes);
        if followed == Followed::Changed {
            self.saver.changed(&id);
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
                    Ok((id, Ok(_))) => self.saver.changed(&id),
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
            let excess = self.registry.table().excess(self.registry.room);
            let Some(id) = excess else {
                return;
            };
            self.forget(&id).await;
        }
    }

    async fn forget(&mut self, id: &ExecutionId) {
        self.registry.table().forget(id);
        self.saver.forget(id).await;
        self.registry.note_change();
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due.into()).await,
        None => pending().await,
    }
}

fn selector(text: &str) -> Selector {
    Selector::new(text).expect("it is a selector")
}
