use tidings_log::{Entry, LogOptions};

use crate::simple::Refused;

use super::{
    Open, append, append_at, append_final, at, keeping, living, overhead, retained, topic, topics,
    try_append,
};

pub(crate) fn a_final_event_ends_its_topic(open: Open) {
    let mut log = open(LogOptions::default());
    append(&mut log, "a", "");
    assert!(!log.has_ended(&topic("a")));
    append_final(&mut log, "a");
    assert!(log.has_ended(&topic("a")));
    assert_eq!(try_append(&mut log, "a", &[]), Err(Refused::Ended));
    let summary = log.summary(&topic("a")).unwrap();
    assert_eq!(
        (summary.events, summary.first, summary.last, summary.ended),
        (2, Some(1), 2, true)
    );
    assert!(!log.has_ended(&topic("b")));
}

pub(crate) fn a_forgotten_topic_opens_again(open: Open) {
    let mut log = open(LogOptions::default());
    append(&mut log, "b", "");
    append(&mut log, "a", "");
    append_final(&mut log, "a");
    assert!(log.forget(&topic("a")));
    assert_eq!(
        (log.summary(&topic("a")), log.topic_count(), log.len()),
        (None, 1, 1)
    );
    assert_eq!(log.bytes(), overhead(open));
    append(&mut log, "a", "");
    assert_eq!(retained(&log, &["a", "b"]), [1, 4]);
}

pub(crate) fn an_ended_topic_opens_again_when_its_last_event_expires(open: Open) {
    let mut log = open(living(10));
    append_at(&mut log, "a", "", at(0));
    let last = Entry {
        ends_topic: true,
        ..Entry::new(topic("a"), "")
    };
    log.append(last, at(5), |_| false).unwrap();
    log.expire(at(14));
    assert!(log.has_ended(&topic("a")));
    assert_eq!(append_at(&mut log, "a", "", at(15)).sequence, 3);
    assert!(!log.has_ended(&topic("a")));
}

pub(crate) fn an_open_topic_outlives_its_events(open: Open) {
    let mut log = open(living(10));
    append_at(&mut log, "a", "", at(0));
    log.expire(at(10));
    let summary = log.summary(&topic("a")).unwrap();
    assert_eq!(
        (summary.events, summary.bytes, summary.first, summary.last),
        (0, 0, None, 1)
    );
    append_at(&mut log, "a", "", at(20));
    log.expire(at(29));
    assert_eq!(retained(&log, &["a"]), [2]);
}

pub(crate) fn forgetting_an_unknown_topic_does_nothing(open: Open) {
    let mut log = open(LogOptions::default());
    append(&mut log, "a", "");
    assert!(!log.forget(&topic("b")));
    assert_eq!((log.evictions(), log.topic_changes()), (0, 1));
}

pub(crate) fn the_least_recently_published_topic_makes_room(open: Open) {
    let mut log = open(topics(2));
    for name in ["a", "b", "a", "c"] {
        append(&mut log, name, "");
    }
    assert_eq!(retained(&log, &["a", "b", "c"]), [1, 3, 4]);
    assert!(!log.contains(&topic("b")));
    append(&mut log, "b", "");
    assert!(!log.contains(&topic("a")));
}

pub(crate) fn a_topic_in_use_is_not_forgotten(open: Open) {
    let mut log = open(topics(2));
    append(&mut log, "a", "");
    append(&mut log, "b", "");
    try_append(&mut log, "c", &["a"]).unwrap();
    assert_eq!(retained(&log, &["a", "b", "c"]), [1, 3]);
}

pub(crate) fn ended_topics_make_room_last(open: Open) {
    let mut log = open(topics(2));
    append_final(&mut log, "a");
    append(&mut log, "b", "");
    append(&mut log, "c", "");
    assert!(log.has_ended(&topic("a")));
    assert!(!log.contains(&topic("b")));
    try_append(&mut log, "d", &["c"]).unwrap();
    assert!(!log.contains(&topic("a")));
}

pub(crate) fn with_every_topic_in_use_there_is_no_room(open: Open) {
    let mut log = open(topics(2));
    append(&mut log, "a", "");
    append(&mut log, "b", "");
    assert_eq!(
        try_append(&mut log, "c", &["a", "b"]),
        Err(Refused::TooManyTopics)
    );
    assert_eq!(retained(&log, &["a", "b"]), [1, 2]);
    try_append(&mut log, "a", &["a", "b"]).unwrap();
}

pub(crate) fn room_is_what_is_free_and_what_can_be_forgotten(open: Open) {
    let mut log = open(topics(4));
    for name in ["a", "b", "c"] {
        append(&mut log, name, "");
    }
    let in_use = |topic: &tidings_log::Topic| topic.as_str() == "b";
    for wanted in 0..8 {
        assert_eq!(log.room_for(wanted, in_use), wanted.min(3));
    }
}

pub(crate) fn changes_of_topics_are_counted(open: Open) {
    let mut log = open(keeping(1));
    let mut change = |act: &dyn Fn(&mut crate::simple::SimpleLog)| {
        let before = log.topic_changes();
        act(&mut log);
        log.topic_changes() - before
    };
    assert_eq!(change(&|log| drop(append(log, "a", ""))), 1);
    assert_eq!(change(&|log| drop(append(log, "a", ""))), 0);
    assert_eq!(change(&|log| drop(append_final(log, "a"))), 1);
    assert_eq!(change(&|log| assert!(log.forget(&topic("a")))), 1);
    assert_eq!(change(&|log| drop(append_final(log, "b"))), 2);
}
