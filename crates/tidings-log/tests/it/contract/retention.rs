use std::{sync::Arc, time::Duration};

use tidings_log::{Capacity, Entry, LogOptions, Retention, Topic, TopicRules};

use super::{
    Open, append, append_at, append_final, at, keeping, living, overhead, retained, topic,
    with_retention,
};

pub(crate) fn a_topic_keeps_so_many_events(open: Open) {
    let mut log = open(keeping(3));
    for _ in 0..5 {
        append(&mut log, "a", "");
        append(&mut log, "b", "");
    }
    assert_eq!(retained(&log, &["a"]), [5, 7, 9]);
    assert_eq!(retained(&log, &["b"]), [6, 8, 10]);
    assert_eq!(log.len(), 6);
}

pub(crate) fn a_topic_keeps_so_many_bytes(open: Open) {
    let bytes = 2 * overhead(open) + 10;
    let mut log = open(with_retention(Retention {
        bytes,
        ..Retention::default()
    }));
    append(&mut log, "a", "12345");
    append(&mut log, "a", "12345");
    assert_eq!(retained(&log, &["a"]), [1, 2]);
    assert_eq!(log.bytes(), bytes);
    append(&mut log, "a", "123456");
    assert_eq!(retained(&log, &["a"]), [3]);
    assert_eq!(log.bytes(), overhead(open) + 6);
}

pub(crate) fn the_newest_event_stays_whatever_its_size(open: Open) {
    let mut options = with_retention(Retention {
        bytes: 1,
        events: 0,
        ..Retention::default()
    });
    options.capacity.bytes = 1;
    let mut log = open(options);
    append(&mut log, "a", "a large one");
    assert_eq!(retained(&log, &["a"]), [1]);
    append(&mut log, "a", "another");
    assert_eq!(retained(&log, &["a"]), [2]);
}

pub(crate) fn an_event_goes_when_it_is_as_old_as_allowed(open: Open) {
    let mut log = open(living(10));
    append_at(&mut log, "a", "", at(0));
    append_at(&mut log, "a", "", at(4));
    log.expire(at(9));
    assert_eq!(retained(&log, &["a"]), [1, 2]);
    log.expire(at(10));
    assert_eq!(retained(&log, &["a"]), [2]);
    append_at(&mut log, "b", "", at(14));
    assert_eq!(retained(&log, &["a", "b"]), [3]);
    assert_eq!(log.bytes(), overhead(open));
}

pub(crate) fn expiry_passes_over_what_is_younger(open: Open) {
    let rules = |topic: &Topic| {
        let age = if topic.as_str() == "short" { 5 } else { 50 };
        let retention = Retention {
            age: Duration::from_millis(age),
            ..Retention::default()
        };
        TopicRules {
            retention,
            ..TopicRules::default()
        }
    };
    let mut log = open(LogOptions {
        rules: Some(Arc::new(rules)),
        ..LogOptions::default()
    });
    for name in ["long", "short", "long", "short"] {
        append_at(&mut log, name, "", at(0));
    }
    log.expire(at(5));
    assert_eq!(retained(&log, &["long", "short"]), [1, 3]);
    log.expire(at(50));
    assert!(log.is_empty());
}

pub(crate) fn an_age_without_end_never_expires(open: Open) {
    let mut log = open(with_retention(Retention {
        age: Duration::MAX,
        ..Retention::default()
    }));
    append(&mut log, "a", "");
    log.expire(at(u64::MAX - 1));
    assert_eq!(retained(&log, &["a"]), [1]);
}

pub(crate) fn rules_differ_by_topic(open: Open) {
    let rules = |topic: &Topic| {
        let events = if topic.as_str() == "few" { 1 } else { 3 };
        TopicRules {
            retention: Retention {
                events,
                ..Retention::default()
            },
            ..TopicRules::default()
        }
    };
    let mut log = open(LogOptions {
        rules: Some(Arc::new(rules)),
        ..LogOptions::default()
    });
    for _ in 0..4 {
        append(&mut log, "few", "");
        append(&mut log, "many", "");
    }
    assert_eq!(retained(&log, &["few"]), [7]);
    assert_eq!(retained(&log, &["many"]), [4, 6, 8]);
}

pub(crate) fn the_capacity_evicts_the_oldest_of_all_topics(open: Open) {
    let capacity = Capacity {
        bytes: 3 * overhead(open),
        ..Capacity::default()
    };
    let mut log = open(LogOptions {
        capacity,
        ..LogOptions::default()
    });
    for name in ["a", "b", "a", "c"] {
        append(&mut log, name, "");
    }
    assert_eq!(retained(&log, &["a", "b", "c"]), [2, 3, 4]);
    append(&mut log, "c", &"x".repeat(overhead(open) as usize));
    assert_eq!(retained(&log, &["a", "b", "c"]), [4, 5]);
    assert_eq!(log.bytes(), 3 * overhead(open));
}

/// With the topic `spared`, and room for so many events.
fn sparing(events: u64, open: Open) -> LogOptions {
    let rules = |topic: &Topic| TopicRules {
        retention: Retention {
            age: Duration::from_millis(10),
            ..Retention::default()
        },
        spared: topic.as_str() == "spared",
        ..TopicRules::default()
    };
    LogOptions {
        capacity: Capacity {
            bytes: events * overhead(open),
            ..Capacity::default()
        },
        rules: Some(Arc::new(rules)),
    }
}

pub(crate) fn the_capacity_evicts_others_in_place_of_what_is_spared(open: Open) {
    let mut log = open(sparing(4, open));
    for name in ["a", "spared", "b", "spared", "a", "b"] {
        append(&mut log, name, "");
    }
    assert_eq!(retained(&log, &["a", "b", "spared"]), [2, 4, 5, 6]);
    for _ in 0..100 {
        append(&mut log, "c", "");
    }
    assert_eq!(retained(&log, &["a", "b", "c", "spared"]), [2, 4, 105, 106]);
    log.expire(at(10));
    assert!(log.is_empty());
}

pub(crate) fn the_newest_event_stays_although_all_room_is_spared(open: Open) {
    let mut log = open(sparing(2, open));
    for name in ["spared", "spared", "spared", "a"] {
        append(&mut log, name, "");
    }
    assert_eq!(retained(&log, &["a", "spared"]), [1, 2, 3, 4]);
    append(&mut log, "b", "");
    assert_eq!(retained(&log, &["a", "b", "spared"]), [1, 2, 3, 5]);
    append(&mut log, "spared", "");
    assert_eq!(retained(&log, &["a", "b", "spared"]), [1, 2, 3, 6]);
    log.forget(&topic("spared"));
    append(&mut log, "a", "");
    append(&mut log, "a", "");
    assert_eq!(retained(&log, &["a"]), [7, 8]);
}

pub(crate) fn the_final_event_goes_last(open: Open) {
    let capacity = Capacity {
        bytes: 2 * overhead(open),
        ..Capacity::default()
    };
    let mut log = open(LogOptions {
        capacity,
        ..LogOptions::default()
    });
    append(&mut log, "a", "");
    append_final(&mut log, "a");
    append(&mut log, "b", "");
    assert_eq!(retained(&log, &["a", "b"]), [2, 3]);
    assert!(log.has_ended(&topic("a")));
    append(&mut log, "b", "");
    assert!(!log.contains(&topic("a")));
    log.append(Entry::new(topic("a"), ""), at(0), |_| false)
        .unwrap();
    assert_eq!(retained(&log, &["a", "b"]), [4, 5]);
}
