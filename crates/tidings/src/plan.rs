//! Where a subscription begins and what it is told first: a pure decision over the log.

use tidings_log::{Log, Position, Scope};

use crate::{Control, GapReason, filter::Filter};

/// Where a subscription asks to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begin<'a> {
    /// With the oldest retained event.
    Start,
    /// After this sequence.
    At(u64),
    /// After this sequence, and nothing of that may be missing.
    After(u64),
    /// After the event with this id, if that is one.
    Resume(&'a str),
}

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
    pub(crate) fn new(log: &Log, filter: &Filter, begin: Begin<'_>) -> Self {
        let ended = has_ended(log, filter);
        let (cursor, gap, resumed) = filter.scope(|scope| match begin {
            Begin::Start => (before_oldest(log, scope), None, None),
            Begin::At(cursor) => (cursor, None, None),
            Begin::After(sequence) => after(log, scope, sequence),
            Begin::Resume(id) => resume(log, scope, id),
        });
        Self {
            cursor,
            gap,
            resumed,
            ended,
        }
    }
}

fn after(log: &Log, scope: &Scope<'_>, sequence: u64) -> (u64, Option<Control>, Option<String>) {
    let cursor = sequence.min(log.head());
    let gap = log.misses_any(scope, cursor).then(|| {
        let requested = log.position(cursor).to_string();
        Control::gap(GapReason::Evicted, requested, oldest(log, scope))
    });
    (cursor, gap, None)
}

/// An id is judged against what was evicted or forgotten of the topics asked for.
fn resume(log: &Log, scope: &Scope<'_>, id: &str) -> (u64, Option<Control>, Option<String>) {
    let gap = |reason| Some(Control::gap(reason, id.to_owned(), oldest(log, scope)));
    match id.parse::<Position>() {
        Ok(position) if !log.knows(&position) => (
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
fn before_oldest(log: &Log, scope: &Scope<'_>) -> u64 {
    log.oldest(scope)
        .map_or_else(|| log.head(), |oldest| oldest - 1)
}

/// Whether a subscription ends by itself and nothing can follow.
pub(crate) fn has_ended(log: &Log, filter: &Filter) -> bool {
    filter
        .ends_with()
        .is_some_and(|topics| topics.iter().all(|topic| log.has_ended(topic)))
}

pub(crate) fn oldest(log: &Log, scope: &Scope<'_>) -> Option<Position> {
    log.oldest(scope).map(|sequence| log.position(sequence))
}
