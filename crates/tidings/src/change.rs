use tidings_log::Position;

use crate::{
    Broker, ChangeError, ConnectionId, Selector, filter::Filter, reader::Step, shared::wake,
};

/// How many changes of topics may wait for a reader that has yet to take what came before them.
const MAX_PENDING_CHANGES: usize = 16;

impl Broker {
    /// Changes the selectors of an open stream. Up to the position returned it follows the old ones, after it the new.
    ///
    /// # Errors
    /// [`ChangeError`]; the stream goes on as before.
    pub fn change(
        &self,
        connection: &ConnectionId,
        subscribe: &[Selector],
        unsubscribe: &[Selector],
    ) -> Result<Position, ChangeError> {
        let reader = self
            .shared
            .core
            .lock()
            .readers
            .get(connection)
            .cloned()
            .ok_or(ChangeError::NotFound)?;
        let mut state = reader.state.lock();
        let mut core = self.shared.core.lock();
        let (old, seat) = state.live.as_ref().ok_or(ChangeError::NotFound)?;
        if state.done || state.dismissed.is_some() || old.is_closed() {
            return Err(ChangeError::NotFound);
        }
        let kept = old
            .filter
            .selectors()
            .iter()
            .filter(|selector| !unsubscribe.contains(selector));
        let selectors: Vec<Selector> = kept.chain(subscribe).cloned().collect();
        if selectors.is_empty() {
            return Err(ChangeError::NothingLeft);
        }
        let filter = Filter::new(selectors, old.filter.events().to_vec());
        let limit = self.shared.options.max_selectors;
        if filter.selectors().len() > limit {
            return Err(ChangeError::TooManySelectors { limit });
        }
        if state.steps.len() >= MAX_PENDING_CHANGES || core.has_too_many_patterns() {
            return Err(ChangeError::TooManyChanges);
        }

        let head = core.log.head();
        let position = core.log.position(head);
        let old = old.clone();
        let up_to_date = state.steps.is_empty() && old.waiting_for(seat) == 0;
        let taken_until = old.taken_until(seat);
        let waker = core.leave(&old, seat);
        if up_to_date {
            state.cursor = head;
        } else {
            state.cursor = taken_until.max(state.cursor);
            state.steps.push_back(Step::behind(old.clone(), head));
        }
        if core.has_ended(&filter) {
            state.live = None;
            state.steps.push_back(Step::End);
        } else {
            let group = core.group(&filter, old.wire);
            let seat = group.join();
            state.live = Some((group, seat));
        }
        drop(core);
        drop(state);
        wake(waker);
        self.shared.note_change();
        Ok(position)
    }
}
