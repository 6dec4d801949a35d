//! What some connections of a fan-out have yet to be given.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::batch::Batch;

/// The newest batches of a fan-out, for as long as a connection is behind them.
#[derive(Debug)]
pub(super) struct Window {
    batches: VecDeque<Batch>,
    bytes: usize,
    /// Counts `bytes` of all windows of the thread.
    of_all: WindowBytes,
}

/// How many bytes the windows of a thread hold together.
#[derive(Clone, Debug, Default)]
pub(super) struct WindowBytes(Arc<AtomicUsize>);

/// At more bytes the oldest batch goes, however many connections have yet to be given it.
const MAX_BYTES: usize = 2 << 20;
/// While all windows of the thread hold more, each keeps its newest batch only.
const MAX_BYTES_OF_ALL: usize = 32 << 20;
/// Up to so many bytes what comes is joined to the newest batch, and leaves with it in one write.
const JOINED_BYTES: usize = 64 << 10;

impl Window {
    pub(super) fn new(of_all: WindowBytes) -> Self {
        Self {
            batches: VecDeque::new(),
            bytes: 0,
            of_all,
        }
    }

    /// Adds the batch that follows.
    pub(super) fn push(&mut self, batch: Batch) {
        self.bytes += batch.len();
        self.of_all.0.fetch_add(batch.len(), Ordering::Relaxed);
        match self.batches.back_mut() {
            Some(last) if last.len() + batch.len() <= JOINED_BYTES => last.append(&batch),
            _ => self.batches.push_back(batch),
        }
        while self.bytes > self.limit() && self.batches.len() > 1 {
            self.pop();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// Whether the event of this number has gone.
    pub(super) fn has_lost(&self, number: u64) -> bool {
        let first = self.batches.front().map(Batch::first);
        first.is_some_and(|first| number < first)
    }

    /// Whether the event of this number is among those that go with what comes next, if that has 64 KiB at most. A larger event
    /// may push out more.
    pub(super) fn may_lose(&self, number: u64) -> bool {
        let limit = self.limit();
        let mut bytes = self.bytes + JOINED_BYTES;
        for batch in &self.batches {
            if bytes <= limit {
                return false;
            }
            if number < batch.end() {
                return true;
            }
            bytes -= batch.len();
        }
        false
    }

    /// The batch with the event of this number, if that is here.
    pub(super) fn batch_of(&self, number: u64) -> Option<&Batch> {
        let place = self.batches.partition_point(|batch| batch.end() <= number);
        let batch = self.batches.get(place)?;
        (batch.first() <= number).then_some(batch)
    }

    /// Drops the batches that nobody is to be given any more: all events before this number have been.
    pub(super) fn drop_before(&mut self, number: u64) {
        while self
            .batches
            .front()
            .is_some_and(|batch| batch.end() <= number)
        {
            self.pop();
        }
    }

    fn limit(&self) -> usize {
        let is_too_much = self.of_all.0.load(Ordering::Relaxed) > MAX_BYTES_OF_ALL;
        if is_too_much { 0 } else { MAX_BYTES }
    }

    fn pop(&mut self) {
        if let Some(batch) = self.batches.pop_front() {
            self.bytes -= batch.len();
            self.of_all.0.fetch_sub(batch.len(), Ordering::Relaxed);
        }
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        self.of_all.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    /// A batch of so many events of so many bytes each.
    fn batch(first: u64, events: usize, bytes: usize) -> Batch {
        Batch::new(first, &vec![Bytes::from(vec![b'x'; bytes]); events])
    }

    #[test]
    fn small_batches_are_joined() {
        let mut window = Window::new(WindowBytes::default());
        window.push(batch(5, 2, 10));
        window.push(batch(7, 1, 10));
        let joined = window.batch_of(6).unwrap();
        assert_eq!((joined.first(), joined.end()), (5, 8));
        assert_eq!(joined.offset(7), 2 * joined.len() / 3);
        assert_eq!(joined.bytes(), batch(5, 3, 10).bytes());
        assert!(window.batch_of(8).is_none());
        assert!(!window.has_lost(5));
    }

    #[test]
    fn what_everybody_has_had_goes() {
        let mut window = Window::new(WindowBytes::default());
        window.push(batch(0, 1, 60 << 10));
        window.push(batch(1, 1, 60 << 10));
        window.drop_before(1);
        assert!(window.has_lost(0) && !window.has_lost(1));
        assert!(window.batch_of(0).is_none());
        window.drop_before(2);
        assert!(window.is_empty());
        assert_eq!(window.bytes, 0);
    }

    #[test]
    fn the_oldest_go_at_the_limit_and_the_newest_never() {
        let mut window = Window::new(WindowBytes::default());
        for number in 0..50 {
            window.push(batch(number, 1, 60 << 10));
            assert!(window.bytes <= MAX_BYTES);
        }
        let first = window.batches.front().unwrap().first();
        assert!(first > 0 && window.bytes > MAX_BYTES - JOINED_BYTES);
        window.push(batch(50, 1, MAX_BYTES));
        assert!(window.has_lost(49) && window.batch_of(50).is_some());
    }

    #[test]
    fn what_goes_next_is_known_before() {
        let mut window = Window::new(WindowBytes::default());
        for number in 0..50 {
            let may_go: Vec<_> = (0..number)
                .filter(|event| window.may_lose(*event))
                .collect();
            let gone =
                |window: &Window| (0..number).filter(|event| window.has_lost(*event)).count();
            let before = gone(&window);
            window.push(batch(number, 1, 60 << 10));
            let went = gone(&window) - before;
            assert!(
                went <= may_go.len().saturating_sub(before),
                "{number}: {went}"
            );
        }
        assert!(window.has_lost(0));
    }

    #[test]
    fn where_all_windows_hold_too_much_each_keeps_its_newest_batch() {
        let of_all = WindowBytes::default();
        let mut other = Window::new(of_all.clone());
        other.push(batch(0, 1, MAX_BYTES_OF_ALL));
        let mut window = Window::new(of_all.clone());
        window.push(batch(0, 1, 60 << 10));
        window.push(batch(1, 1, 60 << 10));
        assert!(window.has_lost(0) && window.batch_of(1).is_some());
        assert!(window.may_lose(1));

        drop(other);
        window.push(batch(2, 1, 60 << 10));
        assert!(window.batch_of(1).is_some() && !window.may_lose(1));
        window.drop_before(3);
        assert_eq!(of_all.0.load(Ordering::Relaxed), 0);
    }
}
