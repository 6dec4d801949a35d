use tidings_testkit::{Publication, Start, Violation};

use crate::fixture::{Disk, Given, after, event, numbered, publication, unknown, visit};

fn given(pieces: &[&[u64]]) -> Given {
    let mut visits = Vec::new();
    for piece in pieces {
        let events = numbered(piece.iter().copied());
        let start = match visits.is_empty() {
            true => Start::Oldest,
            false => Start::After("e-2".to_owned()),
        };
        visits.push(visit(0, start, events));
    }
    Given::default()
        .published(0, Disk, 1..=4)
        .reader("r", visits)
}

#[test]
fn rising_ids_are_fine_within_and_across_connections() {
    given(&[&[1, 2, 3, 4]]).holds();
    given(&[&[1, 2], &[3, 4]]).holds();
}

#[test]
fn an_event_that_comes_twice_is_found_within_and_across_connections() {
    for pieces in [&[&[1, 2, 2, 3, 4][..]][..], &[&[1, 2], &[2, 3, 4]]] {
        let found = given(pieces).violation();
        assert!(
            matches!(&found, Violation::Doubled { data, .. } if data == "d2"),
            "{found}"
        );
    }
}

#[test]
fn swapped_events_are_found_within_and_across_connections() {
    for pieces in [&[&[1, 3, 2, 4][..]][..], &[&[1, 3], &[2, 4]]] {
        let found = given(pieces).violation();
        assert!(
            matches!(&found, Violation::NotRising { after, .. } if after == "e-2"),
            "{found}"
        );
    }
}

#[test]
fn two_readers_that_saw_two_orders_cannot_both_have_rising_ids() {
    let swapped = vec![event("e-1", "d2"), event("e-2", "d1")];
    let found = Given::default()
        .sent(publication(&["d1"], Disk, vec![unknown(0)]))
        .sent(publication(&["d2"], Disk, vec![unknown(0)]))
        .reader("a", vec![visit(0, Start::Oldest, numbered(1..=2))])
        .reader("b", vec![visit(0, Start::Oldest, swapped)])
        .violation();
    assert!(
        matches!(
            found,
            Violation::TwoEvents { .. } | Violation::TwoIds { .. }
        ),
        "{found}"
    );
}

#[test]
fn an_event_that_overtook_an_earlier_one_of_its_publisher_is_found() {
    let sent = |data: &str, id: &str| Publication::acknowledged("t", data, id, Disk);
    let mut given = Given::default().reader("r", vec![after(0, "e-0", numbered(1..=2))]);
    given
        .0
        .publisher(vec![sent("d1", "e-1"), sent("d2", "e-2")]);
    given.holds();
    let mut given = Given::default().reader("r", vec![after(0, "e-0", numbered(1..=2))]);
    given
        .0
        .publisher(vec![sent("d2", "e-2"), sent("d1", "e-1")]);
    let found = given.violation();
    assert!(matches!(found, Violation::Overtaken { data, .. } if data == "d1"));
}
