//! Reading much of the log at once, a page at a time, so that nobody waits for it.

use std::{ops::ControlFlow, sync::Arc};

use tidings_log::{Page, Record, Window};

use crate::{broker::Shared, filter::Filter};

impl Shared {
    /// Visits what the filter lets through in `(after, until]`, oldest first, until told to stop.
    pub(crate) fn scan(
        &self,
        filter: &Filter,
        after: u64,
        until: u64,
        mut visit: impl FnMut(Arc<Record>) -> ControlFlow<()>,
    ) {
        let mut window = Window::new(after, until);
        while window.after < window.until {
            let page = filter.scope(|scope| self.core.lock().log.page(scope, window));
            window.after = page.reached;
            if visit_wanted(filter, page, &mut visit).is_break() {
                return;
            }
        }
    }

    /// As [`scan`](Self::scan) from the beginning up to `until`, newest first.
    pub(crate) fn scan_back(
        &self,
        filter: &Filter,
        until: u64,
        mut visit: impl FnMut(Arc<Record>) -> ControlFlow<()>,
    ) {
        let mut window = Window::new(0, until);
        while window.after < window.until {
            let page = filter.scope(|scope| self.core.lock().log.page_back(scope, window));
            window.until = page.reached;
            if visit_wanted(filter, page, &mut visit).is_break() {
                return;
            }
        }
    }

    /// Whether the filter lets anything through in `(after, until]`.
    pub(crate) fn has_events(&self, filter: &Filter, after: u64, until: u64) -> bool {
        let mut found = false;
        self.scan(filter, after, until, |_| {
            found = true;
            ControlFlow::Break(())
        });
        found
    }

    /// The place before the newest `n` events up to `until` that the filter lets through.
    pub(crate) fn start_of_newest(&self, filter: &Filter, n: usize, until: u64) -> u64 {
        let (mut left, mut start) = (n, until);
        if n == 0 {
            return start;
        }
        self.scan_back(filter, until, |record| {
            start = record.sequence - 1;
            left -= 1;
            if left == 0 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        start
    }

    pub(crate) fn head(&self) -> u64 {
        self.core.lock().log.head()
    }
}

fn visit_wanted(
    filter: &Filter,
    page: Page,
    visit: impl FnMut(Arc<Record>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let mut wanted = page
        .records
        .into_iter()
        .filter(|record| filter.wants(record));
    wanted.try_for_each(visit)
}
