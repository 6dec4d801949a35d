//! Reading much of the log at once, a page at a time, so that nobody waits for it.

use std::{ops::ControlFlow, sync::Arc, task::Waker};

use tidings_log::{Record, Selection, StoreError, Window};
use tracing::error;

use crate::{
    StoreFailed,
    core::Core,
    filter::Filter,
    reads::{PageRead, read_page},
    shared::Shared,
};

impl Shared {
    /// Visits what the filter lets through in `(after, until]`, oldest first, until told to stop.
    pub(crate) fn scan(
        &self,
        filter: &Filter,
        after: u64,
        until: u64,
        mut visit: impl FnMut(Arc<Record>) -> ControlFlow<()>,
    ) -> Result<(), StoreFailed> {
        let choose = |core: &Core, window| filter.scope(|scope| core.log.select(scope, window));
        self.read_pages(Window::new(after, until), choose, |record| {
            if filter.wants(&record) {
                visit(record)
            } else {
                ControlFlow::Continue(())
            }
        })
    }

    /// Visits what is chosen of a window, page by page and oldest first, until told to stop.
    pub(crate) fn read_pages(
        &self,
        mut window: Window,
        choose: impl Fn(&Core, Window) -> Selection,
        mut visit: impl FnMut(Arc<Record>) -> ControlFlow<()>,
    ) -> Result<(), StoreFailed> {
        while window.after < window.until {
            let page = choose(&self.core.lock(), window);
            let Some(records) = self.read(&page)? else {
                continue;
            };
            window.after = page.reached;
            if records.into_iter().try_for_each(&mut visit).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// As [`scan`](Self::scan) from the beginning up to `until`, newest first.
    pub(crate) fn scan_back(
        &self,
        filter: &Filter,
        until: u64,
        mut visit: impl FnMut(Arc<Record>) -> ControlFlow<()>,
    ) -> Result<(), StoreFailed> {
        let mut window = Window::new(0, until);
        while window.after < window.until {
            let mut page = filter.scope(|scope| self.core.lock().log.select_back(scope, window));
            page.sequences.reverse();
            let Some(records) = self.read(&page)? else {
                continue;
            };
            window.until = page.reached;
            let mut wanted = records
                .into_iter()
                .rev()
                .filter(|record| filter.wants(record));
            if wanted.try_for_each(&mut visit).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Whether the filter lets anything through in `(after, until]`.
    pub(crate) fn has_events(
        &self,
        filter: &Filter,
        after: u64,
        until: u64,
    ) -> Result<bool, StoreFailed> {
        if filter.events().is_empty() {
            return Ok(self.selects_any(filter, Window::new(after, until)));
        }
        let mut found = false;
        self.scan(filter, after, until, |_| {
            found = true;
            ControlFlow::Break(())
        })?;
        Ok(found)
    }

    /// The place before the newest `n` events up to `until` that the filter lets through.
    pub(crate) fn start_of_newest(
        &self,
        filter: &Filter,
        n: usize,
        until: u64,
    ) -> Result<u64, StoreFailed> {
        let (mut left, mut start) = (n, until);
        if n == 0 {
            return Ok(start);
        }
        if filter.events().is_empty() {
            return Ok(self.select_newest(filter, n, until));
        }
        self.scan_back(filter, until, |record| {
            start = record.sequence - 1;
            left -= 1;
            if left == 0 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })?;
        Ok(start)
    }

    /// Whether there is anything on the topics of the filter, whatever its type.
    fn selects_any(&self, filter: &Filter, mut window: Window) -> bool {
        window.records = 1;
        while window.after < window.until {
            let page = filter.scope(|scope| self.core.lock().log.select(scope, window));
            if !page.sequences.is_empty() {
                return true;
            }
            window.after = page.reached;
        }
        false
    }

    /// The place before the newest `n` events on the topics of the filter, whatever their types.
    fn select_newest(&self, filter: &Filter, n: usize, until: u64) -> u64 {
        let mut window = Window {
            bytes: u64::MAX,
            ..Window::new(0, until)
        };
        let (mut left, mut start) = (n, until);
        while left > 0 && window.after < window.until {
            window.records = left.min(4096);
            let page = filter.scope(|scope| self.core.lock().log.select_back(scope, window));
            left -= page.sequences.len();
            start = page.sequences.last().map_or(start, |oldest| oldest - 1);
            window.until = page.reached;
        }
        start
    }

    pub(crate) fn head(&self) -> u64 {
        self.core.lock().log.head()
    }

    /// The records of a page by rising sequence. `None` if some have gone meanwhile: the page must be chosen again.
    fn read(&self, page: &Selection) -> Result<Option<Vec<Arc<Record>>>, StoreFailed> {
        match read_page(&*self.store, &page.sequences) {
            Err(failed @ (StoreError::Closed | StoreError::Io(_))) => Err(StoreFailed::new(failed)),
            outcome => Ok(self.whole(page, outcome)),
        }
    }

    /// The records of a page if they are at hand, otherwise the page as it is being read.
    pub(crate) fn page(
        &self,
        page: &Selection,
        waker: &Waker,
    ) -> Result<Vec<Arc<Record>>, PageRead> {
        let Some(disk) = &self.disk else {
            return Ok(self.store.recent(&page.sequences).unwrap_or_default());
        };
        let takes_turns = self.replays.are_many() && !page.sequences.is_empty();
        let at_hand = || self.store.recent(&page.sequences);
        match (!takes_turns).then(at_hand).flatten() {
            Some(records) => Ok(records),
            None => Err(disk.reads.read(page.sequences.clone(), waker.clone())),
        }
    }

    /// The records of a page if they are all there. Those that are neither there nor evicted are given up, and told of
    /// like evicted ones.
    pub(crate) fn whole(
        &self,
        page: &Selection,
        outcome: Result<Vec<Arc<Record>>, StoreError>,
    ) -> Option<Vec<Arc<Record>>> {
        let records = match outcome {
            Ok(records) if records.len() == page.sequences.len() => return Some(records),
            Ok(records) => records,
            Err(StoreError::Damaged { sequence }) => {
                error!(
                    sequence,
                    "an event is damaged and will not be given to anybody"
                );
                self.core.lock().log.lose(sequence);
                return None;
            }
            Err(_) => return None,
        };
        let is_there = |sequence: &u64| {
            let by_sequence = |record: &Arc<Record>| record.sequence;
            records.binary_search_by_key(sequence, by_sequence).is_ok()
        };
        let mut core = self.core.lock();
        for sequence in page.sequences.iter().filter(|sequence| !is_there(sequence)) {
            if core.log.lose(*sequence) {
                error!(
                    sequence,
                    "an event cannot be read and will not be given to anybody"
                );
            }
        }
        None
    }
}
