//! Where a reader's live items come from.

use std::{sync::Arc, task::Waker};

use crate::{
    feed::FedPlace,
    group::{Group, Seat},
};

/// The group that a reader follows, and how.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) group: Arc<Group>,
    pub(crate) place: Place,
}

/// Who takes from the group for a reader.
#[derive(Debug)]
pub(crate) enum Place {
    /// The reader.
    Own(Seat),
    /// A feed, for many.
    Fed(FedPlace),
}

impl Live {
    /// Joins a group as a reader on its own.
    pub(crate) fn join(group: Arc<Group>) -> Self {
        let seat = group.join();
        Self {
            group,
            place: Place::Own(seat),
        }
    }

    /// Whom to wake so that the reader is looked at: its owner, if it is parked or fed.
    pub(super) fn waker(&self) -> Option<Waker> {
        match &self.place {
            Place::Own(seat) => self.group.wake(seat),
            Place::Fed(fed) => Some(fed.waker().clone()),
        }
    }

    pub(super) fn waiting(&self) -> u64 {
        let next = match &self.place {
            Place::Own(seat) => seat.next(),
            Place::Fed(fed) => fed.next(),
        };
        self.group.waiting_from(next)
    }
}
