use std::sync::Arc;

use tidings_log::Timestamp;

use crate::{
    Broker, ConnectionId, Control, StartAt, SubscribeError, Subscriber, Subscription,
    catch_up::{CatchUp, Reading},
    core::Core,
    filter::Filter,
    plan::{Begin, Plan},
    reader::{Backlog, Live, Reader, State, Step},
};

impl Broker {
    /// Registers a subscription. What is published from the moment this returns is delivered to it.
    ///
    /// A subscription to [types](Subscription::only) of events that [looks back](Subscription::looks_back) may have to
    /// read the disk for it, and blocks meanwhile.
    ///
    /// # Errors
    /// [`SubscribeError`].
    pub fn subscribe(&self, subscription: Subscription) -> Result<Subscriber, SubscribeError> {
        let filter = self.shared.filter_of(&subscription)?;
        let now = self.shared.clock.now();
        let id = ConnectionId::random();
        let presence = subscription.presence;
        let admission = self
            .shared
            .core
            .lock()
            .let_in(presence, subscription.peer.owner.as_ref())?;
        // Looked for before anything is registered: it may take long, and what is published meanwhile follows it.
        let newest = match (&subscription.resume_after, subscription.start_at) {
            (None, StartAt::Newest(n)) => {
                self.shared
                    .start_of_newest(&filter, n, self.shared.head())?
            }
            _ => 0,
        };
        let mut core = self.shared.core.lock();
        core.admit(presence)?;
        core.log.expire(now);

        let begin = match (&subscription.resume_after, subscription.start_at) {
            (Some(id), _) => Begin::Resume(id),
            (None, StartAt::Now) => Begin::At(core.log.head()),
            (None, StartAt::Start) => Begin::Start,
            (None, StartAt::Newest(_)) => Begin::At(newest),
            (None, StartAt::After(sequence)) => Begin::After(sequence),
        };
        let mut plan = Plan::new(&core.log, &filter, begin);
        let mut over = false;
        if plan.ended && plan.gap.is_none() {
            // Nothing is added to ended topics; if one is opened again meanwhile, the plan is made anew.
            let head = core.log.head();
            drop(core);
            over = !self.shared.has_events(&filter, plan.cursor, head)?;
            core = self.shared.core.lock();
            core.admit(presence)?;
            plan = Plan::new(&core.log, &filter, begin);
            over &= plan.ended && plan.gap.is_none();
        }
        let state = if over {
            State::over(plan.cursor, now)
        } else {
            open(&mut core, plan, &filter, &subscription, &id, now)
        };
        let shared = self.shared.clone();
        let Subscription { peer, rights, .. } = subscription;
        let expires_at = peer.expires_at();
        let reader = Arc::new(Reader::new(shared, id, peer, rights, state, now));
        let mut is_next = false;
        if let Some(admission) = admission.filter(|_| !over) {
            core.readers.insert(reader.clone());
            admission.keep();
            is_next = expires_at.is_some_and(|at| core.expiries.add(at, reader.id.clone()));
        }
        drop(core);
        if is_next {
            self.shared.sooner.notify_one();
        }
        self.shared.note_change();
        Ok(Subscriber::new(reader))
    }
}

/// Takes the live place at the head, and then plans to read what lies before it, at the reader's own pace.
fn open(
    core: &mut Core,
    plan: Plan,
    filter: &Filter,
    subscription: &Subscription,
    id: &ConnectionId,
    now: Timestamp,
) -> State {
    let recalled = if subscription.begins_now() {
        core.recalled(subscription, filter)
    } else {
        Vec::new()
    };
    let cursor = recalled.first().map_or(plan.cursor, |first| first - 1);
    let mut state = State::at(cursor, now);
    let group = if plan.ended {
        core.detached_group(filter, subscription.wire, subscription.presence)
    } else {
        let group = core.group(filter, subscription.wire, subscription.presence);
        state.live = Some(Live::join(group.clone()));
        group
    };
    let mut backlog = Backlog::default();
    if subscription.hello {
        let (connection_id, topics) = (id.clone(), filter.texts());
        let connected = Control::Connected {
            connection_id,
            topics,
        };
        backlog.opening.push(connected);
    }
    backlog.opening.extend(plan.gap);

    let until = core.log.head();
    if !recalled.is_empty() {
        let recall = CatchUp::recall(group, until, recalled);
        backlog.steps.push_back(Step::CatchUp(recall));
    } else if plan.cursor < until {
        let reading = match (&plan.resumed, subscription.start_at) {
            (Some(_), _) | (None, StartAt::After(_)) => Reading::Replay,
            (None, StartAt::Now | StartAt::Start | StartAt::Newest(_)) => Reading::Fresh,
        };
        let since = core.log.evictions();
        let catch_up = CatchUp::new(group, until, reading, since);
        backlog.steps.push_back(Step::CatchUp(catch_up));
    }
    let resumed = plan.resumed.map(|from| Step::Resumed { from });
    backlog.steps.extend(resumed);
    backlog.steps.extend(plan.ended.then_some(Step::End));
    let is_empty = backlog.opening.is_empty() && backlog.steps.is_empty();
    state.backlog = (!is_empty).then(|| Box::new(backlog));
    state
}
