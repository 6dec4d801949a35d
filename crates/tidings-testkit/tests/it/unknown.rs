use tidings_testkit::{Ending, Event, Start, Violation};

use crate::fixture::{
    Disk, Given, Memory, after, event, gap, numbered, publication, unknown, visit,
};

/// `d1` and `d3` acknowledged, `d2` in between unknown, read by two.
fn given(a: Vec<Event>, b: Vec<Event>) -> Given {
    Given::default()
        .published(0, Disk, [1, 3])
        .sent(publication(&["d2"], Disk, vec![unknown(0)]))
        .ended(Ending::Crashed)
        .reader("a", vec![visit(0, Start::Oldest, a)])
        .reader("b", vec![visit(1, Start::Oldest, b)])
}

#[test]
fn an_unknown_outcome_may_be_there_for_all_or_for_nobody() {
    given(numbered(1..=3), numbered(1..=3)).holds();
    given(numbered([1, 3]), numbered([1, 3])).holds();
}

#[test]
fn an_unknown_outcome_that_only_some_have_is_found() {
    for (a, b, without) in [
        (numbered(1..=3), numbered([1, 3]), "b"),
        (numbered([1, 3]), numbered(1..=3), "a"),
    ] {
        let found = given(a, b).violation();
        assert!(
            matches!(&found, Violation::Missing { reader, id, .. } if reader == without && id == "e-2"),
            "{found}"
        );
    }
}

#[test]
fn whoever_does_not_cover_the_place_needs_not_have_it() {
    given(numbered(1..=3), numbered([1])).holds();
}

/// `d2` of durability `memory` was seen by `a` alone before a crash.
fn lost(told: bool) -> Given {
    let mut events = vec![gap("evicted", "e-1", "e-1")];
    events.push(event("e-100", "d100"));
    if !told {
        events.remove(0);
    }
    Given::default()
        .published(0, Disk, [1])
        .sent(publication(&["d2"], Memory, vec![unknown(0)]))
        .ended(Ending::Crashed)
        .published(1, Disk, [100])
        .reader("a", vec![visit(0, Start::Oldest, numbered(1..=2))])
        .reader("b", vec![after(1, "e-1", events)])
}

#[test]
fn what_one_reader_had_from_memory_the_others_are_told_a_gap_for() {
    lost(true).holds();
    let found = lost(false).violation();
    assert!(
        matches!(found, Violation::Missing { reader, data, .. } if reader == "b" && data == "d2")
    );
}
