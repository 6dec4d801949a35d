//! Ending streams when the credentials behind them are not accepted any more.

use std::{collections::BTreeSet, convert::Infallible, sync::Arc, task::Waker};

use tokio::time::{Instant, timeout_at};

use crate::{
    Broker, ConnectionId, GoodbyeReason, Peer,
    reader::Reader,
    shared::{Shared, wake},
};

/// How many streams are ended before publishers may go first.
const READERS_PER_PAGE: usize = 256;

/// The streams that expire, by the time when they do.
#[derive(Debug, Default)]
pub(crate) struct Expiries(BTreeSet<(Instant, ConnectionId)>);

impl Broker {
    /// Ends each stream with a goodbye when the credentials of its [owner](crate::Owner) expire, for as long as this is polled:
    /// within milliseconds, on a machine that has the time. One at a time polls it.
    ///
    /// Such a stream is given what was released before it ended and waits for it, and nothing that is released later. What
    /// it would have to read from the log is not waited for: a stream that replays, or is behind what is kept at hand, ends
    /// at once, to be resumed with new credentials.
    pub async fn end_expired(&self) -> Infallible {
        loop {
            let sooner = self.shared.sooner.notified();
            match self.shared.end_expired() {
                // Whether the time has come or another one is sooner now: it is looked at again.
                Some(next) => drop(timeout_at(next, sooner).await),
                None => sooner.await,
            }
        }
    }

    /// Ends all streams whose peers are chosen, with a goodbye and whatever else waits for them: nothing that is published
    /// after this has returned reaches them. Gives their number.
    ///
    /// A stream that is opened meanwhile may be missed. Whoever opens streams for peers that may be chosen looks once more
    /// whether they are to be ended when [`subscribe`](Self::subscribe) has returned.
    pub fn disconnect_where(
        &self,
        mut chosen: impl FnMut(&Peer) -> bool,
        reason: GoodbyeReason,
    ) -> usize {
        let readers = self.shared.core.lock().all_readers();
        let mut ended = 0;
        for page in readers.chunks(READERS_PER_PAGE) {
            let mut wakers = Vec::new();
            for reader in page.iter().filter(|reader| chosen(&reader.peer)) {
                ended += usize::from(reader.dismiss(reason, &mut wakers));
            }
            wake(wakers);
        }
        ended
    }
}

impl Shared {
    /// Ends the streams whose time has come. Gives the time of the next one.
    pub(crate) fn end_expired(&self) -> Option<Instant> {
        let now = Instant::now();
        loop {
            let mut core = self.core.lock();
            let due = core.expiries.take_due(now);
            let due = due.iter().filter_map(|connection| core.reader(connection));
            let due: Vec<Arc<Reader>> = due.collect();
            let next = core.expiries.next();
            drop(core);
            let mut wakers: Vec<Waker> = Vec::new();
            for reader in due {
                reader.end_after_what_waits(GoodbyeReason::TokenExpired, &mut wakers);
            }
            wake(wakers);
            if next.is_none_or(|next| next > now) {
                return next;
            }
        }
    }
}

impl Expiries {
    /// Adds a stream. True if no other one expires sooner.
    pub(crate) fn add(&mut self, at: Instant, connection: ConnectionId) -> bool {
        let is_first = self.next().is_none_or(|next| at < next);
        self.0.insert((at, connection));
        is_first
    }

    pub(crate) fn remove(&mut self, at: Instant, connection: &ConnectionId) {
        self.0.remove(&(at, connection.clone()));
    }

    fn next(&self) -> Option<Instant> {
        self.0.first().map(|(at, _)| *at)
    }

    /// Takes out a page of those whose time has come.
    fn take_due(&mut self, now: Instant) -> Vec<ConnectionId> {
        let mut due = Vec::new();
        while due.len() < READERS_PER_PAGE && self.next().is_some_and(|next| next <= now) {
            due.extend(self.0.pop_first().map(|(_, connection)| connection));
        }
        due
    }
}

#[cfg(test)]
#[cfg(not(tidings_loom))]
mod tests {
    use crate::{Owner, Selector, Subscription};

    use super::*;

    #[test]
    fn a_stream_that_has_gone_is_not_remembered() {
        let broker = Broker::new();
        let owner = Owner {
            expires_at: Some(Instant::now()),
            ..Owner::default()
        };
        let peer = Peer {
            owner: Some(Arc::new(owner)),
            ..Peer::default()
        };
        let news = Subscription::to(Selector::new("news").unwrap()).peer(peer);
        let streams = [(); 3].map(|()| broker.subscribe(news.clone()).unwrap());
        let remembered = || broker.shared.core.lock().expiries.0.len();
        assert_eq!(remembered(), 3);
        drop(streams);
        assert_eq!(remembered(), 0);
    }
}
