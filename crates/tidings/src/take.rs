//! What a reader gets when it asks: first its steps, then what its group has for it.

use std::{
    ops::ControlFlow,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use tidings_log::{Log, Record, Selection, Timestamp, Window};

use crate::{
    Control, Delivery, GapReason, GoodbyeReason, LagPolicy, Published,
    catch_up::{CatchUp, Read, Reading},
    encoding,
    group::{Group, Taken},
    lag::Verdict,
    plan, random,
    reader::{Live, Place, Reader, State, Step},
    shared::Shared,
    tail::Item,
};

/// How many bytes one batch holds before no further item is added.
const BATCH_BYTES: usize = 32 << 10;
/// How many items one batch holds before no further page or tail is added.
const BATCH_ITEMS: usize = 1024;
/// How many pages of the log one turn reads before the reader lets others go first.
const PAGES_PER_TURN: usize = 4;

/// One turn of a reader.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    shared: &'a Shared,
    state: &'a mut State,
    now: Timestamp,
    batch: Vec<Delivery>,
    events: u64,
    bytes: usize,
}

/// Gives what waits for the reader, in order, up to a bounded size; `None` is the end of its stream.
pub(crate) fn take(reader: &Reader, cx: &mut Context<'_>) -> Poll<Option<Vec<Delivery>>> {
    let shared = &*reader.shared;
    let mut state = reader.state.lock();
    let now = shared.clock.now();
    let mut turn = Turn {
        shared,
        state: &mut state,
        now,
        batch: Vec::new(),
        events: 0,
        bytes: 0,
    };
    let parked = turn.run(cx);
    let Turn {
        batch,
        events,
        bytes,
        ..
    } = turn;
    state.asked_at = now;
    if !batch.is_empty() {
        reader.count(events, bytes as u64, now);
        return Poll::Ready(Some(batch));
    }
    if state.done {
        drop(state);
        shared.unregister(reader);
        return Poll::Ready(None);
    }
    // Not under the lock: whoever is woken may ask at once.
    drop(state);
    if !parked {
        cx.waker().wake_by_ref();
    }
    Poll::Pending
}

impl Turn<'_> {
    /// Fills the batch. True if nothing is left and the reader is parked.
    fn run(&mut self, cx: &mut Context<'_>) -> bool {
        if let Some(backlog) = &mut self.state.backlog {
            let opening = std::mem::take(&mut backlog.opening);
            self.batch
                .extend(opening.into_iter().map(Delivery::Control));
        }
        self.apply_policy_if_stalled();
        let mut pages = 0;
        while !self.state.done && self.bytes < BATCH_BYTES && self.batch.len() < BATCH_ITEMS {
            if let Some(reason) = self.state.dismissed {
                self.goodbye(reason);
                return false;
            }
            match self.state.next_step() {
                Some(Step::Resumed { from }) => {
                    let count = self.state.backlog().replayed;
                    self.batch
                        .push(Delivery::Control(Control::Resumed { from, count }));
                }
                Some(Step::End) => self.state.done = true,
                Some(Step::Goodbye { until, reason }) => {
                    if self.end_behind(until, reason, cx) {
                        return true;
                    }
                }
                Some(step @ Step::CatchUp(_)) if pages == PAGES_PER_TURN => {
                    self.state.put_step_first(step);
                    return false;
                }
                Some(Step::CatchUp(step)) => {
                    pages += 1;
                    if self.catch_up(step, cx) {
                        return true;
                    }
                }
                None => {
                    if self.take_live(BATCH_ITEMS, cx) {
                        return true;
                    }
                }
            }
        }
        false
    }

    /// Takes what its group has for it before the item of this number, and says goodbye then. True if the reader is parked.
    fn end_behind(&mut self, until: u64, reason: GoodbyeReason, cx: &mut Context<'_>) -> bool {
        let left = match &self.state.live {
            Some(Live {
                place: Place::Own(seat),
                ..
            }) => until.saturating_sub(seat.next()),
            Some(Live {
                place: Place::Fed(_),
                ..
            }) => u64::MAX,
            None => 0,
        };
        if left == 0 {
            self.goodbye(reason);
            return false;
        }
        self.state.put_step_first(Step::Goodbye { until, reason });
        let most = usize::try_from(left).unwrap_or(usize::MAX);
        self.take_live(most.min(BATCH_ITEMS), cx)
    }

    /// Takes so many items at most from the tail of the group. True if the reader is parked.
    fn take_live(&mut self, most: usize, cx: &mut Context<'_>) -> bool {
        let is_ending = self.state.is_ending();
        let Some(Live { group, place }) = &mut self.state.live else {
            self.state.done = true;
            return false;
        };
        let Place::Own(seat) = place else {
            // Whoever has it in a feed wakes it when it has left.
            return true;
        };
        let mut items = Vec::new();
        let add = |item: &Item| {
            if items.len() == most {
                return ControlFlow::Break(());
            }
            items.push(item.clone());
            ControlFlow::Continue(())
        };
        match group.take(seat, BATCH_BYTES - self.bytes, cx.waker(), add) {
            Taken::Parked => return true,
            // The log is not read for a stream that is to end.
            Taken::FellOff { .. } if is_ending => {
                if let Some(Step::Goodbye { reason, .. }) = self.state.next_step() {
                    self.goodbye(reason);
                }
            }
            Taken::FellOff { until, .. } => {
                self.state.cursor = self.state.cursor.max(group.taken_until(seat));
                let step = Step::behind(group.clone(), until);
                self.state.put_step_first(step);
            }
            Taken::Items => {}
        }
        for item in items {
            match item {
                Item::Event(record, block) => self.deliver(record, block),
                Item::Deleted => self.gap(GapReason::Deleted),
                Item::End => self.state.done = true,
                Item::Goodbye(reason) => self.goodbye(reason),
            }
        }
        false
    }

    /// Reads one page of the log for the group, from the cursor. True if the reader is parked until it is there.
    fn catch_up(&mut self, mut step: CatchUp, cx: &mut Context<'_>) -> bool {
        let replays = &self.shared.replays;
        let replaying = &mut self.state.backlog().replaying;
        replaying.get_or_insert_with(|| replays.join());
        let shared = self.shared;
        match step.read(shared, cx, |step| self.select(step)) {
            Poll::Pending => {
                self.state.put_step_first(Step::CatchUp(step));
                return true;
            }
            Poll::Ready(Read::Page { records, reached }) => self.hand_out(step, records, reached),
            Poll::Ready(Read::Stale) => self.state.put_step_first(Step::CatchUp(step)),
            Poll::Ready(Read::Unchosen) => {}
        }
        false
    }

    /// Chooses the next page, and says first what is missing before it. `None` if the stream ends instead.
    fn select(&mut self, step: &mut CatchUp) -> Option<Selection> {
        let mut core = self.shared.core.lock();
        core.log.expire(self.now);
        let mut window = Window::new(self.state.cursor, step.until);
        window.bytes = self.shared.replays.page_bytes();
        if step.reading == Reading::Recall {
            return Some(core.log.pick(&step.picked, window));
        }
        let group = step.group.clone();
        if let Some(verdict) = core.verdict(&group.filter, self.state.cursor, step.since) {
            let missing = match (step.reading, verdict) {
                (Reading::Fresh, _) | (_, Verdict::GoOn) => None,
                (Reading::Replay, _) => Some(GapReason::Evicted),
                (_, Verdict::Announce | Verdict::Skip) => Some(GapReason::Lagged),
                (_, Verdict::Disconnect) => {
                    drop(core);
                    self.goodbye(GoodbyeReason::TooSlow);
                    return None;
                }
            };
            step.since = core.log.evictions();
            if step.reading == Reading::Behind {
                match verdict {
                    Verdict::Skip => core.counters.skipped += 1,
                    _ => step.reading = Reading::Conflating,
                }
            }
            if let Some(reason) = missing {
                self.tell_gap(&core.log, Some(&group), reason);
            }
        }
        Some(group.filter.scope(|scope| core.log.select(scope, window)))
    }

    /// Gives the reader what it wants of a page that reaches up to a sequence.
    fn hand_out(&mut self, mut step: CatchUp, mut records: Vec<Arc<Record>>, reached: u64) {
        let group = &step.group;
        records.retain(|record| group.filter.wants(record));
        if step.reading == Reading::Conflating {
            let mut core = self.shared.core.lock();
            let wanted = records.len();
            records.retain(|record| !core.conflates(record));
            core.counters.conflated += (wanted - records.len()) as u64;
        }
        if step.reading == Reading::Fresh && !records.is_empty() {
            step.reading = Reading::Replay;
        }
        let replayed = records.len() as u64;
        self.state.backlog().replayed += replayed;
        let mut blocks = match group.wire {
            Some(wire) => self.shared.replays.encode(&records, wire),
            None => vec![Bytes::new(); records.len()],
        };
        let has_ids = group.wire.is_some_and(|wire| wire.ids);
        if step.reading == Reading::Recall && reached == step.until && has_ids {
            let place = self.shared.core.lock().log.position(reached);
            if let Some(last) = blocks.last_mut() {
                *last = encoding::followed_by_id(last, &place);
            }
        }
        let (reading, before) = (step.reading, self.bytes);
        for (record, block) in records.into_iter().zip(blocks) {
            self.deliver(record, block);
        }
        // What a reader is behind with counted when it was put before it.
        if !matches!(reading, Reading::Behind | Reading::Conflating) {
            self.shared.replays.note(replayed, self.bytes - before);
        }
        self.state.cursor = self.state.cursor.max(reached);
        if self.state.cursor < step.until {
            self.state.put_step_first(Step::CatchUp(step));
        }
    }

    /// A reader that took nothing for long, although something waited, is behind whatever the log still has.
    fn apply_policy_if_stalled(&mut self) {
        let Some(topic) = self.state.stalled_on(self.now) else {
            return;
        };
        match self.shared.options.lag_policy(&topic) {
            LagPolicy::Disconnect => self.goodbye(GoodbyeReason::TooSlow),
            LagPolicy::Skip => {}
            LagPolicy::Conflate => {
                let Some(Live {
                    group,
                    place: Place::Own(seat),
                }) = &mut self.state.live
                else {
                    return;
                };
                let group = group.clone();
                self.state.cursor = self.state.cursor.max(group.taken_until(seat));
                if let Some(until) = group.pass_over(seat) {
                    let step = CatchUp::new(group, until, Reading::Conflating, 0);
                    self.state.push_step(Step::CatchUp(step));
                }
            }
        }
    }

    fn gap(&mut self, reason: GapReason) {
        let group = self.state.group().cloned();
        let core = self.shared.core.lock();
        self.tell_gap(&core.log, group.as_ref(), reason);
    }

    fn tell_gap(&mut self, log: &Log, group: Option<&Arc<Group>>, reason: GapReason) {
        let requested = log.position(self.state.cursor).to_string();
        let oldest = group.and_then(|group| group.filter.scope(|scope| plan::oldest(log, scope)));
        self.batch
            .push(Delivery::Control(Control::gap(reason, requested, oldest)));
    }

    fn goodbye(&mut self, reason: GoodbyeReason) {
        if reason == GoodbyeReason::TooSlow {
            self.shared.core.lock().counters.disconnected += 1;
        }
        let delay = self.shared.options.reconnect_delay;
        let retry_after = random::between(delay, delay * 3);
        self.batch.push(Delivery::Control(Control::Goodbye {
            reason,
            retry_after,
        }));
        self.state.done = true;
    }

    fn deliver(&mut self, record: Arc<Record>, block: Bytes) {
        self.state.cursor = record.sequence;
        self.events += 1;
        self.bytes += if block.is_empty() {
            record.data.len()
        } else {
            block.len()
        };
        self.batch.push(Delivery::Event {
            event: Published::new(record),
            block,
        });
    }
}
