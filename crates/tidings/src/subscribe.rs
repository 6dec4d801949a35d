use std::sync::Arc;

use tidings_log::Timestamp;

use crate::{
    Broker, ConnectionId, Control, SubscribeError, Subscriber, Subscription,
    core::Core,
    filter::Filter,
    plan::Plan,
    reader::{Reader, Reading, State, Step},
};

impl Broker {
    /// Registers a subscription. What is published from the moment this returns is delivered to it.
    ///
    /// # Errors
    /// [`SubscribeError`].
    pub fn subscribe(&self, subscription: Subscription) -> Result<Subscriber, SubscribeError> {
        let filter = subscription.filter();
        self.shared.check_selectors(filter.selectors())?;
        let now = self.shared.clock.now();
        let id = ConnectionId::random();
        let mut core = self.shared.core.lock();
        if core.closed {
            return Err(SubscribeError::Closed);
        }
        if core.readers.len() >= self.shared.options.max_subscriptions {
            return Err(SubscribeError::TooManySubscriptions);
        }
        core.log.expire(now);

        let plan = Plan::new(
            &core.log,
            &filter,
            subscription.start_at,
            subscription.resume_after.as_deref(),
        );
        let start = core.log.position(plan.cursor);
        let over = plan.is_over(&core.log, &filter);
        let state = if over {
            State::over(plan.cursor, now)
        } else {
            begin(&mut core, plan, &filter, &subscription, &id, now)
        };
        let reader = Arc::new(Reader::new(id.clone(), subscription.peer, state, now));
        if !over {
            core.readers.insert(id, reader.clone());
        }
        drop(core);
        self.shared.note_change();
        Ok(Subscriber::new(self.shared.clone(), reader, start))
    }
}

/// Takes the live place at the head, and then plans to read what lies before it, at the reader's own pace.
fn begin(
    core: &mut Core,
    plan: Plan,
    filter: &Filter,
    subscription: &Subscription,
    id: &ConnectionId,
    now: Timestamp,
) -> State {
    let mut state = State::at(plan.cursor, now);
    let group = if plan.ended {
        core.detached_group(filter, subscription.wire)
    } else {
        let group = core.group(filter, subscription.wire);
        state.live = Some((group.clone(), group.join()));
        group
    };
    if subscription.hello {
        let (connection_id, topics) = (id.clone(), filter.texts());
        let connected = Control::Connected {
            connection_id,
            topics,
        };
        state.opening.push(connected);
    }
    state.opening.extend(plan.gap);

    let until = core.log.head();
    if plan.cursor < until {
        let reading = match plan.resumed {
            Some(_) => Reading::Replay,
            None => Reading::Fresh,
        };
        let since = core.log.evictions();
        let catch_up = Step::CatchUp {
            group,
            until,
            reading,
            since,
        };
        state.steps.push_back(catch_up);
    }
    let resumed = plan.resumed.map(|from| Step::Resumed { from });
    state.steps.extend(resumed);
    state.steps.extend(plan.ended.then_some(Step::End));
    state
}
