use tidings_testkit::{Durability, Ending, Event, Start, Violation};

use crate::fixture::{
    Disk, Given, Memory, acknowledged, after, event, gap, numbered, publication, visit,
};

/// `d1` and `d2` before, `d2` of the given durability; `d100` after a restart; one reader is not
/// given `d2`, and one begins with the oldest event.
fn given(durability: Durability, ending: Ending, told: Vec<Event>) -> Given {
    let events = [told, numbered([100])].concat();
    Given::default()
        .published(0, Disk, [1])
        .published(0, durability, [2])
        .ended(ending)
        .published(1, Disk, [100])
        .reader(
            "r",
            vec![
                visit(0, Start::Oldest, numbered([1])),
                after(1, "e-1", events),
            ],
        )
        .reader("fresh", vec![visit(1, Start::Oldest, numbered([1, 100]))])
}

#[test]
fn a_crash_may_take_what_was_in_memory_if_it_is_told() {
    given(Memory, Ending::Crashed, vec![gap("evicted", "e-1", "e-1")]).holds();
    let found = given(Memory, Ending::Crashed, Vec::new()).violation();
    assert!(matches!(found, Violation::Missing { id, .. } if id == "e-2"));
}

#[test]
fn a_crash_takes_nothing_from_the_disk_even_if_it_is_told() {
    let told = vec![gap("evicted", "e-1", "e-1")];
    let found = given(Disk, Ending::Crashed, told).violation();
    assert!(matches!(found, Violation::Missing { id, .. } if id == "e-2"));
}

#[test]
fn a_clean_stop_takes_nothing_from_memory() {
    let told = vec![gap("evicted", "e-1", "e-1")];
    let found = given(Memory, Ending::Stopped, told).violation();
    assert!(matches!(found, Violation::Missing { id, .. } if id == "e-2"));
}

#[test]
fn what_a_clean_stop_has_kept_no_later_crash_may_take() {
    let told = vec![gap("evicted", "e-1", "e-1")];
    let given = |run: usize| {
        Given::default()
            .published(0, Disk, [1])
            .ended(Ending::Stopped)
            .published(run, Memory, [2])
            .ended(Ending::Crashed)
            .published(2, Disk, [100])
            .reader(
                "r",
                vec![after(2, "e-1", [told.clone(), numbered([100])].concat())],
            )
    };
    given(1).holds();
    let found = given(0).violation();
    assert!(matches!(found, Violation::Missing { id, .. } if id == "e-2"));
}

/// `d2` of durability `memory` survived a crash: a reader that resumed before it, with or without
/// being told a gap, and one that resumed at `later`.
fn survived(told: Vec<Event>, later: &str) -> Given {
    let events = [told.clone(), numbered([2, 100])].concat();
    Given::default()
        .published(0, Disk, [1])
        .published(0, Memory, [2])
        .ended(Ending::Crashed)
        .published(1, Disk, [100, 101])
        .reader("r", vec![after(1, "e-1", events)])
        .reader(
            "later",
            vec![after(1, later, [told, numbered([101])].concat())],
        )
}

#[test]
fn a_gap_may_be_told_where_a_crash_might_have_taken_something() {
    survived(Vec::new(), "e-100").holds();
    let told = vec![gap("evicted", "e-1", "e-1")];
    let found = survived(told, "e-100").violation();
    assert!(
        matches!(&found, Violation::Needless { reader, .. } if reader == "later"),
        "{found}"
    );
}

#[test]
fn what_one_reader_had_after_the_crash_has_survived_it_for_all() {
    let told = vec![gap("evicted", "e-1", "e-1")];
    let found = Given::default()
        .published(0, Disk, [1])
        .published(0, Memory, [2])
        .ended(Ending::Crashed)
        .published(1, Disk, [100])
        .reader(
            "r",
            vec![after(1, "e-1", [told.clone(), numbered([2, 100])].concat())],
        )
        .reader("s", vec![after(1, "e-1", [told, numbered([100])].concat())])
        .violation();
    assert!(matches!(found, Violation::Missing { reader, .. } if reader == "s"));
}

#[test]
fn a_later_run_does_not_go_on_below_an_id_that_was_given_out() {
    let given = |position: &str| {
        let mut waiting = visit(0, Start::Now, Vec::new());
        waiting.position = Some(position.to_owned());
        Given::default()
            .published(0, Disk, [1])
            .ended(Ending::Crashed)
            .published(1, Disk, [100])
            .reader("waiting", vec![waiting])
    };
    given("e-99").holds();
    let found = given("e-100").violation();
    assert!(matches!(found, Violation::Reissued { id, .. } if id == "e-100"));
}

/// `d1` and `d2`, then the history is thrown away, then `x`; one reader had only `d1`.
fn wiped(ending: Ending, id: &str, told: &str) -> Given {
    let told = gap(told, "e-1", id);
    let attempt = acknowledged(1, id, id, Disk);
    // The block of the gap tells the position here, so there is none before it.
    let mut resumed = after(1, "e-1", vec![told, event(id, "x")]);
    resumed.position = None;
    Given::default()
        .published(0, Disk, 1..=2)
        .ended(ending)
        .sent(publication(&["x"], Disk, vec![attempt]))
        .reader("r", vec![visit(0, Start::Oldest, numbered([1])), resumed])
}

#[test]
fn a_history_that_was_thrown_away_is_another_epoch_and_told_as_such() {
    wiped(Ending::Wiped, "f-1", "epoch-changed").holds();
    let found = wiped(Ending::Wiped, "f-1", "evicted").violation();
    assert!(matches!(found, Violation::Missing { data, .. } if data == "d2"));
    let found = wiped(Ending::Wiped, "f-1", "none").violation();
    assert!(matches!(found, Violation::Missing { data, .. } if data == "d2"));
}

#[test]
fn a_crash_does_not_change_the_epoch_and_a_loss_does() {
    let found = wiped(Ending::Crashed, "f-3", "epoch-changed").violation();
    assert!(matches!(found, Violation::OtherEpoch { id, .. } if id == "f-3"));
    let found = wiped(Ending::Wiped, "e-3", "epoch-changed").violation();
    assert!(matches!(found, Violation::OtherEpoch { id, .. } if id == "e-1" || id == "e-3"));
}
