//! Live events for many subscribers at once.

use std::{
    collections::VecDeque,
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::Waker,
};

use bytes::Bytes;
use tidings_log::Timestamp;

use crate::{
    group::{Group, GroupId, Mark, Seat, Taken},
    reader::{Live, Place, Reader},
    shared::Shared,
    tail::Item,
};

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
    waker: Waker,
    /// Where members may be: before the first event that not all of them have been given, and after each one from there.
    /// Never empty.
    stages: VecDeque<Stage>,
    /// The number that it had come to when it was last parked.
    parked_at: u64,
    taken_at: Timestamp,
    is_dissolved: bool,
    /// The group keeps what some members have yet to be given: they may leave.
    is_behind: bool,
    progress: Arc<Progress>,
}

/// A place between two events.
#[derive(Clone, Copy, Debug)]
struct Stage {
    mark: Mark,
    /// The sequence of the event before it; 0 if the feed has not taken that.
    cursor: u64,
}

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

/// A reader's place in a feed.
#[derive(Debug)]
pub(crate) struct FedPlace {
    joined: Mark,
    progress: Arc<Progress>,
    waker: Waker,
}

/// What all members of a feed have been given. Nothing is ordered by it.
#[derive(Debug, Default)]
struct Progress {
    number: AtomicU64,
    bytes: AtomicU64,
    at: AtomicU64,
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
    /// A feed for the group that this subscriber follows; `None` if it follows none now. It takes what is published
    /// from now on, and `waker` is woken once for all that comes after it has [taken](Self::take) everything.
    pub fn new(member: &Member, waker: Waker) -> Option<Self> {
        let state = member.reader.state.lock();
        let group = state.live.as_ref()?.group.clone();
        drop(state);
        group.wire?;
        let (seat, mark) = group.join_feed();
        let shared = member.reader.shared.clone();
        let progress = Progress::default();
        let taken_at = shared.clock.now();
        progress.note(mark, taken_at);
        Some(Self {
            shared,
            group,
            seat,
            waker,
            stages: VecDeque::from([Stage { mark, cursor: 0 }]),
            parked_at: mark.number,
            taken_at,
            is_dissolved: false,
            is_behind: false,
            progress: Arc::new(progress),
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
        live.place = Place::Fed(FedPlace {
            joined,
            progress: self.progress.clone(),
            waker,
        });
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
        if !matches!(place, Place::Fed(fed) if Arc::ptr_eq(&fed.progress, &self.progress)) {
            return;
        }
        let own = Place::Own(group.pass_from_feed(next));
        let Place::Fed(fed) = std::mem::replace(place, own) else {
            return;
        };
        let first = self.stages[0].mark.number;
        let stage = usize::try_from(next.saturating_sub(first)).unwrap_or(usize::MAX);
        let stage = stage.min(self.stages.len() - 1);
        let Stage { mark, cursor } = self.stages[stage];
        let at = match stage {
            0 => self.progress.at(),
            _ => self.taken_at,
        };
        // What the feed had passed over when it was parked is nothing for a member that was behind then.
        let passed = if mark.number >= self.parked_at {
            group.taken_until(&self.seat)
        } else {
            0
        };
        state.cursor = state.cursor.max(cursor).max(passed);
        state.asked_at = state.asked_at.max(at);
        let is_recalled = state.recalls > 0;
        drop(state);
        let (events, bytes) = fed.since_joined(mark);
        if events > 0 {
            member.reader.count(events, bytes, at);
        }
        if is_recalled {
            self.shared.note_change();
        }
    }

    /// Takes the next events, up to so many bytes of blocks, at least one. To be called after
    /// [`settle`](Self::settle) for what was taken before.
    pub fn take(&mut self, limit: usize, blocks: &mut Vec<Bytes>) -> Fed {
        let mut stage = self.stages[self.stages.len() - 1];
        let first = stage.mark.number;
        if self.is_dissolved {
            return Fed::Dissolved;
        }
        let stages = &mut self.stages;
        let add = |item: &Item| {
            let Item::Event(record, block) = item else {
                return ControlFlow::Break(());
            };
            stage.cursor = record.sequence;
            stage.mark.number += 1;
            stage.mark.bytes += item.size() as u64;
            stages.push_back(stage);
            blocks.push(block.clone());
            ControlFlow::Continue(())
        };
        match self
            .group
            .take(&mut self.seat, limit.max(1), &self.waker, add)
        {
            Taken::Parked => {
                self.parked_at = first;
                Fed::Nothing
            }
            Taken::Items if stage.mark.number > first => {
                self.taken_at = self.shared.clock.now();
                Fed::Events { first }
            }
            Taken::Items | Taken::FellOff(_) => {
                self.is_dissolved = true;
                Fed::Dissolved
            }
        }
    }

    /// Takes note that every member has been given all events before this number. What was kept of them to tell where a
    /// member [leaves](Self::leave) is dropped.
    pub fn settle(&mut self, number: u64) {
        while self.stages.len() > 1 && self.stages[0].mark.number < number {
            self.stages.pop_front();
        }
        self.progress.note(self.stages[0].mark, self.taken_at);
        let is_behind = self.stages.len() > 1;
        if !is_behind {
            self.stages.shrink_to(1);
        }
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

impl FedPlace {
    /// Events and bytes that it was given, and when the last of them.
    pub(crate) fn given(&self) -> Option<(u64, u64, Timestamp)> {
        let (events, bytes) = self.since_joined(self.progress.mark());
        (events > 0).then(|| (events, bytes, self.progress.at()))
    }

    /// The number of the item that comes next, as far as is known.
    pub(crate) fn next(&self) -> u64 {
        self.progress.mark().number.max(self.joined.number)
    }

    pub(crate) fn waker(&self) -> &Waker {
        &self.waker
    }

    fn since_joined(&self, given: Mark) -> (u64, u64) {
        let events = given.number.saturating_sub(self.joined.number);
        let bytes = given.bytes.saturating_sub(self.joined.bytes);
        (events, bytes)
    }
}

impl Progress {
    fn note(&self, mark: Mark, now: Timestamp) {
        if self.number.swap(mark.number, Ordering::Relaxed) != mark.number {
            self.bytes.store(mark.bytes, Ordering::Relaxed);
            self.at.store(now.as_millis(), Ordering::Relaxed);
        }
    }

    fn mark(&self) -> Mark {
        Mark {
            number: self.number.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }

    fn at(&self) -> Timestamp {
        Timestamp::from_millis(self.at.load(Ordering::Relaxed))
    }
}
