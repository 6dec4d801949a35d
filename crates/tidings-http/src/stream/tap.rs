//! How whoever writes many event streams takes hold of one of them.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tidings::Member;

/// An event stream as its drain sees it, as an extension of the response whose body the stream is.
///
/// A drain of many streams keeps the time of all of them together, and takes live events once for all that follow the
/// same topics.
#[derive(Clone, Debug)]
pub(crate) struct Tap(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    member: Member,
    /// The frame that the stream has given and the drain has not received; 0 if there is none.
    given: AtomicUsize,
    /// Something between the stream and its drain has changed, joined or held back a frame.
    altered: AtomicBool,
    /// Who keeps the time of comments, and whether it is time.
    turn: AtomicU8,
    /// The silence after which a comment is due, in milliseconds; 0 is never.
    interval: u32,
}

// Orders of the atomics: the stream and its drain are polled by one task or thread at a time, which orders everything.

thread_local! {
    /// Which stream had nothing to give when it was last asked on this thread; 0 if none was.
    static WAITING: Cell<usize> = const { Cell::new(0) };
}

/// The stream has a timer of its own.
const OWN: u8 = 0;
/// The drain keeps the time.
const TAKEN_OVER: u8 = 1;
/// The same, and a comment is due.
const DUE: u8 = 2;

/// Whether a stream is to give a comment when it has nothing better.
pub(super) enum Turn {
    /// It keeps the time itself.
    Own,
    /// It is told.
    NotDue,
    Due,
}

impl Tap {
    /// For a stream with a comment after every so long a silence, to the millisecond; never for `None` or zero.
    pub(super) fn new(member: Member, keep_alive: Option<Duration>) -> Self {
        let keep_alive = keep_alive.filter(|interval| !interval.is_zero());
        let millis = keep_alive.map_or(0, |interval| interval.as_millis().max(1));
        Self(Arc::new(Inner {
            member,
            given: AtomicUsize::new(0),
            altered: AtomicBool::new(false),
            turn: AtomicU8::new(OWN),
            interval: u32::try_from(millis).unwrap_or(u32::MAX),
        }))
    }

    /// Takes the time-keeping away from the stream. Gives the silence after which to [`beat`](Self::beat), if ever.
    pub(crate) fn take_over(&self) -> Option<Duration> {
        self.0.turn.store(TAKEN_OVER, Ordering::Relaxed);
        self.interval()
    }

    /// Has the stream give a comment when it is next polled, unless it has something better.
    pub(crate) fn beat(&self) {
        self.0.turn.store(DUE, Ordering::Relaxed);
    }

    /// Takes note of a frame that the drain has received.
    pub(crate) fn received(&self, frame: &Bytes) {
        if self.0.given.swap(0, Ordering::Relaxed) != name(frame) {
            self.0.altered.store(true, Ordering::Relaxed);
        }
    }

    /// The subscription.
    pub(crate) fn member(&self) -> &Member {
        &self.0.member
    }

    /// Polls the body that the stream is somewhere inside of.
    pub(crate) fn watch<T>(&self, poll: impl FnOnce() -> T) -> T {
        WAITING.set(0);
        poll()
    }

    /// Whether a feed may take for the stream what would come out of it, after the body has been
    /// [watched](Self::watch) until it had nothing to give. The drain has then received exactly the frames that the
    /// stream gave, and asked the stream itself: nothing between them wants to see more.
    pub(crate) fn is_direct(&self) -> bool {
        let is_unaltered = !self.0.altered.load(Ordering::Relaxed);
        let is_received = self.0.given.load(Ordering::Relaxed) == 0;
        is_unaltered && is_received && WAITING.get() == self.address()
    }

    /// Takes note that the stream has nothing to give.
    pub(super) fn waits(&self) {
        WAITING.set(self.address());
    }

    fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    /// Takes note of a frame that the stream gives.
    pub(super) fn gave(&self, frame: &Bytes) {
        if self.0.given.swap(name(frame), Ordering::Relaxed) != 0 {
            self.0.altered.store(true, Ordering::Relaxed);
        }
        if let Turn::Due = self.turn() {
            self.0.turn.store(TAKEN_OVER, Ordering::Relaxed);
        }
    }

    pub(super) fn turn(&self) -> Turn {
        match self.0.turn.load(Ordering::Relaxed) {
            OWN => Turn::Own,
            DUE => Turn::Due,
            _ => Turn::NotDue,
        }
    }

    pub(super) fn interval(&self) -> Option<Duration> {
        let interval = Duration::from_millis(self.0.interval.into());
        (!interval.is_zero()).then_some(interval)
    }
}

/// A name for a frame that another one does not have while both are there.
fn name(frame: &Bytes) -> usize {
    (frame.as_ptr() as usize).rotate_left(24) ^ frame.len() | 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tap_costs_little_memory() {
        assert!(size_of::<Inner>() <= 24, "{}", size_of::<Inner>());
    }
}
