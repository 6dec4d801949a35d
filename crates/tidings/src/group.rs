use std::{
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::Waker,
    time::Instant,
};

use tidings_log::Record;

use crate::{
    encoding::Wire,
    filter::Filter,
    subscription::Presence,
    sync::Mutex,
    tail::{Item, Tail, TailBytes},
    takers::Takers,
};

/// All subscriptions with the same filter and encoding: an event is matched and appended once for all of them.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) id: GroupId,
    pub(crate) filter: Filter,
    pub(crate) wire: Option<Wire>,
    pub(crate) presence: Presence,
    /// The innermost lock: taken last, held for moments, and nobody is woken under it.
    line: Mutex<Line>,
}

/// Names a group for as long as the process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GroupId(u64);

/// The tail, and who takes from it.
#[derive(Debug)]
struct Line {
    tail: Tail,
    takers: Takers,
    /// How many readers there are, on their own and in feeds.
    readers: usize,
    /// How many bytes were pushed through the life of the group.
    pushed: u64,
    closed: bool,
}

/// A taker's place in its group.
#[derive(Debug)]
pub(crate) struct Seat {
    slot: usize,
    /// The number of the next item to take.
    next: u64,
}

/// What taking from a group gave.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// Items, at least one.
    Items,
    /// Nothing: the taker is parked and will be woken.
    Parked,
    /// The next items were dropped.
    FellOff {
        /// The log has the events up to here.
        until: u64,
        /// There was nothing else among them.
        events_only: bool,
    },
}

/// How far a group has come.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mark {
    /// The number of the next item.
    pub(crate) number: u64,
    /// The bytes of all items before it.
    pub(crate) bytes: u64,
}

impl Group {
    pub(crate) fn new(
        filter: Filter,
        wire: Option<Wire>,
        presence: Presence,
        of_all: TailBytes,
    ) -> Self {
        let line = Line {
            tail: Tail::new(of_all),
            takers: Takers::default(),
            readers: 0,
            pushed: 0,
            closed: false,
        };
        Self {
            id: GroupId::next(),
            filter,
            wire,
            presence,
            line: Mutex::new(line),
        }
    }

    /// Adds a reader on its own, which takes what is pushed from now on.
    pub(crate) fn join(&self) -> Seat {
        let mut line = self.line.lock();
        line.readers += 1;
        let end = line.tail.end();
        line.seat(end)
    }

    /// Removes a reader on its own. Gives its waker, if it was parked, and whether it was the last reader.
    pub(crate) fn leave(&self, seat: &Seat) -> (Option<Waker>, bool) {
        let mut line = self.line.lock();
        line.readers -= 1;
        let waker = line.unseat(seat);
        (waker, line.readers == 0)
    }

    /// Adds a feed: a taker that is no reader. It takes what is pushed from now on, if this reader has taken everything.
    pub(crate) fn join_feed(&self, reader: &Seat) -> Option<(Seat, Mark)> {
        let mut line = self.line.lock();
        let mark = line.mark();
        (reader.next == mark.number).then(|| (line.seat(mark.number), mark))
    }

    /// Removes a feed, whose readers have left it. Gives its waker, if it was parked.
    pub(crate) fn leave_feed(&self, seat: &Seat) -> Option<Waker> {
        self.line.lock().unseat(seat)
    }

    /// Keeps what a feed has taken for members that have yet to be given it, or not any more.
    pub(crate) fn keep_for(&self, seat: &Seat, is_behind: bool) {
        let mut line = self.line.lock();
        line.takers.hold(seat.slot, is_behind);
        line.clear_if_done();
    }

    /// Lets a feed take for a reader from now on, if the reader has taken everything. Gives its waker, if it was
    /// parked.
    pub(crate) fn pass_to_feed(&self, seat: &Seat) -> Option<(Mark, Option<Waker>)> {
        let mut line = self.line.lock();
        if line.closed || seat.next != line.tail.end() {
            return None;
        }
        let waker = line.unseat(seat);
        Some((line.mark(), waker))
    }

    /// Lets a reader that was in a feed take on its own again, from this item on.
    pub(crate) fn pass_from_feed(&self, next: u64) -> Seat {
        self.line.lock().seat(next)
    }

    /// Removes a reader that is in a feed. Tells whether it was the last reader.
    pub(crate) fn leave_as_fed(&self) -> bool {
        let mut line = self.line.lock();
        line.readers -= 1;
        line.readers == 0
    }

    /// How many readers there are that show.
    pub(crate) fn shown(&self) -> usize {
        self.shown_of(&self.line.lock())
    }

    fn shown_of(&self, line: &Line) -> usize {
        match self.presence {
            Presence::Shown => line.readers,
            Presence::Hidden => 0,
        }
    }

    /// Whether its last item has been pushed.
    pub(crate) fn is_closed(&self) -> bool {
        self.line.lock().closed
    }

    /// How many items there are that somebody has not taken.
    pub(crate) fn waiting(&self) -> u64 {
        let line = self.line.lock();
        line.tail.end() - line.tail.base()
    }

    /// The number of the next item.
    pub(crate) fn end(&self) -> u64 {
        self.line.lock().tail.end()
    }

    /// How many items there are from this number on.
    pub(crate) fn waiting_from(&self, next: u64) -> u64 {
        self.line.lock().tail.end().saturating_sub(next)
    }

    /// Appends an item and collects the wakers of parked takers. Gives the number of readers that show.
    pub(crate) fn push(&self, item: Item, wakers: &mut Vec<Waker>) -> usize {
        let mut line = self.line.lock();
        if let Some(before) = line.add(item) {
            line.takers.tell(before, wakers);
        }
        self.shown_of(&line)
    }

    /// Appends an item that parked takers need not be told of before this time. Gives the number of readers that show, and whether
    /// somebody is to [ring](Self::ring) then.
    pub(crate) fn push_quietly(&self, item: Item, until: Instant) -> (usize, bool) {
        let mut line = self.line.lock();
        let Some(before) = line.add(item) else {
            return (self.shown_of(&line), false);
        };
        let is_sooner = line.takers.tell_later(before, until);
        (self.shown_of(&line), is_sooner)
    }

    /// Gives the wakers of parked takers that have not been told of what is there.
    pub(crate) fn ring(&self) -> Vec<Waker> {
        let mut wakers = Vec::new();
        self.line.lock().takers.tell_now(&mut wakers);
        wakers
    }

    /// Takes items until `add` breaks off or `limit` bytes are taken, at least one, or parks the taker if there is none.
    pub(crate) fn take(
        &self,
        seat: &mut Seat,
        limit: usize,
        waker: &Waker,
        mut add: impl FnMut(&Item) -> ControlFlow<()>,
    ) -> Taken {
        let mut line = self.line.lock();
        if seat.next < line.tail.base() {
            let events_only = line.tail.dropped_only_events(seat.next);
            seat.next = line.tail.base();
            return Taken::FellOff {
                until: line.tail.floor(),
                events_only,
            };
        }
        let first = seat.next;
        let mut bytes = 0;
        for item in line.tail.from(first) {
            if bytes >= limit || add(item).is_break() {
                break;
            }
            bytes += item.size();
            seat.next += 1;
        }
        if line.tail.end() > first {
            return Taken::Items;
        }
        let replaced = line.takers.park(seat.slot, waker.clone());
        line.clear_if_done();
        // Not under the lock: a waker may be the last owner of a task, and that of another reader.
        drop(line);
        drop(replaced);
        Taken::Parked
    }

    /// Takes out the waker of a taker that is parked.
    pub(crate) fn wake(&self, seat: &Seat) -> Option<Waker> {
        self.line.lock().takers.wake(seat.slot)
    }

    /// A sequence up to which the taker has certainly taken everything here.
    pub(crate) fn taken_until(&self, seat: &Seat) -> u64 {
        self.line.lock().takers.taken_until(seat.slot)
    }

    /// The first event that the taker has not taken and that is still here.
    pub(crate) fn first_waiting(&self, seat: &Seat) -> Option<Arc<Record>> {
        let line = self.line.lock();
        line.tail.from(seat.next).find_map(|item| match item {
            Item::Event(record, _) => Some(record.clone()),
            Item::Deleted | Item::End | Item::Goodbye(_) => None,
        })
    }

    /// Moves the taker past all events, up to an item that ends the stream. Gives the last sequence passed.
    pub(crate) fn pass_over(&self, seat: &mut Seat) -> Option<u64> {
        let line = self.line.lock();
        let base = line.tail.base();
        let mut passed = (seat.next < base).then_some(line.tail.floor());
        seat.next = seat.next.max(base);
        for item in line.tail.from(seat.next) {
            if item.ends_stream() {
                break;
            }
            passed = item.sequence().or(passed);
            seat.next += 1;
        }
        passed
    }
}

impl Line {
    fn mark(&self) -> Mark {
        Mark {
            number: self.tail.end(),
            bytes: self.pushed,
        }
    }

    /// Appends an item, if anybody is there to take it. Gives the newest sequence there was before it.
    fn add(&mut self, item: Item) -> Option<u64> {
        if self.closed || self.readers == 0 {
            return None;
        }
        self.closed = item.ends_stream();
        let before = item.sequence().map_or(0, |sequence| sequence - 1);
        self.pushed += item.size() as u64;
        self.tail.push(item);
        Some(before)
    }

    fn seat(&mut self, next: u64) -> Seat {
        let slot = self.takers.add();
        Seat { slot, next }
    }

    fn unseat(&mut self, seat: &Seat) -> Option<Waker> {
        let waker = self.takers.remove(seat.slot);
        self.clear_if_done();
        waker
    }

    fn clear_if_done(&mut self) {
        if self.takers.are_done() {
            self.tail.clear();
        }
    }
}

impl Seat {
    /// The number of the next item to take.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }
}

impl GroupId {
    fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}
