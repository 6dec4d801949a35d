use tidings_log::{Record, Scope, Window};

use crate::simple::SimpleLog;

/// Reads back page by page to the place before the newest `n` events of those that `keep` accepts.
pub(crate) fn start_of_newest(
    log: &SimpleLog,
    scope: &Scope<'_>,
    n: usize,
    until: u64,
    keep: impl Fn(&Record) -> bool,
) -> u64 {
    let mut window = Window::new(0, until);
    window.records = 2;
    let mut found = Vec::new();
    while window.after < window.until {
        let page = log.page_back(scope, window);
        let descending = |pair: &[std::sync::Arc<Record>]| pair[0].sequence > pair[1].sequence;
        assert!(page.records.windows(2).all(descending));
        assert!(page.reached < window.until);
        found.extend(page.records);
        window.until = page.reached;
    }
    let kept = found.iter().filter(|record| keep(record)).take(n);
    kept.last().map_or(until, |record| record.sequence - 1)
}
