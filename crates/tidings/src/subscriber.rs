use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_core::Stream;
use tidings_log::Position;

use crate::{
    ConnectionId, Control, GapReason, Member, Published, reader::Reader, shared::Shared, take::take,
};

/// An open subscription: a stream of what its selectors match, in order, with no gap that is not announced.
///
/// Dropping it unregisters it. It holds no events of its own: a subscriber that is not polled costs a cursor.
pub struct Subscriber {
    shared: Arc<Shared>,
    reader: Arc<Reader>,
    start: Position,
    /// Taken from the broker but not yet given by the stream.
    taken: VecDeque<Delivery>,
}

/// One item of a subscription.
#[derive(Clone, Debug)]
pub enum Delivery {
    /// An event.
    Event {
        /// The event itself.
        event: Published,
        /// Its block of an event stream, if the subscription is [`encoded`](crate::Subscription::encoded).
        block: Bytes,
    },
    /// Something the broker says.
    Control(Control),
}

impl Subscriber {
    pub(crate) fn new(shared: Arc<Shared>, reader: Arc<Reader>, start: Position) -> Self {
        Self {
            shared,
            reader,
            start,
            taken: VecDeque::new(),
        }
    }

    /// The name of this stream.
    pub fn id(&self) -> &ConnectionId {
        &self.reader.id
    }

    /// The place the stream starts at. Resuming from it gives all that this subscription would have been given.
    pub fn start(&self) -> &Position {
        &self.start
    }

    /// Whether it begins with a gap after which another id than the one asked for is the place to resume from.
    ///
    /// A reader must not be told that id before it is told of the gap: cut in between, it would resume from there and
    /// never learn that something is missing.
    pub fn begins_elsewhere(&self) -> bool {
        let state = self.reader.state.lock();
        state.opening.iter().any(|control| match control {
            Control::Gap(gap) => gap.reason != GapReason::Evicted,
            Control::Connected { .. } | Control::Resumed { .. } | Control::Goodbye { .. } => false,
        })
    }

    /// Whether it has nothing to give and never will: every topic has ended and nothing was missed.
    pub fn is_over(&self) -> bool {
        self.taken.is_empty() && self.reader.state.lock().done
    }

    /// Takes everything that waits, up to a bounded size, in one piece. `None` is the end of the stream.
    pub fn poll_batch(&mut self, cx: &mut Context<'_>) -> Poll<Option<Vec<Delivery>>> {
        if !self.taken.is_empty() {
            return Poll::Ready(Some(self.taken.drain(..).collect()));
        }
        take(&self.shared, &self.reader, cx)
    }

    /// This subscriber as a [`Feed`](crate::Feed) knows it.
    pub fn member(&self) -> Member {
        Member {
            shared: self.shared.clone(),
            reader: self.reader.clone(),
        }
    }

    /// Tells that what was taken is still on its way to the reader, so that a slow one is not taken for one that stopped.
    pub fn note_progress(&self) {
        self.reader.state.lock().asked_at = self.shared.clock.now();
    }

    /// Waits for the next batch.
    pub async fn batch(&mut self) -> Option<Vec<Delivery>> {
        std::future::poll_fn(|cx| self.poll_batch(cx)).await
    }
}

impl Stream for Subscriber {
    type Item = Delivery;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Delivery>> {
        loop {
            if let Some(delivery) = self.taken.pop_front() {
                self.reader.touch(self.shared.clock.now());
                return Poll::Ready(Some(delivery));
            }
            match ready!(self.poll_batch(cx)) {
                Some(batch) => self.taken = batch.into(),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.shared.unregister(&self.reader);
    }
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber")
            .field("id", self.id())
            .finish_non_exhaustive()
    }
}
