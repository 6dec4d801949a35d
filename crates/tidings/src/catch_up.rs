use std::{
    sync::Arc,
    task::{Context, Poll},
};

use tidings_log::{Record, Selection};

use crate::{group::Group, reads::PageRead, shared::Shared};

/// Reading the log, page by page, for a reader or a feed.
#[derive(Debug)]
pub(crate) struct CatchUp {
    /// Whose filter and encoding apply.
    pub(crate) group: Arc<Group>,
    /// The last sequence to look at.
    pub(crate) until: u64,
    /// Why it is read.
    pub(crate) reading: Reading,
    /// What these topics had lost by this number of evictions is accounted for.
    pub(crate) since: u64,
    /// For a recall: the events to read, by rising sequence.
    pub(crate) picked: Vec<u64>,
    /// The page that is being read.
    page: Option<(Selection, PageRead)>,
}

/// Why the log is read, which decides what it means that something that was to be read has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// It begins with what is retained, and has been given nothing yet: what has gone was not retained.
    Fresh,
    /// It begins with a choice of what is retained: what has gone since is not to be had any more.
    Recall,
    /// It replays. That is not lag: a gap tells it what is missing, and it goes on with what is retained.
    Replay,
    /// It was too slow for the tail: the lag policy decides.
    Behind,
    /// The same, and superseded events are left out.
    Conflating,
}

/// What reading a page gave.
#[derive(Debug)]
pub(crate) enum Read {
    /// The records of a page, whether the filter wants them or not, that reaches up to a sequence.
    Page {
        records: Vec<Arc<Record>>,
        reached: u64,
    },
    /// Something went meanwhile: what that means is decided by choosing again.
    Stale,
    /// No page was chosen.
    Unchosen,
}

impl CatchUp {
    pub(crate) fn new(group: Arc<Group>, until: u64, reading: Reading, since: u64) -> Self {
        Self {
            group,
            until,
            reading,
            since,
            picked: Vec::new(),
            page: None,
        }
    }

    /// How much a reader at this cursor has to read, at most.
    pub(crate) fn left(&self, cursor: u64) -> u64 {
        match self.reading {
            Reading::Recall => {
                let left = self.picked.iter().filter(|picked| **picked > cursor);
                left.count() as u64
            }
            _ => self.until.saturating_sub(cursor),
        }
    }

    /// Reads these events alone.
    pub(crate) fn recall(group: Arc<Group>, until: u64, picked: Vec<u64>) -> Self {
        Self {
            picked,
            ..Self::new(group, until, Reading::Recall, 0)
        }
    }

    /// The page that is being read, if one is.
    pub(crate) fn page_read(&self) -> Option<&PageRead> {
        self.page.as_ref().map(|(_, read)| read)
    }

    /// Reads a page, and chooses it first unless that has been done.
    pub(crate) fn read(
        &mut self,
        shared: &Shared,
        cx: &mut Context<'_>,
        choose: impl FnOnce(&mut Self) -> Option<Selection>,
    ) -> Poll<Read> {
        let (selection, outcome) = match self.page.take() {
            Some((selection, read)) => match read.poll(cx) {
                Poll::Ready(outcome) => (selection, outcome),
                Poll::Pending => {
                    self.page = Some((selection, read));
                    return Poll::Pending;
                }
            },
            None => {
                let Some(selection) = choose(self) else {
                    return Poll::Ready(Read::Unchosen);
                };
                match shared.page(&selection, cx.waker()) {
                    Ok(records) => (selection, Ok(records)),
                    Err(read) => {
                        self.page = Some((selection, read));
                        return Poll::Pending;
                    }
                }
            }
        };
        let reached = selection.reached;
        Poll::Ready(match shared.whole(&selection, outcome) {
            Some(records) => Read::Page { records, reached },
            None => Read::Stale,
        })
    }
}
