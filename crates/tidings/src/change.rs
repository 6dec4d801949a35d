use std::task::Waker;

use tidings_log::Position;

use crate::{
    Broker, ChangeError, ConnectionId, Selector,
    filter::Filter,
    reader::{Live, Place, Reader, Step},
    shared::{Shared, wake},
};

/// How many changes of topics may wait for a reader that has yet to take what came before them.
const MAX_PENDING_CHANGES: usize = 16;

/// Keeps a reader out of feeds.
struct Withdrawal<'a>(&'a Reader);

impl Broker {
    /// Changes the selectors of an open stream. Up to the position returned it follows the old ones, after it the new.
    /// Waits for a stream that is in a [`Feed`](crate::Feed) until it has left.
    ///
    /// # Errors
    /// [`ChangeError`]; the stream goes on as before.
    pub async fn change(
        &self,
        connection: &ConnectionId,
        subscribe: &[Selector],
        unsubscribe: &[Selector],
    ) -> Result<Position, ChangeError> {
        let reader = self.shared.core.lock().reader(connection);
        let reader = reader.ok_or(ChangeError::NotFound)?;
        let withdrawal = Withdrawal::of(&self.shared, &reader).await;
        let (position, waker) = change(&self.shared, &reader, subscribe, unsubscribe)?;
        drop(withdrawal);
        wake(waker);
        self.shared.note_change();
        Ok(position)
    }
}

/// Changes the selectors of a reader that is in no feed. Gives the waker of its owner, if that is parked.
fn change(
    shared: &Shared,
    reader: &Reader,
    subscribe: &[Selector],
    unsubscribe: &[Selector],
) -> Result<(Position, Option<Waker>), ChangeError> {
    let mut state = reader.state.lock();
    let live = state.live.as_ref().ok_or(ChangeError::NotFound)?;
    let (old, Place::Own(seat)) = (&live.group, &live.place) else {
        return Err(ChangeError::NotFound);
    };
    if state.done || state.is_ending() || old.is_closed() {
        return Err(ChangeError::NotFound);
    }
    let kept = old
        .filter
        .asked()
        .iter()
        .filter(|selector| !unsubscribe.contains(selector));
    let selectors: Vec<Selector> = kept.chain(subscribe).cloned().collect();
    if selectors.is_empty() {
        return Err(ChangeError::NothingLeft);
    }
    let events = old.filter.events().to_vec();
    let filter = Filter::new(selectors, events, reader.rights.as_ref())?;
    let limit = shared.options.max_selectors;
    if filter.asked().len() > limit {
        return Err(ChangeError::TooManySelectors { limit });
    }
    let mut core = shared.core.lock();
    // Filters may take their time, and are made without the lock.
    if old.is_closed() {
        return Err(ChangeError::NotFound);
    }
    if state.steps().count() >= MAX_PENDING_CHANGES || core.has_too_many_patterns() {
        return Err(ChangeError::TooManyChanges);
    }

    let head = core.log.head();
    let position = core.log.position(head);
    let up_to_date = state.steps().next().is_none() && old.waiting_from(seat.next()) == 0;
    let taken_until = old.taken_until(seat);
    let waker = core.leave(live);
    let old = old.clone();
    if up_to_date {
        state.cursor = head;
    } else {
        state.cursor = taken_until.max(state.cursor);
        state.push_step(Step::behind(old.clone(), head));
    }
    if core.has_ended(&filter) {
        state.live = None;
        state.push_step(Step::End);
    } else {
        state.live = Some(Live::join(core.group(&filter, old.wire, old.presence)));
    }
    Ok((position, waker))
}

impl<'a> Withdrawal<'a> {
    /// Returns when the reader is in no feed any more.
    async fn of(shared: &Shared, reader: &'a Reader) -> Self {
        let mut changes = shared.changes.subscribe();
        let withdrawal = Self(reader);
        wake(reader.withdraw());
        // Not looked at under the lock of `changes`, which whoever leaves needs too.
        while reader.state.lock().fed_place().is_some() {
            // Leaving a feed is announced if somebody waits for it; the sender lives as long as the broker.
            let _ = changes.changed().await;
        }
        withdrawal
    }
}

impl Drop for Withdrawal<'_> {
    fn drop(&mut self) {
        self.0.state.lock().withdrawals -= 1;
    }
}
