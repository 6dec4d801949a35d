//! Events that are taken and framed once for all connections of a thread that follow the same.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;
use std::task::Waker;

use bytes::Bytes;
use slab::Slab;
use tidings::{Fed, Feed, GroupId, Member};

use super::batch::Batch;
use super::connection::Moment;
use super::inbox::{Inbox, Signal, Target};
use super::slot::Slot;
use super::window::{Window, WindowBytes};

/// The fan-outs of one thread, each for one group of subscriptions.
#[derive(Debug)]
pub(super) struct Fanouts {
    inbox: Arc<Inbox>,
    fanouts: Slab<Fanout>,
    by_group: HashMap<GroupId, usize>,
    window_bytes: WindowBytes,
}

/// One feed and the connections that it feeds.
#[derive(Debug)]
pub(super) struct Fanout {
    feed: Feed,
    signal: Arc<Signal>,
    /// Tokens of connections.
    members: Slab<usize>,
    /// What some of them have yet to be given.
    window: Window,
    pass: Option<Pass>,
    /// So many members had yet to be given what would go from the window with what comes, when that was last looked at.
    /// While they are most of all, nothing is taken: it goes at their pace.
    endangered: usize,
    /// Until when they may hold the feed, unless they come along meanwhile.
    patient_until: Moment,
    /// How many they were when that was set.
    endangered_then: usize,
    /// There may be something to take that was not taken because of them: nobody else tells of it.
    is_owing: bool,
    /// Where the next pass begins, so that nobody is always last.
    start: usize,
}

/// A round of all members, each of which is given what has come.
#[derive(Debug)]
struct Pass {
    /// Places that it began with. Who has joined since has had all that it is about.
    places: usize,
    start: usize,
    visited: usize,
    /// The least of the numbers that members have come to.
    slowest: u64,
    /// How many of them would lose something with what comes next.
    endangered: usize,
}

/// What there is to do for a fan-out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begun {
    /// Its connections are to be written to.
    Pass,
    /// Nothing, before it is woken, or let go by those that hold it.
    Nothing,
    /// All have to go on by themselves.
    Dissolved,
}

/// A connection's place in a fan-out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seat {
    fanout: Slot,
    place: Slot,
    /// The number of the next event to give it.
    pub(super) next: u64,
}

impl Seat {
    /// Whether it is one of this fan-out's.
    pub(super) fn is_in(&self, fanout: usize) -> bool {
        self.fanout() == fanout
    }

    /// The index of its fan-out.
    pub(super) fn fanout(&self) -> usize {
        self.fanout.index()
    }
}

impl Pass {
    fn has_visited(&self, place: Slot) -> bool {
        let place = place.index();
        place < self.places && (place + self.places - self.start) % self.places < self.visited
    }
}

/// Places by which the beginning of a pass moves on: the number of places is a power of two.
const STRIDE: usize = 509;
/// How long most of the members may hold the feed without coming along.
pub(super) const HOLD_MILLIS: Moment = 1_000;
/// Members that have come along have done so if they are one in so many of all.
const COMING_PART: usize = 8;
/// Bytes of events that are taken at one time.
const BATCH_BYTES: usize = 64 << 10;

impl Fanouts {
    pub(super) fn new(inbox: Arc<Inbox>) -> Self {
        Self {
            inbox,
            fanouts: Slab::new(),
            by_group: HashMap::new(),
            window_bytes: WindowBytes::default(),
        }
    }

    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut Fanout> {
        self.fanouts.get_mut(index)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (usize, &mut Fanout)> {
        self.fanouts.iter_mut()
    }

    /// Takes in a connection that has been given all there is; `waker` is its own. Gives its place, or `None` if it is
    /// to go on by itself. The second is a fan-out that has just been made and is to be looked at.
    pub(super) fn join(
        &mut self,
        token: usize,
        member: &Member,
        waker: Waker,
    ) -> Option<(Seat, Option<usize>)> {
        let group = member.group()?;
        let known = self.by_group.get(&group).copied();
        let index = match known {
            Some(index) => index,
            None => self.open(group, member)?,
        };
        let fanout = &mut self.fanouts[index];
        let Some(next) = fanout.feed.join(member, waker) else {
            self.close_if_empty(index);
            return None;
        };
        let seat = Seat {
            fanout: Slot::new(index),
            place: Slot::new(fanout.members.insert(token)),
            next,
        };
        Some((seat, known.is_none().then_some(index)))
    }

    /// Lets a connection go on by itself. It has to be polled then.
    pub(super) fn leave(&mut self, seat: Seat, member: &Member) {
        let fanout = &mut self.fanouts[seat.fanout.index()];
        fanout.feed.leave(member, seat.next);
        self.forget(seat);
    }

    /// Takes out a connection that is gone.
    pub(super) fn forget(&mut self, seat: Seat) {
        let index = seat.fanout.index();
        self.fanouts[index].members.remove(seat.place.index());
        self.close_if_empty(index);
    }

    fn open(&mut self, group: GroupId, member: &Member) -> Option<usize> {
        let entry = self.fanouts.vacant_entry();
        let index = entry.key();
        let signal = Signal::new(Arc::clone(&self.inbox), Target::Fanout(Slot::new(index)));
        let signal = Arc::new(signal);
        // Its topics may have been changed since it was asked for its group.
        let feed = Feed::new(member, Waker::from(Arc::clone(&signal)))
            .filter(|feed| feed.group() == group)?;
        entry.insert(Fanout {
            feed,
            signal,
            members: Slab::new(),
            window: Window::new(self.window_bytes.clone()),
            pass: None,
            endangered: 0,
            patient_until: 0,
            endangered_then: 0,
            is_owing: false,
            start: 0,
        });
        self.by_group.insert(group, index);
        Some(index)
    }

    fn close_if_empty(&mut self, index: usize) {
        if self.fanouts[index].members.is_empty() {
            let fanout = self.fanouts.remove(index);
            self.by_group.remove(&fanout.feed.group());
        }
    }
}

impl Fanout {
    /// Marks it as waiting to be looked at. False if it was already.
    pub(super) fn raise(&self) -> bool {
        self.signal.raise()
    }

    /// The tokens of all connections in it.
    pub(super) fn tokens(&self) -> Vec<usize> {
        self.members.iter().map(|(_, token)| *token).collect()
    }

    /// Goes on with the pass that is under way, or begins one with what has come meanwhile.
    pub(super) fn begin(&mut self, blocks: &mut Vec<Bytes>) -> Begun {
        self.signal.lower();
        if self.pass.is_some() {
            return Begun::Pass;
        }
        self.is_owing = self.is_held() && !self.feed.is_at_risk();
        if self.is_owing {
            return Begun::Nothing;
        }
        let first = match self.feed.take(BATCH_BYTES, blocks) {
            Fed::Events { first } => first,
            Fed::Nothing => return Begun::Nothing,
            Fed::Dissolved => return Begun::Dissolved,
        };
        self.window.push(Batch::new(first, blocks));
        blocks.clear();
        self.pass = Some(Pass {
            places: self.members.capacity(),
            start: self.start,
            visited: 0,
            slowest: u64::MAX,
            endangered: 0,
        });
        Begun::Pass
    }

    /// The next connection of the pass.
    pub(super) fn next(&mut self) -> Option<usize> {
        let pass = self.pass.as_mut()?;
        while pass.visited < pass.places {
            let place = (pass.start + pass.visited) % pass.places;
            pass.visited += 1;
            if let Some(token) = self.members.get(place) {
                return Some(*token);
            }
        }
        None
    }

    /// What there is for connections that are behind.
    pub(super) fn window(&self) -> &Window {
        &self.window
    }

    /// Takes note of the number that a connection of the pass has come to.
    pub(super) fn came_to(&mut self, next: u64) {
        if let Some(pass) = &mut self.pass {
            pass.slowest = pass.slowest.min(next);
            pass.endangered += usize::from(self.window.may_lose(next));
        }
    }

    /// Ends the pass, if it has come around.
    pub(super) fn end_if_around(&mut self, now: Moment) {
        if let Some(pass) = self.pass.take_if(|pass| pass.visited >= pass.places) {
            self.start = (pass.start + STRIDE) % pass.places.max(1);
            self.endangered = pass.endangered;
            self.be_patient(now);
            self.settle(pass.slowest);
        }
    }

    /// Whether something is kept for connections that were behind when the last pass ended.
    pub(super) fn is_waiting(&self) -> bool {
        self.pass.is_none() && !self.window.is_empty()
    }

    /// Takes note that a connection that had no room has been given the events from its seat's number to this one. True
    /// if nothing holds the feed any more, which is to be looked at then.
    pub(super) fn refilled(&mut self, seat: Seat, next: u64) -> bool {
        let is_out_of_danger = self.window.may_lose(seat.next) && !self.window.may_lose(next);
        let endangered = match &mut self.pass {
            None => &mut self.endangered,
            Some(pass) if pass.has_visited(seat.place) => &mut pass.endangered,
            // It is counted when its turn comes, where it is then.
            Some(_) => return false,
        };
        *endangered = endangered.saturating_sub(usize::from(is_out_of_danger));
        self.is_let_go()
    }

    /// Looks anew at where all connections are, between two passes. True if nothing holds the feed any more, which is to be
    /// looked at then.
    pub(super) fn survey(&mut self, seats: impl Iterator<Item = Seat>, now: Moment) -> bool {
        let mut slowest = None;
        self.endangered = 0;
        for Seat { next, .. } in seats {
            slowest = Some(next.min(slowest.unwrap_or(next)));
            self.endangered += usize::from(self.window.may_lose(next));
        }
        if self.endangered + self.members.len() / COMING_PART < self.endangered_then {
            self.be_patient(now);
        }
        if self.is_held() && (now >= self.patient_until || self.feed.is_at_risk()) {
            // They are too slow for the others, if they are not stuck, and go on by themselves.
            self.endangered = 0;
        }
        if let Some(slowest) = slowest {
            self.settle(slowest);
        }
        self.is_let_go()
    }

    fn is_held(&self) -> bool {
        self.endangered > self.members.len() / 2
    }

    /// True once when something is owed and nothing holds the feed any more, for whatever reason.
    fn is_let_go(&mut self) -> bool {
        !self.is_held() && mem::take(&mut self.is_owing)
    }

    /// Gives those that hold the feed time from now on.
    fn be_patient(&mut self, now: Moment) {
        self.patient_until = now + HOLD_MILLIS;
        self.endangered_then = self.endangered;
    }

    /// Lets go of what all connections have had: they have come to this number at least.
    fn settle(&mut self, slowest: u64) {
        self.window.drop_before(slowest);
        self.feed.settle(slowest);
    }
}
