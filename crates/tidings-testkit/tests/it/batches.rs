use tidings_testkit::{Ending, Start, Violation};

use crate::fixture::{
    Disk, Given, Memory, acknowledged, after, gap, numbered, publication, unknown, visit,
};

/// A batch `d2`, `d3`, `d4` between `d1` and `d5`.
fn given(attempt: tidings_testkit::Attempt, seen: impl IntoIterator<Item = u64>) -> Given {
    Given::default()
        .published(0, Disk, [1, 5])
        .sent(publication(&["d2", "d3", "d4"], Disk, vec![attempt]))
        .reader("r", vec![visit(0, Start::Oldest, numbered(seen))])
}

#[test]
fn every_event_of_an_acknowledged_batch_is_expected() {
    let attempt = acknowledged(0, "e-2", "e-4", Disk);
    given(attempt.clone(), 1..=5).holds();
    for missing in 2..=4 {
        let seen = (1..=5).filter(|n| *n != missing);
        let found = given(attempt.clone(), seen).violation();
        let expected = format!("d{missing}");
        assert!(
            matches!(&found, Violation::Missing { data, .. } if *data == expected),
            "{found}"
        );
    }
}

#[test]
fn a_batch_with_an_unknown_outcome_is_there_whole_or_not_at_all() {
    given(unknown(0), 1..=5).holds();
    given(unknown(0), [1, 5]).holds();
    for seen in [&[1, 2, 5][..], &[1, 3, 4, 5], &[1, 2, 4, 5], &[1, 4, 5]] {
        let found = given(unknown(0), seen.iter().copied()).violation();
        assert!(matches!(found, Violation::Torn { .. }), "{found}");
    }
}

#[test]
fn a_batch_may_be_cut_off_where_reading_stopped() {
    given(unknown(0), 1..=3).holds();
}

/// A batch of which only the first event was seen before a crash.
fn cut(durability: tidings_testkit::Durability) -> Given {
    let events = [vec![gap("evicted", "e-2", "e-1")], numbered([9])].concat();
    Given::default()
        .published(0, Memory, [1])
        .sent(publication(&["d2", "d3"], durability, vec![unknown(0)]))
        .ended(Ending::Crashed)
        .published(1, Disk, [9])
        .reader(
            "r",
            vec![
                visit(0, Start::Oldest, numbered(1..=2)),
                after(1, "e-2", events),
            ],
        )
}

#[test]
fn a_crash_may_take_the_rest_of_a_batch_in_memory() {
    cut(Memory).holds();
}

#[test]
fn a_batch_keeps_its_order() {
    let attempt = acknowledged(0, "e-2", "e-4", Disk);
    let sent = publication(&["d2", "d4", "d3"], Disk, vec![attempt]);
    let found = Given::default()
        .published(0, Disk, [1, 5])
        .sent(sent)
        .reader("r", vec![visit(0, Start::Oldest, numbered(1..=5))])
        .violation();
    assert!(
        matches!(&found, Violation::TwoEvents { id, .. } if id == "e-3"),
        "{found}"
    );
}
