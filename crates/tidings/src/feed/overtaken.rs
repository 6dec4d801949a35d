use std::{
    sync::Arc,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use tidings_log::{Selection, Window};

use super::stages::Stages;
use crate::{
    catch_up::{CatchUp, Read, Reading},
    group::Group,
    replays::{Replaying, Replays},
    shared::Shared,
};

/// A feed whose next items the tail has dropped: it reads them from the log, once for all its members.
#[derive(Debug)]
pub(super) struct Overtaken {
    catch_up: CatchUp,
    /// The number of the first item that the tail had left.
    end: u64,
    _replaying: Replaying,
}

/// What reading a page of the log gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    /// What there is of it, which may be nothing. More follows.
    Taken,
    /// Nothing yet: the waker is called when it is there.
    Parked,
    /// The last there is to read. The tail follows.
    Met,
    /// The log has not got all that was dropped, or that was not events alone.
    Lost,
}

impl Overtaken {
    /// Reads up to the sequence `until`, after which the item of the number `end` comes.
    pub(super) fn new(group: Arc<Group>, until: u64, end: u64, replays: &Replays) -> Self {
        Self {
            catch_up: CatchUp::new(group, until, Reading::Behind, 0),
            end,
            _replaying: replays.join(),
        }
    }

    /// Reads what comes after the last of the stages, up to so many bytes, at least one event.
    pub(super) fn read(
        &mut self,
        shared: &Shared,
        waker: &Waker,
        stages: &mut Stages,
        limit: usize,
        blocks: &mut Vec<Bytes>,
    ) -> Page {
        let mut cx = Context::from_waker(waker);
        let cursor = stages.last().cursor;
        let choose = |step: &mut CatchUp| choose(shared, step, cursor, limit);
        let (mut records, reached) = match self.catch_up.read(shared, &mut cx, choose) {
            Poll::Pending => return Page::Parked,
            Poll::Ready(Read::Stale) => return Page::Taken,
            Poll::Ready(Read::Unchosen) => return Page::Lost,
            Poll::Ready(Read::Page { records, reached }) => (records, reached),
        };
        let CatchUp { group, until, .. } = &self.catch_up;
        let Some(wire) = group.wire else {
            return Page::Lost;
        };
        records.retain(|record| group.filter.wants(record));
        let end = stages.last().mark.number + records.len() as u64;
        let is_last = reached >= *until;
        if end > self.end || (is_last && end < self.end) {
            return Page::Lost;
        }
        for (record, block) in records.iter().zip(shared.replays.encode(&records, wire)) {
            stages.push(record.sequence, block.len());
            blocks.push(block);
        }
        stages.pass(reached);
        if is_last { Page::Met } else { Page::Taken }
    }
}

/// Chooses the next page, if nothing is missing before it.
fn choose(shared: &Shared, step: &CatchUp, cursor: u64, limit: usize) -> Option<Selection> {
    let mut core = shared.core.lock();
    core.log.expire(shared.clock.now());
    let filter = &step.group.filter;
    if core.verdict(filter, cursor, step.since).is_some() {
        return None;
    }
    let mut window = Window::new(cursor, step.until);
    window.bytes = limit.max(1) as u64;
    Some(filter.scope(|scope| core.log.select(scope, window)))
}
