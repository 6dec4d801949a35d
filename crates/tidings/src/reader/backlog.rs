//! What a reader is given before the live items.

use std::{collections::VecDeque, sync::Arc};

use crate::{
    Control, GoodbyeReason,
    catch_up::{CatchUp, Reading},
    group::Group,
    replays::Replaying,
};

/// What a reader is given before the live items.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    /// What the stream begins with.
    pub(crate) opening: Vec<Control>,
    /// What follows, in order.
    pub(crate) steps: VecDeque<Step>,
    /// How many events of it were handed out.
    pub(crate) replayed: u64,
    /// It is one of those that share what replays may hold.
    pub(crate) replaying: Option<Replaying>,
}

/// A part of a backlog.
#[derive(Debug)]
pub(crate) enum Step {
    /// What the log has for a group up to a sequence.
    CatchUp(CatchUp),
    /// The confirmation of a replay.
    Resumed {
        /// The id it was asked for with.
        from: String,
    },
    /// The end of the stream.
    End,
    /// A goodbye, behind the items that its group has before the one of this number.
    Goodbye { until: u64, reason: GoodbyeReason },
}

impl Step {
    /// Reads what a member of the group has not taken, up to a sequence. Nothing of that was gone when it was pushed.
    pub(crate) fn behind(group: Arc<Group>, until: u64) -> Self {
        Self::CatchUp(CatchUp::new(group, until, Reading::Behind, 0))
    }
}
