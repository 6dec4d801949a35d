use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    vec::IntoIter,
};

use bytes::Bytes;
use futures_core::Stream;
use tidings_log::Position;

use crate::{ConnectionId, Control, Gap, GapReason, Member, Published, reader::Reader, take::take};

/// An open subscription: a stream of what its selectors match, in order, with no gap that is not announced.
///
/// Dropping it unregisters it. It holds no events of its own: a subscriber that is not polled costs a cursor.
pub struct Subscriber {
    reader: Arc<Reader>,
    /// What of the last batch the stream has yet to give; at least one.
    taken: Option<Box<IntoIter<Delivery>>>,
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
    pub(crate) fn new(reader: Arc<Reader>) -> Self {
        Self {
            reader,
            taken: None,
        }
    }

    /// The name of this stream.
    pub fn id(&self) -> &ConnectionId {
        &self.reader.id
    }

    /// The place the stream starts at. Resuming from it gives all that this subscription would have been given.
    pub fn start(&self) -> Position {
        let core = self.reader.shared.core.lock();
        core.log.position(self.reader.start)
    }

    /// Whether it begins with a gap after which another id than the one asked for is the place to resume from.
    ///
    /// A reader must not be told that id before it is told of the gap: cut in between, it would resume from there and
    /// never learn that something is missing.
    pub fn begins_elsewhere(&self) -> bool {
        let gap = self.opening_gap();
        gap.is_some_and(|gap| gap.reason != GapReason::Evicted)
    }

    /// The gap that it begins with, as long as that has not been taken.
    pub fn opening_gap(&self) -> Option<Gap> {
        let state = self.reader.state.lock();
        let mut opening = state.backlog.iter().flat_map(|backlog| &backlog.opening);
        opening.find_map(|control| match control {
            Control::Gap(gap) => Some(gap.clone()),
            Control::Connected { .. } | Control::Resumed { .. } | Control::Goodbye { .. } => None,
        })
    }

    /// Whether it has nothing to give and never will: every topic has ended and nothing was missed.
    pub fn is_over(&self) -> bool {
        self.taken.is_none() && self.reader.state.lock().done
    }

    /// How many events wait to be taken; an upper bound while it catches up. At 0 it has been given everything up to any
    /// [position](crate::Broker::position) that was the newest before this was asked.
    pub fn lag(&self) -> u64 {
        let taken = self.taken.as_ref().map_or(0, |taken| taken.len() as u64);
        taken + self.reader.state.lock().lag()
    }

    /// Takes everything that waits, up to a bounded size, in one piece. `None` is the end of the stream.
    pub fn poll_batch(&mut self, cx: &mut Context<'_>) -> Poll<Option<Vec<Delivery>>> {
        match self.taken.take() {
            Some(taken) => Poll::Ready(Some(taken.collect())),
            None => take(&self.reader, cx),
        }
    }

    /// This subscriber as a [`Feed`](crate::Feed) knows it.
    pub fn member(&self) -> Member {
        Member {
            reader: self.reader.clone(),
        }
    }

    /// Tells that what was taken is still on its way to the reader, so that a slow one is not taken for one that stopped.
    pub fn note_progress(&self) {
        self.reader.touch();
    }

    /// Waits for the next batch.
    pub async fn batch(&mut self) -> Option<Vec<Delivery>> {
        std::future::poll_fn(|cx| self.poll_batch(cx)).await
    }
}

impl Stream for Subscriber {
    type Item = Delivery;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Delivery>> {
        let mut taken = match self.taken.take() {
            Some(taken) => taken,
            None => match ready!(take(&self.reader, cx)) {
                Some(batch) => Box::new(batch.into_iter()),
                None => return Poll::Ready(None),
            },
        };
        let delivery = taken.next();
        self.taken = (taken.len() > 0).then_some(taken);
        self.reader.touch();
        Poll::Ready(delivery)
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.reader.shared.unregister(&self.reader);
    }
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber")
            .field("id", self.id())
            .finish_non_exhaustive()
    }
}
