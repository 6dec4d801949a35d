use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many threads that write streams a [`Server`](crate::Server) has running. Clones tell the same.
#[derive(Clone, Debug, Default)]
pub struct EngineCount(Arc<AtomicUsize>);

/// One thread in the count.
#[derive(Debug)]
pub(super) struct Counted(EngineCount);

impl EngineCount {
    /// How many run now: none before the server does and after it has ended.
    pub fn running(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn enter(&self) -> Counted {
        self.0.fetch_add(1, Ordering::Relaxed);
        Counted(self.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}
