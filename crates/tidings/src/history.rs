use std::{ops::ControlFlow, sync::Arc};

use tidings_log::{Position, Record};

use crate::{
    Broker, Control, Gap, GapReason, Published, StartAt, SubscribeError, Subscription, plan,
    plan::{Begin, Plan},
};

/// How many bytes of events one answer holds before no further event is added.
const HISTORY_BYTES: u64 = 4 << 20;

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

/// Collects up to a number and a size.
struct Collected {
    records: Vec<Arc<Record>>,
    bytes: u64,
    limit: usize,
}

impl Broker {
    /// Reads up to `limit` retained events. After the id to resume after, [after a sequence](StartAt::After) and
    /// [from the start](StartAt::Start) they are the oldest; otherwise the newest, and no more than
    /// [so many](StartAt::Newest) if that is said.
    ///
    /// An answer holds about 4 MiB of payload at most; [`History::position`] tells where to go on from. It reads page
    /// by page and lets publishers go first, so it may take long where few events of many are of a wanted type.
    ///
    /// # Errors
    /// [`SubscribeError`], as for a subscription to the same.
    pub fn history(
        &self,
        subscription: &Subscription,
        limit: usize,
    ) -> Result<History, SubscribeError> {
        let filter = self.shared.filter_of(subscription)?;
        let mut core = self.shared.core.lock();
        core.log.expire(self.shared.clock.now());
        let newest = Begin::At(core.log.head());
        let (begin, limit) = match (&subscription.resume_after, subscription.start_at) {
            (Some(id), _) => (Begin::Resume(id), limit),
            (None, StartAt::Start) => (Begin::Start, limit),
            (None, StartAt::After(sequence)) => (Begin::After(sequence), limit),
            (None, StartAt::Now) => (newest, limit),
            (None, StartAt::Newest(count)) => (newest, limit.min(count)),
        };
        let plan = Plan::new(&core.log, &filter, begin);
        let (head, evictions) = (core.log.head(), core.log.evictions());
        let nothing = core.log.position(head.max(plan.cursor));
        drop(core);

        let mut found = Collected::up_to(limit);
        let shared = &self.shared;
        if !matches!(begin, Begin::At(_)) {
            shared.scan(&filter, plan.cursor, head, |record| found.add(record))?;
        } else {
            shared.scan_back(&filter, head, |record| found.add(record))?;
            found.records.reverse();
        }

        let position = found
            .records
            .last()
            .map_or(nothing, |record| record.position());
        let ended = plan.ended && !shared.has_events(&filter, position.sequence, head)?;
        let mut gap = plan.gap;
        if let (None, Some(id)) = (&gap, plan.resumed) {
            let core = shared.core.lock();
            let lost = filter.scope(|scope| core.log.holes(scope, plan.cursor, evictions));
            if !lost.is_empty() {
                let oldest = filter.scope(|scope| plan::oldest(&core.log, scope));
                gap = Some(Control::gap(GapReason::Evicted, id, oldest));
            }
        }
        let gap = gap.and_then(|control| match control {
            Control::Gap(gap) => Some(gap),
            Control::Connected { .. } | Control::Resumed { .. } | Control::Goodbye { .. } => None,
        });
        let events = found.records.into_iter().map(Published::new).collect();
        Ok(History {
            events,
            position,
            gap,
            ended,
        })
    }
}

impl Collected {
    fn up_to(limit: usize) -> Self {
        Self {
            records: Vec::new(),
            bytes: 0,
            limit,
        }
    }

    fn add(&mut self, record: Arc<Record>) -> ControlFlow<()> {
        if self.records.len() < self.limit {
            self.bytes += record.size();
            self.records.push(record);
        }
        if self.records.len() >= self.limit || self.bytes >= HISTORY_BYTES {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}
