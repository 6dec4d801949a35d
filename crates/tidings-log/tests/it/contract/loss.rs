use tidings_log::{Holes, LogOptions, Scope, Topic, TopicRules};

use super::{Open, append, append_key, both, keeping, topic, with_rules};

pub(crate) fn nothing_is_missed_before_anything_goes(open: Open) {
    let mut log = open(LogOptions::default());
    assert!(!log.misses_any(&Scope::Topics(&[topic("a")]), 0));
    append(&mut log, "a", "");
    assert!(!both(&["a", "nothing"], |scope| log.misses_any(scope, 0)));
    assert!(both(&["a"], |scope| log.holes(scope, 0, 0)).is_empty());
}

pub(crate) fn eviction_is_missed_by_those_before_it(open: Open) {
    let mut log = open(keeping(2));
    for name in ["a", "b", "a", "b", "a", "b"] {
        append(&mut log, name, "");
    }
    let misses = |names: &[&str], after| both(names, |scope| log.misses_any(scope, after));
    assert!(misses(&["a"], 0));
    assert!(!misses(&["a"], 1));
    assert!(misses(&["b"], 1));
    assert!(misses(&["a", "b"], 1));
    assert!(!misses(&["a", "b"], 2));
}

pub(crate) fn an_unknown_topic_may_have_been_any_forgotten_one(open: Open) {
    let mut log = open(LogOptions::default());
    for name in ["a", "b", "a"] {
        append(&mut log, name, "");
    }
    log.forget(&topic("a"));
    let unknown = |after| log.misses_any(&Scope::Topics(&[topic("c")]), after);
    assert!(unknown(2));
    assert!(!unknown(3));
    assert!(log.misses_any(&Scope::Matching(&|_| true), 2));
    assert!(!log.misses_any(&Scope::Matching(&|_| true), 3));
}

pub(crate) fn a_topic_that_comes_back_is_judged_as_the_one_before(open: Open) {
    let mut log = open(LogOptions::default());
    append(&mut log, "a", "");
    append(&mut log, "a", "");
    log.forget(&topic("a"));
    append(&mut log, "a", "");
    let misses = |after| both(&["a"], |scope| log.misses_any(scope, after));
    assert!(misses(1));
    assert!(!misses(2));
}

pub(crate) fn a_known_topic_does_not_miss_what_another_lost(open: Open) {
    let mut log = open(LogOptions::default());
    for name in ["a", "b", "b"] {
        append(&mut log, name, "");
    }
    log.forget(&topic("b"));
    assert!(!log.misses_any(&Scope::Topics(&[topic("a")]), 0));
    assert!(log.holes(&Scope::Topics(&[topic("a")]), 0, 0).is_empty());
}

pub(crate) fn holes_are_counted_from_a_point_in_time(open: Open) {
    let mut log = open(keeping(2));
    for _ in 0..3 {
        append(&mut log, "a", "");
        append(&mut log, "b", "");
    }
    let since = log.evictions();
    let holes = |log: &crate::simple::SimpleLog, after| {
        both(&["a"], |scope| log.holes(scope, after, since).topics)
    };
    assert_eq!(holes(&log, 0), []);
    append(&mut log, "b", "");
    assert_eq!(holes(&log, 0), []);
    append(&mut log, "a", "");
    assert_eq!(holes(&log, 2), [(topic("a"), false)]);
    assert_eq!(holes(&log, 3), []);
}

fn keyed(events: u64) -> LogOptions {
    let retention = tidings_log::Retention {
        events,
        ..Default::default()
    };
    with_rules(TopicRules {
        retention,
        keyed: true,
        ..TopicRules::default()
    })
}

pub(crate) fn holes_tell_superseded_events_from_others(open: Open) {
    let mut log = open(keyed(2));
    for key in ["x", "y", "x", "x"] {
        append_key(&mut log, "a", key);
    }
    // 1 was superseded by 3 when it went; 2 was the newest of its key.
    let holes = |after| both(&["a"], |scope| log.holes(scope, after, 0).topics);
    assert_eq!(holes(0), [(topic("a"), false)]);
    assert_eq!(holes(1), [(topic("a"), false)]);
    append_key(&mut log, "a", "x");
    let holes = |after| both(&["a"], |scope| log.holes(scope, after, 0).topics);
    assert_eq!(holes(2), [(topic("a"), true)]);
    assert_eq!(holes(3), []);
}

pub(crate) fn what_was_lost_before_does_not_count_again(open: Open) {
    let mut log = open(keyed(2));
    append(&mut log, "a", "");
    for _ in 0..2 {
        append_key(&mut log, "a", "x");
    }
    let since = log.evictions();
    assert!(since > 0);
    append_key(&mut log, "a", "x");
    assert_eq!(
        both(&["a"], |scope| log.holes(scope, 0, since).topics),
        [(topic("a"), true)]
    );
}

pub(crate) fn a_deleted_topic_leaves_a_hole(open: Open) {
    let mut log = open(LogOptions::default());
    append(&mut log, "a", "");
    append(&mut log, "b", "");
    let since = log.evictions();
    log.forget(&topic("a"));
    let lost = Holes {
        topics: Vec::new(),
        forgotten: true,
    };
    let named = [topic("a"), topic("b")];
    assert_eq!(log.holes(&Scope::Topics(&named), 0, since), lost);
    assert_eq!(
        log.holes(&Scope::Matching(&|_: &Topic| true), 0, since),
        lost
    );
    assert!(log.holes(&Scope::Topics(&named), 1, since).is_empty());
    assert!(
        log.holes(&Scope::Topics(&named), 0, log.evictions())
            .is_empty()
    );
}
