//! Where something of a thread is kept.

use std::num::NonZeroU32;

/// An index in one of a thread's slabs, in as little room as it takes to remember one or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot(
    /// One more than the index.
    NonZeroU32,
);

impl Slot {
    /// # Panics
    /// If there are more things than a process can have sockets.
    pub(super) fn new(index: usize) -> Self {
        let number = index
            .checked_add(1)
            .and_then(|number| u32::try_from(number).ok());
        let number = number.and_then(NonZeroU32::new);
        Self(number.expect("a process has less than 2^31 sockets"))
    }

    pub(super) fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}
