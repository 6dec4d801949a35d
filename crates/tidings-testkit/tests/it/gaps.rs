use serde_json::json;
use tidings_testkit::{Ending, Event, Start, Violation, Visit};

use crate::fixture::{Disk, Given, after, gap, numbered, resumed, visit};

fn reads(visits: Vec<Visit>) -> Given {
    Given::default()
        .published(0, Disk, 1..=9)
        .reader("r", visits)
}

fn with(told: Event, events: Vec<Event>) -> Vec<Event> {
    [vec![told], events].concat()
}

#[test]
fn what_is_below_the_oldest_of_a_gap_is_told() {
    let told = gap("evicted", "e-1", "e-5");
    reads(vec![after(0, "e-1", with(told, numbered(5..=9)))]).holds();
}

#[test]
fn what_is_not_below_the_oldest_of_a_gap_is_not_told() {
    let told = gap("evicted", "e-1", "e-5");
    let found = reads(vec![after(0, "e-1", with(told, numbered(6..=9)))]).violation();
    assert!(matches!(found, Violation::Missing { data, .. } if data == "d5"));
}

#[test]
fn a_gap_without_anything_missing_is_found_whatever_its_reason() {
    for reason in ["evicted", "lagged", "deleted"] {
        let told = gap(reason, "e-4", "e-1");
        let found = reads(vec![after(0, "e-4", with(told, numbered(5..=9)))]).violation();
        assert!(matches!(found, Violation::Needless { .. }), "{found}");
    }
}

#[test]
fn a_gap_without_anything_missing_is_found_wherever_it_is_told() {
    for at in 1..=9 {
        let mut events = numbered(1..=9);
        events.insert(at, gap("lagged", &format!("e-{at}"), "e-1"));
        let found = reads(vec![visit(0, Start::Oldest, events)]).violation();
        assert!(matches!(found, Violation::Needless { .. }), "{found}");
    }
}

#[test]
fn a_needless_gap_may_be_told_as_possible() {
    let told = Event {
        data: json!({"reason": "evicted", "requested": "e-4", "oldest": "e-1", "possible": true})
            .to_string(),
        ..gap("evicted", "e-4", "e-1")
    };
    reads(vec![after(0, "e-4", with(told, numbered(5..=9)))]).holds();
}

#[test]
fn a_gap_told_in_another_place_tells_nothing() {
    let mut events = numbered([1, 2, 6, 7, 8, 9]);
    events.insert(2, gap("lagged", "e-2", "e-1"));
    reads(vec![visit(0, Start::Oldest, events.clone())]).holds();
    for place in [1, 3, 4] {
        let mut elsewhere = events.clone();
        let told = elsewhere.remove(2);
        elsewhere.insert(place, told);
        let found = reads(vec![visit(0, Start::Oldest, elsewhere)]).violation();
        assert!(
            matches!(&found, Violation::Missing { data, .. } if data == "d3"),
            "{found}"
        );
    }
}

#[test]
fn a_gap_that_was_dropped_is_silence() {
    let events = numbered([1, 2, 6, 7, 8, 9]);
    let found = reads(vec![visit(0, Start::Oldest, events)]).violation();
    assert!(matches!(found, Violation::Missing { data, .. } if data == "d3"));
}

#[test]
fn a_gap_that_was_cut_off_before_its_events_is_judged_by_the_next_connection() {
    let visits = |events: Vec<Event>| {
        vec![
            after(0, "e-1", vec![gap("evicted", "e-1", "e-5")]),
            after(0, "e-1", events),
        ]
    };
    reads(visits(with(gap("evicted", "e-1", "e-5"), numbered(5..=9)))).holds();
    let found = reads(visits(numbered(2..=9))).violation();
    assert!(
        matches!(found, Violation::Needless { visit: 0, .. }),
        "{found}"
    );
}

#[test]
fn an_unknown_id_goes_on_with_live_events() {
    let garbage = |told: Event| {
        let mut told = told;
        told.id = Some("e-7".to_owned());
        let mut visit = after(0, "garbage", with(told, numbered(8..=9)));
        visit.position = None;
        reads(vec![visit])
    };
    garbage(gap("unknown-id", "garbage", "e-1")).holds();
    let found = garbage(resumed("garbage")).violation();
    assert!(matches!(found, Violation::Missing { data, .. } if data == "d1"));
}

#[test]
fn an_id_that_was_given_out_is_not_unknown() {
    let told = gap("unknown-id", "e-4", "e-1");
    let found = reads(vec![after(0, "e-4", with(told, numbered(8..=9)))]).violation();
    assert!(matches!(found, Violation::Disowned { .. }), "{found}");
    let told = gap("epoch-changed", "e-4", "e-1");
    let found = reads(vec![after(0, "e-4", with(told, numbered(5..=9)))]).violation();
    assert!(matches!(found, Violation::Disowned { .. }), "{found}");
}

#[test]
fn a_clean_stop_is_no_reason_for_a_gap() {
    let visits = |told: Vec<Event>| {
        vec![
            visit(0, Start::Oldest, numbered(1..=4)),
            after(1, "e-4", [told, numbered(5..=9)].concat()),
        ]
    };
    let silent = reads(visits(vec![resumed("e-4")]));
    silent.ended(Ending::Stopped).holds();
    let told = reads(visits(vec![gap("evicted", "e-4", "e-1")]));
    let found = told.ended(Ending::Stopped).violation();
    assert!(
        matches!(found, Violation::Needless { visit: 1, .. }),
        "{found}"
    );
}
