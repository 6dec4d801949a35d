use tidings_log::{Entry, LogOptions, TopicRules};

use super::{Open, append_key, at, topic, with_rules};

pub(crate) fn an_older_event_of_a_key_is_superseded(open: Open) {
    let mut log = open(with_rules(TopicRules {
        keyed: true,
        ..TopicRules::default()
    }));
    let first = append_key(&mut log, "a", "x");
    let elsewhere = append_key(&mut log, "b", "x");
    assert!(!log.is_superseded(&first));
    let other = append_key(&mut log, "a", "y");
    let second = append_key(&mut log, "a", "x");
    assert!(log.is_superseded(&first));
    assert!(!log.is_superseded(&second));
    assert!(!log.is_superseded(&other));
    assert!(!log.is_superseded(&elsewhere));
}

pub(crate) fn only_keyed_topics_know_what_is_superseded(open: Open) {
    let mut log = open(LogOptions::default());
    let first = append_key(&mut log, "a", "x");
    append_key(&mut log, "a", "x");
    assert!(!log.is_superseded(&first));
}

pub(crate) fn a_final_event_is_never_superseded(open: Open) {
    let mut log = open(with_rules(TopicRules {
        keyed: true,
        ..TopicRules::default()
    }));
    let first = append_key(&mut log, "a", "x");
    let entry = Entry {
        key: Some("x".into()),
        ends_topic: true,
        ..Entry::new(topic("a"), "")
    };
    let last = log.append(entry, at(0), |_| false).unwrap();
    assert!(log.is_superseded(&first));
    assert!(!log.is_superseded(&last));
}
