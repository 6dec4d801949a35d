use std::{
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::Waker,
    time::Instant,
};

use slab::Slab;
use tidings_log::Record;

use crate::{
    encoding::Wire,
    filter::Filter,
    subscription::Presence,
    sync::Mutex,
    tail::{Item, Tail, TailBytes},
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
    /// Those who take: readers on their own, and feeds that take for many.
    takers: Slab<Taker>,
    /// How many takers are parked: they have taken everything that they were told of.
    parked: usize,
    /// How many feeds have members that have not been given all that was taken.
    behind: usize,
    /// How many readers there are, on their own and in feeds.
    readers: usize,
    /// How many bytes were pushed through the life of the group.
    pushed: u64,
    /// What was pushed since nobody was told of it.
    quiet: Option<Quiet>,
    closed: bool,
}

/// Items that takers are told of later.
#[derive(Clone, Copy, Debug)]
struct Quiet {
    /// When at the latest.
    until: Instant,
    /// The newest sequence there was before the first of them.
    before: u64,
}

#[derive(Debug, Default)]
struct Taker {
    /// Whom to wake, if it is parked.
    waker: Option<Waker>,
    /// The newest sequence there was, matching or not, when it was last woken from being parked.
    parked_until: u64,
    /// It is a feed with a member that has not been given all that it has taken.
    is_behind: bool,
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
    /// The next items were dropped; the log has the events up to here.
    FellOff(u64),
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
            takers: Slab::new(),
            parked: 0,
            behind: 0,
            readers: 0,
            pushed: 0,
            quiet: None,
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
        let was_behind = std::mem::replace(&mut line.takers[seat.slot].is_behind, is_behind);
        line.behind -= usize::from(was_behind);
        line.behind += usize::from(is_behind);
        line.clear_if_taken();
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

    /// How many items there are from this number on.
    pub(crate) fn waiting_from(&self, next: u64) -> u64 {
        self.line.lock().tail.end().saturating_sub(next)
    }

    /// Appends an item and collects the wakers of parked takers. Gives the number of readers that show.
    pub(crate) fn push(&self, item: Item, wakers: &mut Vec<Waker>) -> usize {
        let mut line = self.line.lock();
        if let Some(before) = line.add(item) {
            line.wake_parked(before, wakers);
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
        let known = line.quiet;
        let before = known.map_or(before, |quiet| quiet.before);
        let is_sooner = known.is_none_or(|quiet| until < quiet.until);
        if is_sooner {
            line.quiet = Some(Quiet { until, before });
        }
        (self.shown_of(&line), is_sooner)
    }

    /// Gives the wakers of parked takers that have not been told of what is there.
    pub(crate) fn ring(&self) -> Vec<Waker> {
        let mut wakers = Vec::new();
        let mut line = self.line.lock();
        if let Some(quiet) = line.quiet {
            line.wake_parked(quiet.before, &mut wakers);
        }
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
        // Dropped once the group is unlocked: a waker may be the last owner of a task, and that of another reader.
        let replaced;
        let mut line = self.line.lock();
        if seat.next < line.tail.base() {
            seat.next = line.tail.base();
            return Taken::FellOff(line.tail.floor());
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
        replaced = line.takers[seat.slot].waker.replace(waker.clone());
        line.parked += usize::from(replaced.is_none());
        line.clear_if_taken();
        Taken::Parked
    }

    /// Takes out the waker of a taker that is parked.
    pub(crate) fn wake(&self, seat: &Seat) -> Option<Waker> {
        let mut line = self.line.lock();
        let waker = line.takers[seat.slot].waker.take();
        line.parked -= usize::from(waker.is_some());
        waker
    }

    /// A sequence up to which the taker has certainly taken everything here.
    pub(crate) fn taken_until(&self, seat: &Seat) -> u64 {
        self.line.lock().takers[seat.slot].parked_until
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
        Seat {
            slot: self.takers.insert(Taker::default()),
            next,
        }
    }

    fn unseat(&mut self, seat: &Seat) -> Option<Waker> {
        let Taker {
            waker, is_behind, ..
        } = self.takers.remove(seat.slot);
        self.parked -= usize::from(waker.is_some());
        self.behind -= usize::from(is_behind);
        self.clear_if_taken();
        waker
    }

    fn wake_parked(&mut self, before: u64, wakers: &mut Vec<Waker>) {
        let before = self.quiet.take().map_or(before, |quiet| quiet.before);
        if self.parked == 0 {
            return;
        }
        for (_, taker) in &mut self.takers {
            if let Some(waker) = taker.waker.take() {
                taker.parked_until = taker.parked_until.max(before);
                wakers.push(waker);
            }
        }
        self.parked = 0;
    }

    /// Empties the tail once everything has been taken: whoever is parked has taken all, unless something has been pushed
    /// quietly since.
    fn clear_if_taken(&mut self) {
        let is_taken = self.parked == self.takers.len() && self.behind == 0;
        if is_taken && self.quiet.is_none() {
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
