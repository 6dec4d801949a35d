//! What waits to be published.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::cli::run::message::{self, Message, Source};

/// So many events wait at most.
const MOST_MESSAGES: usize = 100_000;

/// So much waits at most.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// What an event costs beyond its data.
const OVERHEAD: usize = 64;

/// A bounded queue between the command's output and the hub.
///
/// While the hub takes events, a full queue holds the command's output back, as a full pipe
/// would. While the hub is away, a full queue loses its oldest output instead, and tells how much
/// in its place.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    state: Mutex<State>,
    filled: Notify,
    room: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// The start of the execution; never lost.
    start: Option<Message>,
    output: VecDeque<Message>,
    /// What is not output and was not to be lost with it.
    kept: VecDeque<Message>,
    /// The end of the execution; never lost, and nothing comes after it.
    end: Option<Message>,
    ended: bool,
    /// Nothing can be published any more, and that is as it should be.
    is_over: bool,
    /// Of `output`, overhead included.
    bytes: usize,
    hub: Hub,
    /// Taken and not yet known to be published.
    taken: usize,
    /// Lost and not yet told.
    dropped: u64,
    dropped_in_all: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Hub {
    #[default]
    Taking,
    Away,
    /// It will take no event of this execution.
    Refusing,
}

impl Outbox {
    pub(crate) fn start(&self, message: Message) {
        self.state().start = Some(message);
        self.filled.notify_one();
    }

    /// Queues a line of output; waits for room while the hub takes events.
    pub(crate) async fn output(&self, source: Source, line: &str) {
        for message in message::output(source, line) {
            let mut message = Some(message);
            loop {
                // Made before looking, so that room made in between is not missed.
                let room = self.room.notified();
                if self.state().admit(&mut message) {
                    break;
                }
                room.await;
            }
            self.filled.notify_one();
        }
    }

    /// Queues something that is not output, and of which there is little: it is not lost.
    pub(crate) fn tell(&self, message: Message) {
        let mut state = self.state();
        if state.hub != Hub::Refusing {
            state.bytes += size(&message);
            state.output.push_back(message);
        }
        drop(state);
        self.filled.notify_one();
    }

    /// The execution is over at the hub: nothing of what waits can be published any more.
    pub(crate) fn give_up(&self) {
        let mut state = self.state();
        (state.hub, state.is_over) = (Hub::Refusing, true);
        (state.start, state.end) = (None, None);
        state.output.clear();
        state.kept.clear();
        (state.bytes, state.taken) = (0, 0);
        drop(state);
        self.room.notify_waiters();
    }

    pub(crate) fn end(&self, message: Message) {
        let mut state = self.state();
        state.end = (!state.is_over).then_some(message);
        state.ended = true;
        drop(state);
        self.filled.notify_one();
    }

    /// Waits until there is something to publish, and hands it to `take` until that breaks.
    /// Gives false when the execution has ended and everything was taken.
    pub(crate) async fn take(&self, mut take: impl FnMut(Message) -> ControlFlow<()>) -> bool {
        loop {
            match self.state().take(&mut take) {
                Took::Some => break,
                Took::NothingYet => {}
                Took::NothingMore => return false,
            }
            self.filled.notified().await;
        }
        self.room.notify_waiters();
        true
    }

    /// What was taken is published. From now on output is held back rather than lost.
    pub(crate) fn published(&self) {
        let mut state = self.state();
        state.taken = 0;
        state.hub = Hub::Taking;
    }

    /// The hub cannot be reached: output must not wait for it.
    pub(crate) fn hub_is_away(&self) {
        self.state().hub = Hub::Away;
        self.room.notify_waiters();
    }

    /// The hub refuses: nothing more needs to be kept.
    pub(crate) fn hub_refuses(&self) {
        self.state().hub = Hub::Refusing;
        self.room.notify_waiters();
    }

    /// How many events are not known to be published, and how many lines were lost.
    pub(crate) fn left(&self) -> (u64, u64) {
        let state = self.state();
        let ends = [&state.start, &state.end].into_iter().flatten().count();
        let waiting = state.taken + state.kept.len() + state.output.len() + ends;
        (waiting as u64, state.dropped_in_all)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that runs under the lock can panic half-way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes the message in, unless it has to wait.
    fn admit(&mut self, message: &mut Option<Message>) -> bool {
        let Some(size) = message.as_ref().map(size) else {
            return true;
        };
        if self.hub == Hub::Refusing {
            self.dropped_in_all += u64::from(!self.is_over);
            return true;
        }
        while self.output.len() >= MOST_MESSAGES || self.bytes + size > MOST_BYTES {
            if self.hub == Hub::Taking {
                return false;
            }
            let Some(oldest) = self.output.pop_front() else {
                break;
            };
            self.bytes -= self::size(&oldest);
            if !oldest.is_output() {
                self.kept.push_back(oldest);
                continue;
            }
            self.dropped += 1;
            self.dropped_in_all += 1;
        }
        self.bytes += size;
        self.output.extend(message.take());
        true
    }

    fn take(&mut self, take: &mut impl FnMut(Message) -> ControlFlow<()>) -> Took {
        let before = self.taken;
        while let Some(next) = self.next() {
            self.taken += 1;
            if take(next).is_break() {
                break;
            }
        }
        if self.taken > before {
            Took::Some
        } else if self.ended {
            Took::NothingMore
        } else {
            Took::NothingYet
        }
    }

    fn next(&mut self) -> Option<Message> {
        if let Some(start) = self.start.take() {
            return Some(start);
        }
        if let Some(kept) = self.kept.pop_front() {
            return Some(kept);
        }
        if self.dropped > 0 {
            let dropped = std::mem::take(&mut self.dropped);
            let line = format!("lines of output dropped while the hub was away: {dropped}");
            return message::output(Source::Tidings, &line).pop();
        }
        if let Some(message) = self.output.pop_front() {
            self.bytes -= size(&message);
            return Some(message);
        }
        self.end.take()
    }
}

enum Took {
    Some,
    NothingYet,
    NothingMore,
}

fn size(message: &Message) -> usize {
    message.data.len() + OVERHEAD
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    async fn fill(outbox: &Outbox, lines: usize) {
        for line in 0..lines {
            outbox.output(Source::Stdout, &line.to_string()).await;
        }
    }

    async fn take_all(outbox: &Outbox) -> Vec<Message> {
        let mut taken = Vec::new();
        outbox
            .take(|message| {
                taken.push(message);
                ControlFlow::Continue(())
            })
            .await;
        taken
    }

    #[tokio::test]
    async fn events_leave_in_their_order_and_the_end_is_the_end() {
        let outbox = Outbox::default();
        outbox.start(message::start("1", "t", "c", "now"));
        fill(&outbox, 2).await;
        outbox.end(message::end(0, 1));
        let events: Vec<_> = take_all(&outbox).await.iter().map(|m| m.event).collect();
        let expected = ["execution-start", "output", "output", "execution-complete"];
        assert_eq!(events, expected);
        assert_eq!(outbox.left(), (4, 0));
        outbox.published();
        assert_eq!(outbox.left(), (0, 0));
        assert!(!outbox.take(|_| ControlFlow::Continue(())).await);
    }

    #[tokio::test]
    async fn a_full_queue_holds_output_back_until_there_is_room() {
        let outbox = Outbox::default();
        fill(&outbox, MOST_MESSAGES).await;
        let mut waiting = Box::pin(outbox.output(Source::Stdout, "more"));
        assert!(waiting.as_mut().now_or_never().is_none());
        assert!(outbox.take(|_| ControlFlow::Break(())).await);
        waiting.await;
        assert_eq!(outbox.left(), (MOST_MESSAGES as u64 + 1, 0));
    }

    #[tokio::test]
    async fn a_full_queue_loses_its_oldest_output_while_the_hub_is_away() {
        let outbox = Outbox::default();
        outbox.start(message::start("1", "t", "c", "now"));
        fill(&outbox, MOST_MESSAGES).await;
        let mut waiting = Box::pin(outbox.output(Source::Stdout, "more"));
        assert!(waiting.as_mut().now_or_never().is_none());
        outbox.hub_is_away();
        waiting.await;
        outbox.output(Source::Stderr, "still more").await;

        let taken = take_all(&outbox).await;
        assert_eq!(taken[0].event, "execution-start");
        assert!(taken[1].data.contains("dropped while the hub was away: 2"));
        assert_eq!(taken[2].data, r#"{"stream":"stdout","line":"2"}"#);
        assert_eq!(taken.len(), MOST_MESSAGES + 2);
    }

    #[tokio::test]
    async fn what_is_not_output_is_not_lost_with_it() {
        let outbox = Outbox::default();
        outbox.hub_is_away();
        fill(&outbox, 1).await;
        let task = Message {
            event: "task-start",
            ..message::end(0, 1)
        };
        outbox.tell(task.clone());
        fill(&outbox, MOST_MESSAGES).await;
        let taken = take_all(&outbox).await;
        assert_eq!(taken[0], task);
        assert!(taken[1].data.contains("dropped while the hub was away: 1"));
    }

    #[tokio::test]
    async fn what_is_over_at_the_hub_leaves_nothing_to_publish() {
        let outbox = Outbox::default();
        outbox.start(message::start("1", "t", "c", "now"));
        fill(&outbox, 3).await;
        outbox.give_up();
        outbox.end(message::end(0, 1));
        assert_eq!(outbox.left(), (0, 0));
    }

    #[tokio::test]
    async fn a_hub_that_refuses_makes_room_for_everything() {
        let outbox = Outbox::default();
        outbox.hub_refuses();
        fill(&outbox, 10).await;
        assert_eq!(outbox.left(), (0, 10));
    }
}
