use std::{task::Waker, time::Instant};

use slab::Slab;

/// Those who take from a tail: readers on their own, and feeds that take for many.
#[derive(Debug, Default)]
pub(crate) struct Takers {
    all: Slab<Taker>,
    /// How many of them are parked: they have taken everything that they were told of.
    parked: usize,
    /// How many of them hold something.
    holding: usize,
    /// What has come that they are to be told of later.
    untold: Option<Untold>,
}

#[derive(Debug, Default)]
struct Taker {
    /// Whom to wake, if it is parked.
    waker: Option<Waker>,
    /// The newest sequence there was, matching or not, when it was last woken from being parked.
    parked_until: u64,
    /// What it has taken may be asked for again: it is a feed with members that have yet to be given it.
    is_holding: bool,
}

#[derive(Clone, Copy, Debug)]
struct Untold {
    /// When they are told at the latest.
    until: Instant,
    /// The newest sequence there was before the first of it.
    before: u64,
}

impl Takers {
    /// Adds one. Gives its place.
    pub(crate) fn add(&mut self) -> usize {
        self.all.insert(Taker::default())
    }

    /// Removes one. Gives its waker, if it was parked.
    pub(crate) fn remove(&mut self, place: usize) -> Option<Waker> {
        let Taker {
            waker, is_holding, ..
        } = self.all.remove(place);
        self.parked -= usize::from(waker.is_some());
        self.holding -= usize::from(is_holding);
        waker
    }

    /// Parks one that has taken everything. Gives the waker that it was parked with before.
    pub(crate) fn park(&mut self, place: usize, waker: Waker) -> Option<Waker> {
        let replaced = self.all[place].waker.replace(waker);
        self.parked += usize::from(replaced.is_none());
        replaced
    }

    /// Takes out the waker of one that is parked.
    pub(crate) fn wake(&mut self, place: usize) -> Option<Waker> {
        let waker = self.all[place].waker.take();
        self.parked -= usize::from(waker.is_some());
        waker
    }

    /// Has one hold what it has taken, or not any more.
    pub(crate) fn hold(&mut self, place: usize, is_holding: bool) {
        let was_holding = std::mem::replace(&mut self.all[place].is_holding, is_holding);
        self.holding -= usize::from(was_holding);
        self.holding += usize::from(is_holding);
    }

    /// A sequence up to which one has certainly taken everything.
    pub(crate) fn taken_until(&self, place: usize) -> u64 {
        self.all[place].parked_until
    }

    /// Collects the wakers of all that are parked: there is something after the sequence `before`.
    pub(crate) fn tell(&mut self, before: u64, wakers: &mut Vec<Waker>) {
        let before = self.untold.take().map_or(before, |untold| untold.before);
        if self.parked == 0 {
            return;
        }
        for (_, taker) in &mut self.all {
            if let Some(waker) = taker.waker.take() {
                taker.parked_until = taker.parked_until.max(before);
                wakers.push(waker);
            }
        }
        self.parked = 0;
    }

    /// Takes note of something after the sequence `before` that they need not be told of before this time. True if that
    /// is sooner than what was known.
    pub(crate) fn tell_later(&mut self, before: u64, until: Instant) -> bool {
        let known = self.untold;
        let before = known.map_or(before, |untold| untold.before);
        let is_sooner = known.is_none_or(|untold| until < untold.until);
        if is_sooner {
            self.untold = Some(Untold { until, before });
        }
        is_sooner
    }

    /// Collects the wakers of all that are parked, if there is something that they were to be told of later.
    pub(crate) fn tell_now(&mut self, wakers: &mut Vec<Waker>) {
        if let Some(untold) = self.untold {
            self.tell(untold.before, wakers);
        }
    }

    /// Whether nobody will ask for anything that is there: all have been told of it and have taken it, and nobody holds it.
    pub(crate) fn are_done(&self) -> bool {
        self.parked == self.all.len() && self.holding == 0 && self.untold.is_none()
    }
}
