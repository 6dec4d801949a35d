//! Live events for many subscribers at once.

mod given;
mod overtaken;
mod stages;

use std::{ops::ControlFlow, sync::Arc, task::Waker};

use bytes::Bytes;
use tidings_log::Timestamp;

use crate::{
    group::{Group, GroupId, Seat, Taken},
    reader::{Live, Place, Reader},
    shared::Shared,
    tail::Item,
};

use given::Given;
use overtaken::{Overtaken, Page};
use stages::{Stage, Stages};

pub(crate) use given::FedPlace;

/// What one thread takes from the broker for many subscribers with the same selectors and encoding: each event once
/// for all of them.
///
/// A subscriber that has been given everything [joins](Self::join), and gives nothing itself until it has
/// [left](Self::leave). Events alone go this way. Whatever else comes, each takes for itself: [`Feed::take`] tells
/// when all have to leave, and a subscriber that has to leave by itself is woken. Who has not left when the feed is
/// dropped is given nothing more.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::task::{Context, Waker};
/// use tidings::{Broker, Event, Fed, Feed, Selector, Subscription, Topic, Wire};
///
/// let broker = Broker::new();
/// let jobs = Subscription::to(Selector::new("jobs/*")?).encoded(Wire::default());
/// let mut readers = [broker.subscribe(jobs.clone())?, broker.subscribe(jobs)?];
///
/// // Whoever writes to many readers has wakers of its own; here nobody sleeps.
/// let waker = Waker::noop();
/// let mut feed = Feed::new(&readers[0].member(), waker.clone()).ok_or("not live")?;
/// let mut next = [0; 2];
/// for (reader, next) in readers.iter_mut().zip(&mut next) {
///     assert!(reader.poll_batch(&mut Context::from_waker(waker)).is_pending());
///     *next = feed.join(&reader.member(), waker.clone()).ok_or("not everything given")?;
/// }
///
/// broker.publish(Topic::new("jobs/7")?, Event::new("done")).await?;
/// let mut blocks = Vec::new();
/// while let Fed::Events { first } = feed.take(64 << 10, &mut blocks) {
///     for next in &mut next {
///         // Here the blocks from number `next` on, in one piece, are written to one reader after the other.
///         *next = first + blocks.len() as u64;
///     }
///     // Nobody is behind.
///     feed.settle(next[0]);
///     blocks.clear();
/// }
///
/// // The first one goes on by itself, having had the event.
/// feed.leave(&readers[0].member(), next[0]);
/// assert!(readers[0].poll_batch(&mut Context::from_waker(waker)).is_pending());
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Feed {
    shared: Arc<Shared>,
    group: Arc<Group>,
    seat: Seat,
    stages: Stages,
    /// What it reads from the log until it has come to the tail again, which has dropped what comes next for it.
    overtaken: Option<Box<Overtaken>>,
    /// The number that it had come to when it was last parked.
    parked_at: u64,
    taken_at: Timestamp,
    is_dissolved: bool,
    /// The group keeps what some members have yet to be given: they may leave.
    is_behind: bool,
    given: Arc<Given>,
}

/// How many pages of the log are read at one time until there is an event among them.
const PAGES_PER_TURN: usize = 4;

/// A subscriber as its feed knows it.
#[derive(Clone, Debug)]
pub struct Member {
    pub(crate) reader: Arc<Reader>,
}

/// What taking for a feed gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fed {
    /// Events.
    Events {
        /// The number of the first one. The others follow without a hole.
        first: u64,
    },
    /// Nothing: the feed is woken when there is something.
    Nothing,
    /// What comes next is for each member to take by itself: all have to leave.
    Dissolved,
}

impl Member {
    /// Tells that what it was given is still on its way to the reader, so that a slow one is not taken for one that
    /// stopped.
    pub fn note_progress(&self) {
        self.reader.touch();
    }

    /// The group that the subscriber follows, if it is encoded and live. Feeds are for one group each.
    pub fn group(&self) -> Option<GroupId> {
        let state = self.reader.state.lock();
        let live = state.live.as_ref()?;
        live.group.wire.is_some().then_some(live.group.id)
    }
}

impl Feed {
    /// A feed for the group that this subscriber follows; `None` if it follows none now or has not been given
    /// everything. It takes what is published from now on, and `waker` is woken once for all that comes after it has
    /// [taken](Self::take) everything.
    pub fn new(member: &Member, waker: Waker) -> Option<Self> {
        let state = member.reader.state.lock();
        let Live {
            group,
            place: Place::Own(taken),
        } = state.live.as_ref().filter(|_| state.may_be_fed())?
        else {
            return None;
        };
        group.wire?;
        let (seat, mark) = group.join_feed(taken)?;
        let cursor = state.cursor.max(group.taken_until(taken));
        let group = group.clone();
        drop(state);
        let shared = member.reader.shared.clone();
        let given = Given::new(waker);
        let taken_at = shared.clock.now();
        given.note(mark, taken_at);
        Some(Self {
            shared,
            group,
            seat,
            stages: Stages::at(mark, cursor),
            overtaken: None,
            parked_at: mark.number,
            taken_at,
            is_dissolved: false,
            is_behind: false,
            given: Arc::new(given),
        })
    }

    /// Takes a subscriber in, if it follows the same group and has been given everything. Gives the number of the
    /// first event that the feed has for it. `waker` is woken when it has to [leave](Self::leave) by itself.
    ///
    /// Otherwise, as after leaving, the subscriber has to be polled to be woken.
    pub fn join(&mut self, member: &Member, waker: Waker) -> Option<u64> {
        let mut state = member.reader.state.lock();
        if self.is_dissolved || !state.may_be_fed() {
            return None;
        }
        let live = state.live.as_mut()?;
        if !Arc::ptr_eq(&live.group, &self.group) {
            return None;
        }
        let Place::Own(seat) = &live.place else {
            return None;
        };
        let (joined, parked) = self.group.pass_to_feed(seat)?;
        live.place = Place::Fed(FedPlace::new(joined, self.given.clone(), waker));
        drop(state);
        // Not under the lock: a waker may be the last owner of a task, and that of another subscriber.
        drop(parked);
        Some(joined.number)
    }

    /// Lets a subscriber go on by itself from the event of this number on: the first that it has not been given. It has
    /// to be polled then. One that is in no feed stays as it is.
    pub fn leave(&mut self, member: &Member, next: u64) {
        let mut state = member.reader.state.lock();
        let Some(Live { group, place }) = &mut state.live else {
            return;
        };
        if !matches!(place, Place::Fed(fed) if fed.is_in(&self.given)) {
            return;
        }
        let own = Place::Own(group.pass_from_feed(next));
        let Place::Fed(fed) = std::mem::replace(place, own) else {
            return;
        };
        let Stage { mark, cursor } = self.stages.find(next);
        let at = if mark.number == self.stages.first().mark.number {
            self.given.at()
        } else {
            self.taken_at
        };
        let passed = self.passed_over(mark.number);
        state.cursor = state.cursor.max(cursor).max(passed);
        state.asked_at = state.asked_at.max(at);
        let (is_withdrawn, is_ending) = (state.withdrawals > 0, state.is_ending());
        drop(state);
        if is_ending {
            fed.let_go();
        }
        let (events, bytes) = fed.since_joined(mark);
        if events > 0 {
            member.reader.count(events, bytes, at);
        }
        if is_withdrawn {
            self.shared.note_change();
        }
    }

    /// Takes the next events, up to so many bytes of blocks, at least one. To be called after
    /// [`settle`](Self::settle) for what was taken before.
    pub fn take(&mut self, limit: usize, blocks: &mut Vec<Bytes>) -> Fed {
        let first = self.stages.last().mark.number;
        for _ in 0..PAGES_PER_TURN {
            if self.is_dissolved {
                return Fed::Dissolved;
            }
            if self.given.is_held() {
                return Fed::Nothing;
            }
            let is_parked = match self.overtaken.take() {
                Some(overtaken) => self.read_log(overtaken, limit, blocks),
                None => self.take_tail(limit, blocks),
            };
            if self.stages.last().mark.number > first {
                self.taken_at = self.shared.clock.now();
                return Fed::Events { first };
            }
            if is_parked {
                return Fed::Nothing;
            }
        }
        self.given.waker().wake_by_ref();
        Fed::Nothing
    }

    /// Takes from the tail of the group. True if the feed is parked.
    fn take_tail(&mut self, limit: usize, blocks: &mut Vec<Bytes>) -> bool {
        let mut is_event = true;
        let (stages, given) = (&mut self.stages, &self.given);
        let number = stages.last().mark.number;
        let add = |item: &Item| {
            if given.is_held() {
                return ControlFlow::Break(());
            }
            let Item::Event(record, block) = item else {
                is_event = false;
                return ControlFlow::Break(());
            };
            stages.push(record.sequence, block.len());
            blocks.push(block.clone());
            ControlFlow::Continue(())
        };
        let taken = self
            .group
            .take(&mut self.seat, limit.max(1), given.waker(), add);
        match taken {
            Taken::Parked => self.parked_at = number,
            Taken::Items => {
                self.is_dissolved = !is_event && self.stages.last().mark.number == number
            }
            // Its members are numbered as the items are, and the log has no number for this one.
            Taken::FellOff {
                events_only: false, ..
            } => self.is_dissolved = true,
            Taken::FellOff { until, .. } => {
                self.stages.pass(self.passed_over(number));
                let (group, end) = (self.group.clone(), self.seat.next());
                let overtaken = Overtaken::new(group, until, end, &self.shared.replays);
                self.overtaken = Some(Box::new(overtaken));
            }
        }
        taken == Taken::Parked
    }

    /// Reads what the tail has dropped from the log. True if the feed is parked until that is there.
    fn read_log(
        &mut self,
        mut overtaken: Box<Overtaken>,
        limit: usize,
        blocks: &mut Vec<Bytes>,
    ) -> bool {
        let waker = self.given.waker();
        let read = overtaken.read(&self.shared, waker, &mut self.stages, limit, blocks);
        match read {
            Page::Met => {}
            Page::Lost => self.is_dissolved = true,
            Page::Taken | Page::Parked => self.overtaken = Some(overtaken),
        }
        read == Page::Parked
    }

    /// What had certainly passed before the event of this number came, if nothing came before it since the feed was
    /// parked.
    fn passed_over(&self, number: u64) -> u64 {
        if number >= self.parked_at {
            self.group.taken_until(&self.seat)
        } else {
            0
        }
    }

    /// Whether what it has yet to take is more than half of what is retained, so that it may be evicted soon. Whoever
    /// waits for slow members should not wait any longer.
    pub fn is_at_risk(&self) -> bool {
        let core = self.shared.core.lock();
        let cursor = self.stages.last().cursor;
        let behind = core.log.head().saturating_sub(cursor);
        self.group
            .filter
            .scope(|scope| core.log.misses_any(scope, cursor.saturating_sub(behind)))
    }

    /// Takes note that every member has been given all events before this number. What was kept of them to tell where a
    /// member [leaves](Self::leave) is dropped.
    pub fn settle(&mut self, number: u64) {
        let is_behind = self.stages.drop_before(number);
        self.given.note(self.stages.first().mark, self.taken_at);
        if is_behind != self.is_behind {
            self.is_behind = is_behind;
            self.group.keep_for(&self.seat, is_behind);
        }
    }

    /// The group that it is for.
    pub fn group(&self) -> GroupId {
        self.group.id
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        drop(self.group.leave_feed(&self.seat));
    }
}
