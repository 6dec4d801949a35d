use tidings_log::{LogOptions, Record, Window};

use crate::simple::SimpleLog;

use crate::newest::start_of_newest;

use super::{Open, append, both, keeping, overhead, read, retained};

fn filled(open: Open) -> SimpleLog {
    let mut log = open(LogOptions::default());
    for name in ["a", "b", "a", "c", "b", "a", "c", "a"] {
        append(&mut log, name, "");
    }
    log
}

pub(crate) fn literal_topics_are_merged_in_order(open: Open) {
    let log = filled(open);
    assert_eq!(retained(&log, &["a"]), [1, 3, 6, 8]);
    assert_eq!(retained(&log, &["b", "a"]), [1, 2, 3, 5, 6, 8]);
    assert_eq!(retained(&log, &["c", "nothing"]), [4, 7]);
}

pub(crate) fn a_predicate_selects_in_order(open: Open) {
    let log = filled(open);
    assert_eq!(retained(&log, &["a", "b", "c"]), [1, 2, 3, 4, 5, 6, 7, 8]);
}

pub(crate) fn windows_are_open_below_and_closed_above(open: Open) {
    let log = filled(open);
    let between = |after, until| {
        both(&["a", "b"], |scope| {
            read(&log, scope, Window::new(after, until))
        })
    };
    assert_eq!(between(1, 6), [2, 3, 5, 6]);
    assert_eq!(between(3, 4), []);
    assert_eq!(between(8, 8), []);
    assert_eq!(between(6, 2), []);
}

pub(crate) fn pages_follow_each_other_without_a_seam(open: Open) {
    let log = filled(open);
    for records in 1..6 {
        for bytes in [1, 2 * overhead(open), u64::MAX] {
            let window = Window {
                after: 0,
                until: 7,
                records,
                bytes,
            };
            assert_eq!(
                both(&["a", "c"], |scope| read(&log, scope, window)),
                [1, 3, 4, 6, 7]
            );
        }
    }
}

pub(crate) fn a_page_ends_at_its_limits(open: Open) {
    let log = filled(open);
    let all = Window {
        after: 0,
        until: 8,
        records: 256,
        bytes: u64::MAX,
    };
    let page = |window| {
        both(&["a", "b"], |scope| {
            let page = log.page(scope, window);
            (
                page.records
                    .iter()
                    .map(|record| record.sequence)
                    .collect::<Vec<_>>(),
                page.reached,
            )
        })
    };
    assert_eq!(page(all), (vec![1, 2, 3, 5, 6, 8], 8));
    let (sequences, reached) = page(Window { records: 2, ..all });
    assert_eq!(sequences, [1, 2]);
    assert!((2..3).contains(&reached));
    let (sequences, reached) = page(Window {
        bytes: overhead(open) + 1,
        ..all
    });
    assert_eq!(sequences, [1, 2]);
    assert!((2..3).contains(&reached));
}

pub(crate) fn a_page_over_many_other_topics_goes_on_where_it_stopped(open: Open) {
    let mut log = open(LogOptions::default());
    append(&mut log, "a", "");
    for _ in 0..20_000 {
        append(&mut log, "b", "");
    }
    append(&mut log, "a", "");
    assert_eq!(retained(&log, &["a"]), [1, 20_002]);
}

pub(crate) fn nothing_matching_reaches_the_end_of_the_window(open: Open) {
    let log = filled(open);
    let page = both(&["nothing"], |scope| {
        let page = log.page(scope, Window::new(2, 6));
        (page.records.len(), page.reached)
    });
    assert_eq!(page, (0, 6));
}

pub(crate) fn the_newest_are_counted_over_all_topics(open: Open) {
    let log = filled(open);
    let start = |n, until| {
        both(&["a", "b"], |scope| {
            start_of_newest(&log, scope, n, until, |_| true)
        })
    };
    assert_eq!(start(0, 8), 8);
    assert_eq!(start(1, 8), 7);
    assert_eq!(start(3, 8), 4);
    assert_eq!(start(6, 8), 0);
    assert_eq!(start(usize::MAX, 8), 0);
    assert_eq!(start(1, 7), 5);
    assert_eq!(start(2, 2), 0);
    assert_eq!(
        both(&["nothing"], |scope| start_of_newest(
            &log,
            scope,
            3,
            8,
            |_| true
        )),
        8
    );
}

pub(crate) fn the_newest_are_counted_of_what_is_wanted(open: Open) {
    let log = filled(open);
    let even = |record: &Record| record.sequence.is_multiple_of(2);
    let start = |n| {
        both(&["a", "b"], |scope| {
            start_of_newest(&log, scope, n, 8, even)
        })
    };
    assert_eq!(start(1), 7);
    assert_eq!(start(2), 5);
    assert_eq!(start(3), 1);
    assert_eq!(start(4), 1);
}

pub(crate) fn the_oldest_is_the_first_retained_of_the_scope(open: Open) {
    let mut log = open(keeping(2));
    for name in ["a", "b", "a", "a"] {
        append(&mut log, name, "");
    }
    assert_eq!(both(&["a"], |scope| log.oldest(scope)), Some(3));
    assert_eq!(both(&["a", "b"], |scope| log.oldest(scope)), Some(2));
    assert_eq!(both(&["nothing"], |scope| log.oldest(scope)), None);
}
