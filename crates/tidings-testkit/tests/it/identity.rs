use tidings_testkit::{Attempt, Event, Outcome, Start, Violation};

use crate::fixture::{
    Disk, Given, Memory, acknowledged, after, event, numbered, publication, unknown, visit,
};

fn reads(events: Vec<Event>) -> Given {
    Given::default()
        .published(0, Disk, 1..=3)
        .reader("r", vec![visit(0, Start::Oldest, events)])
}

fn with(at: usize, other: Event) -> Given {
    let mut events = numbered(1..=3);
    events[at] = other;
    reads(events)
}

#[test]
fn an_event_with_another_id_than_its_publisher_was_told_is_found() {
    let found = with(2, event("e-4", "d3")).violation();
    assert!(matches!(found, Violation::TwoIds { second, .. } if second == "e-4"));
}

#[test]
fn an_id_with_another_payload_is_found() {
    let forged = with(1, event("e-2", "forged")).violation();
    assert!(matches!(forged, Violation::Unexpected { data, .. } if data == "forged"));
    let swapped = with(1, event("e-2", "d3")).violation();
    assert!(matches!(swapped, Violation::TwoEvents { id, .. } if id == "e-2"));
}

#[test]
fn an_id_that_two_publishers_were_told_is_found() {
    let found = reads(numbered(1..=3))
        .sent(publication(
            &["x"],
            Disk,
            vec![acknowledged(0, "e-2", "e-2", Disk)],
        ))
        .violation();
    assert!(matches!(found, Violation::TwoEvents { id, .. } if id == "e-2"));
}

#[test]
fn an_event_of_durability_memory_that_was_lost_keeps_its_id_for_itself() {
    let reader = |id: &str| {
        let told = crate::fixture::gap("evicted", "e-1", "e-1");
        let events = vec![told, event(id, "d9")];
        Given::default()
            .published(0, Disk, [1])
            .published(0, Memory, [2])
            .ended(tidings_testkit::Ending::Crashed)
            .sent(publication(&["d9"], Disk, vec![unknown(1)]))
            .reader("r", vec![after(1, "e-1", events)])
    };
    reader("e-3").holds();
    let found = reader("e-2").violation();
    assert!(matches!(found, Violation::TwoEvents { id, .. } if id == "e-2"));
}

#[test]
fn an_event_that_two_readers_saw_with_two_ids_is_found() {
    let found = Given::default()
        .sent(publication(&["x"], Disk, vec![unknown(0)]))
        .reader("a", vec![visit(0, Start::Oldest, vec![event("e-1", "x")])])
        .reader("b", vec![visit(0, Start::Oldest, vec![event("e-2", "x")])])
        .violation();
    assert!(matches!(found, Violation::TwoIds { data, .. } if data == "x"));
}

#[test]
fn a_repeated_publication_that_was_stored_twice_is_found() {
    let repeated = |second: &str| {
        let attempts = vec![unknown(0), acknowledged(1, second, second, Disk)];
        let events = vec![event("e-1", "x")];
        Given::default()
            .sent(publication(&["x"], Disk, attempts))
            .ended(tidings_testkit::Ending::Crashed)
            .reader("r", vec![visit(0, Start::Oldest, events)])
    };
    repeated("e-1").holds();
    let found = repeated("e-100").violation();
    assert!(matches!(found, Violation::TwoIds { data, .. } if data == "x"));
}

#[test]
fn what_nobody_tried_to_publish_is_found() {
    let mut events = numbered(1..=3);
    events.push(event("e-4", "from nowhere"));
    let found = reads(events).violation();
    assert!(matches!(found, Violation::Unexpected { id, .. } if id == "e-4"));
}

#[test]
fn what_was_refused_is_not_delivered() {
    let refused = Attempt {
        run: 0,
        outcome: Outcome::Refused,
    };
    let given = |events| {
        let sent = publication(&["no"], Disk, vec![refused.clone()]);
        reads(events).sent(sent)
    };
    given(numbered(1..=3)).holds();
    let mut events = numbered(1..=3);
    events.push(event("e-4", "no"));
    let found = given(events).violation();
    assert!(matches!(found, Violation::Refused { id, .. } if id == "e-4"));
}

#[test]
fn what_was_published_elsewhere_is_found() {
    let given = |selector: &str| {
        let visits = vec![visit(0, Start::Oldest, numbered(1..=3))];
        reads(numbered(1..=3)).follower("other", selector, visits)
    };
    given("*").holds();
    let found = given("u").violation();
    assert!(matches!(found, Violation::Stray { topic, .. } if topic == "t"));
}

#[test]
fn what_is_no_id_is_found() {
    let found = with(1, event("seven", "d2")).violation();
    assert!(matches!(found, Violation::NotAnId { id, .. } if id == "seven"));
    let nameless = Event {
        id: None,
        ..event("", "d2")
    };
    let found = with(1, nameless).violation();
    assert!(matches!(found, Violation::WithoutId { data, .. } if data == "d2"));
}

#[test]
fn less_durability_than_asked_for_is_found() {
    let sent = publication(&["x"], Disk, vec![acknowledged(0, "e-1", "e-1", Memory)]);
    let found = Given::default().sent(sent).violation();
    assert!(matches!(found, Violation::Weaker { data, .. } if data == "x"));
}
