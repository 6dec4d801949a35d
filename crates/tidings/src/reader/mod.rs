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
    Connection, ConnectionId, GoodbyeReason, Peer, Rights, feed::FedPlace, reads::PageRead,
    shared::Shared, sync::Mutex,
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
    pub(crate) rights: Option<Rights>,
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
        rights: Option<Rights>,
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

#[cfg(test)]
#[cfg(not(tidings_loom))]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_waits_costs_little_memory() {
        assert!(size_of::<State>() <= 80, "{}", size_of::<State>());
        assert!(size_of::<Reader>() <= 224, "{}", size_of::<Reader>());
    }
}
