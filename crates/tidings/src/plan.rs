//! Where a subscription begins and what it is told first: a pure decision over the log.

use tidings_log::{MemoryLog, Position, Scope, Window};

use crate::{Control, GapReason, StartAt, filter::Filter};

/// The beginning of a subscription.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The place just before the first event that it can be given.
    pub(crate) cursor: u64,
    /// What is missing, said before anything else.
    pub(crate) gap: Option<Control>,
    /// The id that a replay was asked for with and is confirmed by.
    pub(crate) resumed: Option<String>,
    /// Every topic has ended, so nothing follows the head.
    pub(crate) ended: bool,
}

impl Plan {
    /// Decides for the log as it is, its head included.
    pub(crate) fn new(
        log: &MemoryLog,
        filter: &Filter,
        start_at: StartAt,
        resume_after: Option<&str>,
    ) -> Self {
        let ended = filter
            .topics()
            .is_some_and(|topics| topics.iter().all(|topic| log.has_ended(topic)));
        let (cursor, gap, resumed) = match resume_after {
            Some(id) => filter.scope(|scope| resume(log, scope, id)),
            None => (start(log, filter, start_at), None, None),
        };
        Self {
            cursor,
            gap,
            resumed,
            ended,
        }
    }

    /// Whether there is nothing to say and never will be.
    pub(crate) fn is_over(&self, log: &MemoryLog, filter: &Filter) -> bool {
        self.ended && self.gap.is_none() && !has_events(log, filter, self.cursor)
    }
}

fn start(log: &MemoryLog, filter: &Filter, start_at: StartAt) -> u64 {
    match start_at {
        StartAt::Now => log.head(),
        StartAt::Start => filter.scope(|scope| before_oldest(log, scope)),
        StartAt::Newest(n) => {
            let keep = |record: &_| filter.wants(record);
            filter.scope(|scope| log.start_of_newest(scope, n, log.head(), keep))
        }
    }
}

/// An id is judged against what was evicted or forgotten of the topics asked for.
fn resume(log: &MemoryLog, scope: &Scope<'_>, id: &str) -> (u64, Option<Control>, Option<String>) {
    let gap = |reason| Some(Control::gap(reason, id.to_owned(), oldest(log, scope)));
    match id.parse::<Position>() {
        Ok(position) if !log.knows(&position.epoch) => (
            before_oldest(log, scope),
            gap(GapReason::EpochChanged),
            Some(id.to_owned()),
        ),
        Ok(position) if position.sequence <= log.head() => {
            let missing = log.misses_any(scope, position.sequence);
            let gap = if missing {
                gap(GapReason::Evicted)
            } else {
                None
            };
            (position.sequence, gap, Some(id.to_owned()))
        }
        _ => (log.head(), gap(GapReason::UnknownId), None),
    }
}

/// The highest place from which everything retained follows.
fn before_oldest(log: &MemoryLog, scope: &Scope<'_>) -> u64 {
    log.oldest(scope)
        .map_or_else(|| log.head(), |oldest| oldest - 1)
}

pub(crate) fn oldest(log: &MemoryLog, scope: &Scope<'_>) -> Option<Position> {
    log.oldest(scope).map(|sequence| log.position(sequence))
}

/// Whether the log has an event after this place that the filter lets through.
pub(crate) fn has_events(log: &MemoryLog, filter: &Filter, after: u64) -> bool {
    let mut window = Window::new(after, log.head());
    while window.after < window.until {
        let page = filter.scope(|scope| log.page(scope, window));
        if page.records.iter().any(|record| filter.wants(record)) {
            return true;
        }
        window.after = page.reached;
    }
    false
}
