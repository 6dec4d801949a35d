//! Where a reader is, and what comes next for it.

use std::{sync::Arc, task::Waker};

use tidings_log::{Timestamp, Topic};

use super::{Backlog, Live, Place, Step};
use crate::{GoodbyeReason, feed::FedPlace, group::Group, lag::STALLED_AFTER, reads::PageRead};

/// Where a reader is.
#[derive(Debug)]
pub(crate) struct State {
    /// Everything up to here was handed out, or is not for this reader.
    pub(crate) cursor: u64,
    /// What comes before the live items, until the first of them is asked for.
    pub(crate) backlog: Option<Box<Backlog>>,
    /// Where the live items come from.
    pub(crate) live: Option<Live>,
    /// When its owner last asked for items.
    pub(crate) asked_at: Timestamp,
    /// The stream is to end at once, or has ended so.
    pub(crate) dismissed: Option<GoodbyeReason>,
    /// How many wait to have it out of its feed, and keep it out.
    pub(crate) withdrawals: u32,
    /// The last item has been handed out.
    pub(crate) done: bool,
}

impl State {
    /// The page that it waits for.
    pub(crate) fn page_read(&self) -> Option<&PageRead> {
        match self.steps().next() {
            Some(Step::CatchUp(step)) => step.page_read(),
            Some(Step::Resumed { .. } | Step::End | Step::Goodbye { .. }) | None => None,
        }
    }

    /// At the end from the beginning.
    pub(crate) fn over(cursor: u64, now: Timestamp) -> Self {
        Self {
            done: true,
            ..Self::at(cursor, now)
        }
    }

    /// The topic of the event that its owner has left waiting for so long that it counts as behind.
    pub(crate) fn stalled_on(&self, now: Timestamp) -> Option<Topic> {
        if self.done || self.page_read().is_some() || now.since(self.asked_at) < STALLED_AFTER {
            return None;
        }
        let Live { group, place } = self.live.as_ref()?;
        let Place::Own(seat) = place else {
            return None;
        };
        let waiting = group.first_waiting(seat)?;
        let since = waiting.time.max(self.asked_at);
        (now.since(since) >= STALLED_AFTER).then(|| waiting.topic.clone())
    }

    /// At a cursor, with nothing to do.
    pub(crate) fn at(cursor: u64, now: Timestamp) -> Self {
        Self {
            cursor,
            backlog: None,
            live: None,
            asked_at: now,
            dismissed: None,
            withdrawals: 0,
            done: false,
        }
    }

    /// The group whose filter it has now.
    pub(crate) fn group(&self) -> Option<&Arc<Group>> {
        let followed = self.live.as_ref().map(|live| &live.group);
        followed.or_else(|| {
            self.steps().rev().find_map(|step| match step {
                Step::CatchUp(step) => Some(&step.group),
                Step::Resumed { .. } | Step::End | Step::Goodbye { .. } => None,
            })
        })
    }

    pub(crate) fn lag(&self) -> u64 {
        let behind = self.steps().rev().find_map(|step| match step {
            Step::CatchUp(step) => Some(step.left(self.cursor)),
            Step::Resumed { .. } | Step::End | Step::Goodbye { .. } => None,
        });
        let waiting = self.live.as_ref().map_or(0, Live::waiting);
        behind.unwrap_or(0) + waiting
    }

    /// Whether somebody has ended the stream, which its owner has yet to come to.
    pub(crate) fn is_ending(&self) -> bool {
        let is_goodbye = |step: &Step| matches!(step, Step::Goodbye { .. });
        self.dismissed.is_some() || self.steps().any(is_goodbye)
    }

    /// Adds the wakers of an owner that is parked.
    pub(crate) fn wake(&self, wakers: &mut Vec<Waker>) {
        wakers.extend(self.page_read().and_then(PageRead::waker));
        wakers.extend(self.live.as_ref().and_then(Live::waker));
    }

    /// Whether a feed may take for it: nothing comes before the live events, and nobody wants it for itself.
    pub(crate) fn may_be_fed(&self) -> bool {
        self.backlog.is_none() && !self.done && self.dismissed.is_none() && self.withdrawals == 0
    }

    /// What comes before the live items, in order.
    pub(crate) fn steps(&self) -> impl DoubleEndedIterator<Item = &Step> {
        self.backlog.iter().flat_map(|backlog| &backlog.steps)
    }

    /// Adds a step after all others.
    pub(crate) fn push_step(&mut self, step: Step) {
        self.backlog().steps.push_back(step);
    }

    /// Has a step come before all others.
    pub(crate) fn put_step_first(&mut self, step: Step) {
        self.backlog().steps.push_front(step);
    }

    /// Takes out the next step. If there is none, the live items are next.
    pub(crate) fn next_step(&mut self) -> Option<Step> {
        let step = self.backlog.as_mut()?.steps.pop_front();
        if step.is_none() {
            self.backlog = None;
        }
        step
    }

    /// What comes before the live items, to be added to.
    pub(crate) fn backlog(&mut self) -> &mut Backlog {
        self.backlog.get_or_insert_default()
    }

    pub(crate) fn fed_place(&self) -> Option<&FedPlace> {
        match &self.live.as_ref()?.place {
            Place::Own(_) => None,
            Place::Fed(fed) => Some(fed),
        }
    }
}
