use tidings_log::{Position, Window};

use crate::{
    Broker, Control, Gap, Published, StartAt, SubscribeError, Subscription,
    plan::{Plan, has_events},
};

/// How many bytes of events one answer holds before no further event is added.
const HISTORY_BYTES: u64 = 8 << 20;

/// A page of retained events.
#[derive(Clone, Debug)]
pub struct History {
    /// The events, oldest first.
    pub events: Vec<Published>,
    /// Where to go on from: the last event, or the newest there was.
    pub position: Position,
    /// What is missing before them.
    pub gap: Option<Gap>,
    /// Whether the subscription asked about has ended and nothing follows.
    pub ended: bool,
}

impl Broker {
    /// Reads up to `limit` retained events: after the id to resume after the oldest ones, otherwise the newest.
    ///
    /// An answer holds about 8 MiB of payload at most; [`History::position`] tells where to go on from.
    ///
    /// # Errors
    /// [`SubscribeError`], as for a subscription to the same.
    pub fn history(
        &self,
        subscription: &Subscription,
        limit: usize,
    ) -> Result<History, SubscribeError> {
        let filter = subscription.filter();
        self.shared.check_selectors(filter.selectors())?;
        let mut core = self.shared.core.lock();
        core.log.expire(self.shared.clock.now());
        let plan = Plan::new(
            &core.log,
            &filter,
            StartAt::Newest(limit),
            subscription.resume_after.as_deref(),
        );

        let mut records = Vec::new();
        let mut window = Window::new(plan.cursor, core.log.head());
        let mut bytes = 0;
        while window.after < window.until && records.len() < limit && bytes < HISTORY_BYTES {
            let page = filter.scope(|scope| core.log.page(scope, window));
            window.after = page.reached;
            for record in page
                .records
                .into_iter()
                .filter(|record| filter.wants(record))
                .take(limit - records.len())
            {
                bytes += record.size();
                records.push(record);
            }
        }
        let position = match records.last() {
            Some(record) => record.position(),
            None => core.log.position(window.after.max(plan.cursor)),
        };
        let ended = plan.ended && !has_events(&core.log, &filter, position.sequence);
        let gap = plan.gap.and_then(|control| match control {
            Control::Gap(gap) => Some(gap),
            Control::Connected { .. } | Control::Resumed { .. } | Control::Goodbye { .. } => None,
        });
        let events = records.into_iter().map(Published::new).collect();
        Ok(History {
            events,
            position,
            gap,
            ended,
        })
    }
}
