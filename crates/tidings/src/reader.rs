use std::{
    borrow::Borrow,
    collections::VecDeque,
    hash::{Hash, Hasher},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::Waker,
};

use tidings_log::{Timestamp, Topic};

use crate::{
    Connection, ConnectionId, Control, GoodbyeReason, Peer,
    catch_up::{CatchUp, Reading},
    feed::FedPlace,
    group::{Group, Seat},
    lag::STALLED_AFTER,
    reads::PageRead,
    replays::Replaying,
    shared::Shared,
    sync::Mutex,
};

/// One subscription: what its owner and the broker share. Found by its id.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) id: ConnectionId,
    pub(crate) peer: Peer,
    /// The broker, which forgets it when its owner goes or has been given everything.
    pub(crate) shared: Arc<Shared>,
    /// The place just before the first event that it can be given.
    pub(crate) start: u64,
    pub(crate) connected_at: Timestamp,
    /// The outermost lock: taken before the core.
    pub(crate) state: Mutex<State>,
    last_active_at: AtomicU64,
    sent_events: AtomicU64,
    sent_bytes: AtomicU64,
}

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
    /// The stream is to end at once.
    pub(crate) dismissed: Option<GoodbyeReason>,
    /// How many wait to have it out of its feed, and keep it out.
    pub(crate) withdrawals: u32,
    /// The last item has been handed out.
    pub(crate) done: bool,
}

/// What a reader is given before the live items.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    /// What the stream begins with.
    pub(crate) opening: Vec<Control>,
    /// What follows, in order.
    pub(crate) steps: VecDeque<Step>,
    /// How many events of it were handed out.
    pub(crate) replayed: u64,
    /// It is one of those that share what replays may hold.
    pub(crate) replaying: Option<Replaying>,
}

/// The group that a reader follows, and how.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) group: Arc<Group>,
    pub(crate) place: Place,
}

/// Who takes from the group for a reader.
#[derive(Debug)]
pub(crate) enum Place {
    /// The reader.
    Own(Seat),
    /// A feed, for many.
    Fed(FedPlace),
}

/// A part of a backlog.
#[derive(Debug)]
pub(crate) enum Step {
    /// What the log has for a group up to a sequence.
    CatchUp(CatchUp),
    /// The confirmation of a replay.
    Resumed {
        /// The id it was asked for with.
        from: String,
    },
    /// The end of the stream.
    End,
}

impl Step {
    /// Reads what a member of the group has not taken, up to a sequence. Nothing of that was gone when it was pushed.
    pub(crate) fn behind(group: Arc<Group>, until: u64) -> Self {
        Self::CatchUp(CatchUp::new(group, until, Reading::Behind, 0))
    }
}

impl Reader {
    /// A reader that starts where its state is.
    pub(crate) fn new(
        shared: Arc<Shared>,
        id: ConnectionId,
        peer: Peer,
        state: State,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            peer,
            shared,
            start: state.cursor,
            connected_at: now,
            state: Mutex::new(state),
            last_active_at: AtomicU64::new(now.as_millis()),
            sent_events: AtomicU64::new(0),
            sent_bytes: AtomicU64::new(0),
        }
    }

    pub(crate) fn count(&self, events: u64, bytes: u64, now: Timestamp) {
        self.sent_events.fetch_add(events, Ordering::Relaxed);
        self.sent_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.last_active_at
            .store(now.as_millis(), Ordering::Relaxed);
    }

    /// Takes note that its owner asks for items, or works through those it has taken.
    pub(crate) fn touch(&self) {
        self.state.lock().asked_at = self.shared.clock.now();
    }

    /// Tells its owner to end the stream with a goodbye, whatever else waits. Gives the wakers of a parked owner.
    pub(crate) fn dismiss(&self, reason: GoodbyeReason) -> impl Iterator<Item = Waker> + use<> {
        let mut state = self.state.lock();
        state.dismissed.get_or_insert(reason);
        let reading = state.page_read().and_then(PageRead::waker);
        let waiting = state.live.as_ref().and_then(Live::waker);
        reading.into_iter().chain(waiting)
    }

    /// Has it leave its feed, if it is in one, and join none. Gives the waker of its owner.
    pub(crate) fn withdraw(&self) -> Option<Waker> {
        let mut state = self.state.lock();
        state.withdrawals += 1;
        state.fed_place().map(|fed| fed.waker().clone())
    }

    pub(crate) fn describe(&self) -> Connection {
        let state = self.state.lock();
        let group = state.group();
        let mut last_active_at =
            Timestamp::from_millis(self.last_active_at.load(Ordering::Relaxed));
        let mut sent_events = self.sent_events.load(Ordering::Relaxed);
        let mut sent_bytes = self.sent_bytes.load(Ordering::Relaxed);
        if let Some((events, bytes, at)) = state.fed_place().and_then(FedPlace::given) {
            sent_events += events;
            sent_bytes += bytes;
            last_active_at = at;
        }
        Connection {
            id: self.id.clone(),
            topics: group.map_or_else(Vec::new, |group| group.filter.texts()),
            peer: self.peer.clone(),
            connected_at: self.connected_at,
            last_active_at,
            sent_events,
            sent_bytes,
            lag: state.lag(),
        }
    }
}

impl Borrow<ConnectionId> for Arc<Reader> {
    fn borrow(&self) -> &ConnectionId {
        &self.id
    }
}

impl PartialEq for Reader {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Reader {}

impl Hash for Reader {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

impl State {
    /// The page that it waits for.
    pub(crate) fn page_read(&self) -> Option<&PageRead> {
        match self.steps().next() {
            Some(Step::CatchUp(step)) => step.page_read(),
            Some(Step::Resumed { .. } | Step::End) | None => None,
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
                Step::Resumed { .. } | Step::End => None,
            })
        })
    }

    pub(crate) fn lag(&self) -> u64 {
        let behind = self.steps().rev().find_map(|step| match step {
            Step::CatchUp(step) => Some(step.left(self.cursor)),
            Step::Resumed { .. } | Step::End => None,
        });
        let waiting = self.live.as_ref().map_or(0, Live::waiting);
        behind.unwrap_or(0) + waiting
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

impl Live {
    /// Joins a group as a reader on its own.
    pub(crate) fn join(group: Arc<Group>) -> Self {
        let seat = group.join();
        Self {
            group,
            place: Place::Own(seat),
        }
    }

    /// Whom to wake so that the reader is looked at: its owner, if it is parked or fed.
    fn waker(&self) -> Option<Waker> {
        match &self.place {
            Place::Own(seat) => self.group.wake(seat),
            Place::Fed(fed) => Some(fed.waker().clone()),
        }
    }

    fn waiting(&self) -> u64 {
        let next = match &self.place {
            Place::Own(seat) => seat.next(),
            Place::Fed(fed) => fed.next(),
        };
        self.group.waiting_from(next)
    }
}

#[cfg(test)]
#[cfg(not(tidings_loom))]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_waits_costs_little_memory() {
        assert!(size_of::<State>() <= 80, "{}", size_of::<State>());
        assert!(size_of::<Reader>() <= 216, "{}", size_of::<Reader>());
    }
}
