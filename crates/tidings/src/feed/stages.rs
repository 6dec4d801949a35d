use std::collections::VecDeque;

use crate::group::Mark;

/// Where the members of a feed may be: before the first event that not all of them have been given, and after each one
/// from there. Never empty.
#[derive(Debug)]
pub(super) struct Stages(VecDeque<Stage>);

/// A place between two events.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stage {
    pub(super) mark: Mark,
    /// Everything up to this sequence comes before it.
    pub(super) cursor: u64,
}

impl Stages {
    pub(super) fn at(mark: Mark, cursor: u64) -> Self {
        Self(VecDeque::from([Stage { mark, cursor }]))
    }

    /// Where all members have been.
    pub(super) fn first(&self) -> Stage {
        self.0[0]
    }

    /// Where the feed is.
    pub(super) fn last(&self) -> Stage {
        self.0[self.0.len() - 1]
    }

    /// The place before the event of this number, or the nearest to it.
    pub(super) fn find(&self, number: u64) -> Stage {
        let index = number.saturating_sub(self.first().mark.number);
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        self.0[index.min(self.0.len() - 1)]
    }

    /// Moves the feed past an event.
    pub(super) fn push(&mut self, sequence: u64, bytes: usize) {
        let Stage { mark, .. } = self.last();
        self.0.push_back(Stage {
            mark: Mark {
                number: mark.number + 1,
                bytes: mark.bytes + bytes as u64,
            },
            cursor: sequence,
        });
    }

    /// Takes note that nothing for its members comes between the place of the feed and this sequence.
    pub(super) fn pass(&mut self, sequence: u64) {
        if let Some(last) = self.0.back_mut() {
            last.cursor = last.cursor.max(sequence);
        }
    }

    /// Drops the places before the event of this number. Tells whether a member may still be behind the feed.
    pub(super) fn drop_before(&mut self, number: u64) -> bool {
        while self.0.len() > 1 && self.first().mark.number < number {
            self.0.pop_front();
        }
        let is_behind = self.0.len() > 1;
        if !is_behind {
            self.0.shrink_to(1);
        }
        is_behind
    }
}
