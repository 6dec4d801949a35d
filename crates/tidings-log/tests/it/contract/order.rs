use tidings_log::{Entry, LogOptions};

use crate::simple::Refused;

use super::{Open, append, append_final, at, epoch, keeping, topic, try_append};

pub(crate) fn sequences_rise_by_one_from_one(open: Open) {
    let mut log = open(keeping(2));
    assert_eq!(log.head(), 0);
    for expected in 1..10 {
        let name = if expected % 3 == 0 { "a" } else { "b" };
        assert_eq!(append(&mut log, name, "").sequence, expected);
        assert_eq!(log.head(), expected);
    }
}

pub(crate) fn a_record_holds_what_was_appended(open: Open) {
    let mut log = open(LogOptions::default());
    let entry = Entry {
        topic: topic("a/b"),
        event: Some("note".into()),
        data: "two\nlines".into(),
        key: Some("k".into()),
        ends_topic: true,
    };
    let record = log.append(entry.clone(), at(7), |_| false).unwrap();
    assert_eq!(
        (&record.topic, &record.event, &record.data),
        (&entry.topic, &entry.event, &entry.data)
    );
    assert_eq!(
        (&record.key, record.ends_topic, record.time),
        (&entry.key, true, at(7))
    );
    assert_eq!(record.position(), log.position(1));
}

pub(crate) fn a_refused_event_takes_no_sequence(open: Open) {
    let mut log = open(LogOptions::default());
    append_final(&mut log, "a");
    assert_eq!(try_append(&mut log, "a", &[]), Err(Refused::Ended));
    assert_eq!((log.head(), log.len()), (1, 1));
    assert_eq!(append(&mut log, "b", "").sequence, 2);
}

pub(crate) fn positions_are_of_the_logs_epoch(open: Open) {
    let log = open(LogOptions::default());
    assert_eq!(log.position(3).epoch, epoch());
    assert!(log.knows(&log.position(3)));
    assert!(!log.knows(&"e2-3".parse().unwrap()));
}
