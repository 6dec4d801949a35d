//! One subscription, as its owner and the broker share it.

mod backlog;
mod live;
mod state;

use std::{
    borrow::Borrow,
    hash::{Hash, Hasher},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::Waker,
};

use tidings_log::Timestamp;

use crate::{
    Connection, ConnectionId, GoodbyeReason, Peer, Selectors,
    feed::FedPlace,
    shared::Shared,
    sync::{Mutex, MutexGuard},
};

pub(crate) use backlog::{Backlog, Step};
pub(crate) use live::{Live, Place};
pub(crate) use state::State;

/// One subscription: what its owner and the broker share. Found by its id.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) id: ConnectionId,
    pub(crate) peer: Peer,
    /// What it may read, if that is not everything.
    pub(crate) rights: Option<Selectors>,
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

impl Reader {
    /// A reader that starts where its state is.
    pub(crate) fn new(
        shared: Arc<Shared>,
        id: ConnectionId,
        peer: Peer,
        rights: Option<Selectors>,
        state: State,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            peer,
            rights,
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

    /// Tells its owner to end the stream with a goodbye, whatever else waits. Nothing that is published from now on is for
    /// it. Adds the wakers of a parked owner. False if it has been told before.
    pub(crate) fn dismiss(&self, reason: GoodbyeReason, wakers: &mut Vec<Waker>) -> bool {
        let mut state = self.begin_to_end();
        if state.done || state.dismissed.is_some() {
            return false;
        }
        state.dismissed = Some(reason);
        state.wake(wakers);
        true
    }

    /// As [`dismiss`](Self::dismiss), but what its group has for it by now comes before the goodbye. Only then: what is to be
    /// read from the log is not waited for.
    pub(crate) fn end_after_what_waits(&self, reason: GoodbyeReason, wakers: &mut Vec<Waker>) {
        let mut state = self.begin_to_end();
        if state.done || state.is_ending() {
            return;
        }
        let reads_log = state.steps().any(|step| matches!(step, Step::CatchUp(_)));
        match &state.live {
            Some(live) if !reads_log => {
                let until = live.group.end();
                state.push_step(Step::Goodbye { until, reason });
            }
            _ => state.dismissed = Some(reason),
        }
        state.wake(wakers);
    }

    /// Has the feed that it is in take nothing more before it has left.
    fn begin_to_end(&self) -> MutexGuard<'_, State> {
        let state = self.state.lock();
        if !state.done
            && !state.is_ending()
            && let Some(fed) = state.fed_place()
        {
            fed.hold();
        }
        state
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
            rights: self.rights.clone(),
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
