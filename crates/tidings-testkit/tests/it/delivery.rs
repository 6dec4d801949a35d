use tidings_testkit::{Start, Violation, Visit};

use crate::fixture::{Disk, Given, acknowledged, after, event, numbered, publication, visit};

/// `d1` to `d5`, read whole by one reader and as given by another.
fn given(visits: Vec<Visit>) -> Given {
    let whole = visit(0, Start::Oldest, numbered(1..=5));
    Given::default()
        .published(0, Disk, 1..=5)
        .reader("whole", vec![whole])
        .reader("other", visits)
}

#[track_caller]
fn misses(visits: Vec<Visit>, expected: &str) {
    let found = given(visits).violation();
    let Violation::Missing {
        ref reader,
        ref data,
        ..
    } = found
    else {
        panic!("{found}");
    };
    assert_eq!((reader.as_str(), data.as_str()), ("other", expected));
}

#[test]
fn whoever_received_everything_in_pieces_missed_nothing() {
    let pieces = vec![
        visit(0, Start::Oldest, numbered(1..=2)),
        after(0, "e-2", Vec::new()),
        after(0, "e-2", numbered(3..=5)),
    ];
    given(pieces).holds();
}

#[test]
fn nobody_misses_what_was_before_it_began_or_after_it_stopped() {
    given(vec![after(0, "e-2", numbered(3..=4))]).holds();
    let mut now = visit(0, Start::Now, numbered(3..=4));
    given(vec![now.clone()]).holds();
    now.position = Some("e-2".to_owned());
    given(vec![now]).holds();
}

#[test]
fn an_event_dropped_in_the_middle_is_missed() {
    let mut events = numbered(1..=5);
    events.remove(2);
    misses(vec![visit(0, Start::Oldest, events)], "d3");
}

#[test]
fn an_event_dropped_after_the_start_is_missed() {
    misses(vec![visit(0, Start::Oldest, numbered(2..=5))], "d1");
    misses(vec![after(0, "e-2", numbered(4..=5))], "d3");
    let mut now = visit(0, Start::Now, numbered(4..=5));
    now.position = Some("e-2".to_owned());
    misses(vec![now], "d3");
}

#[test]
fn an_event_dropped_between_two_connections_is_missed() {
    let visits = vec![
        visit(0, Start::Oldest, numbered(1..=2)),
        after(0, "e-3", numbered(4..=5)),
    ];
    misses(visits, "d3");
    let visits = vec![
        visit(0, Start::Oldest, numbered(1..=2)),
        after(0, "e-2", numbered(4..=5)),
    ];
    misses(visits, "d3");
}

#[test]
fn a_position_beyond_what_was_asked_for_skips_events() {
    let mut skipping = after(0, "e-2", Vec::new());
    skipping.position = Some("e-4".to_owned());
    misses(vec![skipping], "d3");
}

#[test]
fn only_what_a_reader_follows_is_expected_of_it() {
    let given = given(Vec::new());
    let wildcard = vec![visit(0, Start::Oldest, numbered([1, 3, 5]))];
    let found = given.follower("wildcard", "*", wildcard).violation();
    assert!(matches!(found, Violation::Missing { data, .. } if data == "d2"));
    let elsewhere = vec![visit(0, Start::Oldest, vec![event("e-9", "x")])];
    let mut other = publication(&["x"], Disk, vec![acknowledged(0, "e-9", "e-9", Disk)]);
    other.events[0].topic = "u".to_owned();
    Given::default()
        .published(0, Disk, 1..=5)
        .sent(other)
        .follower("elsewhere", "u", elsewhere)
        .holds();
}
