use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Waker,
};

use bytes::Bytes;
use slab::Slab;
use tidings_log::Record;

use crate::{GoodbyeReason, encoding::Wire, filter::Filter, sync::Mutex};

/// How many items a tail holds for members that have not taken them. Who is further behind reads the log.
const MAX_TAIL_ITEMS: usize = 1024;
/// How many bytes of payload and blocks a tail holds.
const MAX_TAIL_BYTES: usize = 256 << 10;
/// How many bytes all tails of a broker hold together. Beyond it a tail drops even its newest event.
const MAX_BYTES_OF_ALL_TAILS: usize = 64 << 20;

/// The bytes that all tails of a broker hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct TailBytes(Arc<AtomicUsize>);

/// All subscriptions with the same filter and encoding: an event is matched and appended once for all of them.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) filter: Filter,
    pub(crate) wire: Option<Wire>,
    /// The innermost lock: taken last, held for moments, and nobody is woken under it.
    tail: Mutex<Tail>,
}

/// What happens on a group, in order.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    /// An event, with its block if the group has an encoding.
    Event(Arc<Record>, Bytes),
    /// A topic that a pattern matches was deleted.
    Deleted,
    /// The last open topic ended; nothing follows.
    End,
    /// The stream ends on purpose; nothing follows.
    Goodbye(GoodbyeReason),
}

/// The items that some member has not taken yet.
#[derive(Debug)]
struct Tail {
    items: VecDeque<Item>,
    /// The number of the first item; items are numbered through the life of the group.
    base: u64,
    bytes: usize,
    /// Counts `bytes` of all tails; a hint, so nothing is ordered by it.
    of_all: TailBytes,
    /// The sequence of the newest event that was dropped to keep within the limits.
    floor: u64,
    members: Slab<Member>,
    parked: usize,
    closed: bool,
}

/// What a tail knows of a member.
#[derive(Debug, Default)]
struct Member {
    /// Whom to wake, if the member is parked: it has taken everything.
    waker: Option<Waker>,
    /// The newest sequence there was, matching or not, when the member was last woken from being parked.
    parked_until: u64,
}

/// A member's place in its group.
#[derive(Debug)]
pub(crate) struct Seat {
    slot: usize,
    /// The number of the next item to take.
    next: u64,
}

/// What taking from the tail gave.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// Items, at least one.
    Items,
    /// Nothing: the member is parked and will be woken.
    Parked,
    /// The member's next items were dropped; the log has the events up to here.
    FellOff(u64),
}

impl Group {
    pub(crate) fn new(filter: Filter, wire: Option<Wire>, of_all: TailBytes) -> Self {
        let tail = Tail {
            items: VecDeque::new(),
            base: 0,
            bytes: 0,
            of_all,
            floor: 0,
            members: Slab::new(),
            parked: 0,
            closed: false,
        };
        Self {
            filter,
            wire,
            tail: Mutex::new(tail),
        }
    }

    /// Adds a member that takes what is pushed from now on.
    pub(crate) fn join(&self) -> Seat {
        let mut tail = self.tail.lock();
        let next = tail.end();
        Seat {
            slot: tail.members.insert(Member::default()),
            next,
        }
    }

    /// Removes a member. Gives its waker, if it was parked, and whether it was the last.
    pub(crate) fn leave(&self, seat: &Seat) -> (Option<Waker>, bool) {
        let mut tail = self.tail.lock();
        let waker = tail.members.remove(seat.slot).waker;
        tail.parked -= usize::from(waker.is_some());
        tail.drop_taken();
        (waker, tail.members.is_empty())
    }

    /// How many members there are.
    pub(crate) fn members(&self) -> usize {
        self.tail.lock().members.len()
    }

    /// Whether its last item has been pushed.
    pub(crate) fn is_closed(&self) -> bool {
        self.tail.lock().closed
    }

    /// How many items the member has not taken.
    pub(crate) fn waiting_for(&self, seat: &Seat) -> u64 {
        self.tail.lock().end() - seat.next
    }

    /// Appends an item and collects the wakers of parked members. Gives the number of members.
    pub(crate) fn push(&self, item: Item, wakers: &mut Vec<Waker>) -> usize {
        let mut tail = self.tail.lock();
        if tail.closed || tail.members.is_empty() {
            return 0;
        }
        tail.closed = matches!(item, Item::End | Item::Goodbye(_));
        let before = match &item {
            Item::Event(record, _) => record.sequence - 1,
            Item::Deleted | Item::End | Item::Goodbye(_) => 0,
        };
        tail.add(item);
        while tail.is_over_its_limits() {
            tail.drop_oldest();
        }
        if tail.parked > 0 {
            for (_, member) in &mut tail.members {
                if let Some(waker) = member.waker.take() {
                    member.parked_until = member.parked_until.max(before);
                    wakers.push(waker);
                }
            }
            tail.parked = 0;
        }
        tail.members.len()
    }

    /// Takes up to `limit` bytes of items, at least one, or parks the member if there is none.
    pub(crate) fn take(
        &self,
        seat: &mut Seat,
        limit: usize,
        waker: &Waker,
        out: &mut Vec<Item>,
    ) -> Taken {
        // Dropped once the tail is unlocked: a waker may be the last owner of a task, and that of another member.
        let replaced;
        let mut tail = self.tail.lock();
        let Some(skip) = seat.next.checked_sub(tail.base) else {
            seat.next = tail.base;
            return Taken::FellOff(tail.floor);
        };
        let mut bytes = 0;
        for item in tail.items.iter().skip(skip as usize) {
            if bytes >= limit {
                break;
            }
            bytes += item.size();
            seat.next += 1;
            out.push(item.clone());
        }
        if !out.is_empty() {
            return Taken::Items;
        }
        replaced = tail.members[seat.slot].waker.replace(waker.clone());
        tail.parked += usize::from(replaced.is_none());
        tail.drop_taken();
        Taken::Parked
    }

    /// Takes out the waker of a member that is parked.
    pub(crate) fn wake(&self, seat: &Seat) -> Option<Waker> {
        let mut tail = self.tail.lock();
        let waker = tail.members[seat.slot].waker.take();
        tail.parked -= usize::from(waker.is_some());
        waker
    }

    /// A sequence up to which the member has certainly taken everything here.
    pub(crate) fn taken_until(&self, seat: &Seat) -> u64 {
        self.tail.lock().members[seat.slot].parked_until
    }

    /// The first event that the member has not taken and that is still here.
    pub(crate) fn first_waiting(&self, seat: &Seat) -> Option<Arc<Record>> {
        let tail = self.tail.lock();
        let skip = seat.next.saturating_sub(tail.base) as usize;
        tail.items.iter().skip(skip).find_map(|item| match item {
            Item::Event(record, _) => Some(record.clone()),
            Item::Deleted | Item::End | Item::Goodbye(_) => None,
        })
    }

    /// Moves the member past all events, up to an item that ends the stream. Gives the last sequence passed.
    pub(crate) fn pass_over(&self, seat: &mut Seat) -> Option<u64> {
        let tail = self.tail.lock();
        let skip = seat.next.saturating_sub(tail.base) as usize;
        let mut passed = (seat.next < tail.base).then_some(tail.floor);
        seat.next = seat.next.max(tail.base);
        for item in tail.items.iter().skip(skip) {
            match item {
                Item::Event(record, _) => passed = Some(record.sequence),
                Item::Deleted => {}
                Item::End | Item::Goodbye(_) => break,
            }
            seat.next += 1;
        }
        passed
    }
}

impl Tail {
    /// The number of the next item to be pushed.
    fn end(&self) -> u64 {
        self.base + self.items.len() as u64
    }

    fn add(&mut self, item: Item) {
        self.bytes += item.size();
        self.of_all.0.fetch_add(item.size(), Ordering::Relaxed);
        self.items.push_back(item);
    }

    fn is_over_its_limits(&self) -> bool {
        let too_much = self.items.len() > MAX_TAIL_ITEMS || self.bytes > MAX_TAIL_BYTES;
        let too_much_of_all = self.of_all.0.load(Ordering::Relaxed) > MAX_BYTES_OF_ALL_TAILS;
        (too_much && self.items.len() > 1) || (too_much_of_all && self.bytes > 0)
    }

    fn drop_oldest(&mut self) {
        if let Some(item) = self.items.pop_front() {
            self.base += 1;
            self.bytes -= item.size();
            self.of_all.0.fetch_sub(item.size(), Ordering::Relaxed);
            if let Item::Event(record, _) = item {
                self.floor = record.sequence;
            }
        }
    }

    /// Empties the tail once every member has taken everything.
    fn drop_taken(&mut self) {
        if self.parked == self.members.len() {
            self.base = self.end();
            self.items.clear();
            self.of_all.0.fetch_sub(self.bytes, Ordering::Relaxed);
            self.bytes = 0;
        }
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.of_all.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Item {
    fn size(&self) -> usize {
        match self {
            Self::Event(record, block) if block.is_empty() => record.data.len(),
            Self::Event(_, block) => block.len(),
            Self::Deleted | Self::End | Self::Goodbye(_) => 0,
        }
    }
}
