//! The lock under everything that is shared, replaced by loom's in model checks.

use std::sync::PoisonError;

#[cfg(not(tidings_loom))]
use std::sync::Mutex as Inner;
#[cfg(not(tidings_loom))]
pub(crate) use std::sync::MutexGuard;

#[cfg(tidings_loom)]
use loom::sync::Mutex as Inner;
#[cfg(tidings_loom)]
pub(crate) use loom::sync::MutexGuard;

/// A mutex that goes on after a panic elsewhere: no critical section here leaves its data half changed.
#[derive(Debug)]
pub(crate) struct Mutex<T>(Inner<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Inner::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}
