use serde_json::{Value, json};
use tidings_testkit::{Hub, Position, StreamReader, encode};

use crate::{data, hub, hub_with, hubs, hubs_with, numbers, publish_numbers};

fn gap(stream: &mut StreamReader) -> Value {
    stream.expect("tidings.gap").json()
}

#[test]
fn s8_an_evicted_id_is_a_gap_then_what_is_retained_then_live() {
    for hub in hubs_with(&[("TIDINGS_RETENTION_EVENTS", "10")]) {
        let ids = publish_numbers(&hub, "t", 1..=100);
        let retained = hub.history("t");
        let mut stream = hub.resume("topic=t", &ids[39]);

        let gap = gap(&mut stream);
        assert_eq!(gap["reason"], json!("evicted"));
        assert_eq!(gap["requested"], json!(ids[39]));
        assert_eq!(gap["oldest"], retained[0]["id"]);
        let count = retained.len();
        assert_eq!(data(&stream.take(count)), numbers(101 - count..=100));
        let resumed = stream.expect("tidings.resumed").json();
        assert_eq!(resumed["count"], json!(count));
        hub.publish("t", "n", "live");
        assert_eq!(stream.event().data, "live");
    }
}

#[test]
fn s8_an_id_of_another_epoch_is_a_gap_then_what_is_retained_then_live() {
    let id = hub().publish("t", "n", "earlier");
    let hub = hub();
    publish_numbers(&hub, "t", 1..=3);
    let mut stream = hub.resume("topic=t", &id);

    let gap = gap(&mut stream);
    assert_eq!(gap["reason"], json!("epoch-changed"));
    assert_eq!(gap["requested"], json!(id));
    assert_eq!(data(&stream.take(3)), ["1", "2", "3"]);
    assert_eq!(stream.expect("tidings.resumed").json()["count"], json!(3));
    hub.publish("t", "n", "live");
    assert_eq!(stream.event().data, "live");
}

/// Resumes behind `id` on a topic with history, by header if it can stand in one and by query.
fn check_unknown(hub: &Hub, id: &str) {
    let mut streams = vec![hub.stream(&format!("topic=t&last_event_id={}", encode(id)))];
    if !id.contains(['\n', '\0']) {
        streams.push(hub.resume("topic=t", id));
    }
    let live = hub.publish("t", "live", "");
    for mut stream in streams {
        let gap = gap(&mut stream);
        assert_eq!(gap["reason"], json!("unknown-id"), "{id:?}");
        assert_eq!(stream.expect("live").id(), live, "{id:?}");
    }
}

#[test]
fn s8_a_malformed_id_is_unknown_and_live_events_follow_alone() {
    for hub in hubs() {
        let ids = publish_numbers(&hub, "t", 1..=3);
        let Position { epoch, sequence } = Position::of(&ids[0]);
        let malformed = [
            "garbage".to_owned(),
            "7".to_owned(),
            "-".to_owned(),
            format!("{epoch}-"),
            format!("-{sequence}"),
            format!("{epoch}-0{sequence}"),
            format!("{epoch}-+{sequence}"),
            format!("{epoch}-{sequence}x"),
            format!("{epoch} {sequence}"),
            format!("{epoch}-99999999999999999999999"),
            "x".repeat(65),
            "x".repeat(4000),
            "\u{e9}-1".to_owned(),
            "a\nb".to_owned(),
            "a\0b".to_owned(),
        ];
        for id in &malformed {
            check_unknown(&hub, id);
        }
    }
}

#[test]
fn s8_an_id_ahead_of_the_head_is_unknown() {
    for hub in hubs() {
        let ids = publish_numbers(&hub, "t", 1..=3);
        let head = Position::of(&ids[2]);
        check_unknown(&hub, &head.later(1000).to_string());
        check_unknown(&hub, &format!("{}-{}", head.epoch, u64::MAX));
    }
}

#[test]
fn an_unknown_id_is_told_back() {
    let hub = hub();
    let mut stream = hub.resume("topic=t", "no-such-thing");
    assert_eq!(gap(&mut stream)["requested"], json!("no-such-thing"));
}

#[test]
fn an_id_is_judged_by_the_topics_asked_for() {
    for hub in hubs_with(&[("TIDINGS_RETENTION_EVENTS", "5")]) {
        let quiet = publish_numbers(&hub, "quiet", 1..=2);
        let busy = publish_numbers(&hub, "busy", 1..=50);

        let mut stream = hub.resume("topic=quiet", &quiet[0]);
        assert_eq!(stream.expect("n").data, "2");
        assert_eq!(stream.expect("tidings.resumed").json()["count"], json!(1));

        for query in ["topic=busy", "topic=quiet&topic=busy", "topic=*"] {
            let mut stream = hub.resume(query, &quiet[0]);
            assert_eq!(gap(&mut stream)["reason"], json!("evicted"), "{query}");
        }
        let mut stream = hub.resume("topic=busy", &busy[48]);
        assert_eq!(stream.expect("n").data, "50");
    }
}

#[test]
fn history_is_complete_behind_the_newest_evicted_event_and_not_before() {
    for hub in hubs_with(&[("TIDINGS_RETENTION_EVENTS", "5")]) {
        let ids = publish_numbers(&hub, "t", 1..=50);
        let retained = hub.history("t").len();
        let newest_evicted = 50 - retained - 1;
        for id in &ids[newest_evicted..] {
            let mut stream = hub.resume("topic=t", id);
            let events = stream.until(|event| event.is_control());
            let last = events.last().expect("at least one event");
            assert_eq!(last.event, "tidings.resumed", "{id}");
        }
        for id in &ids[..newest_evicted] {
            gap(&mut hub.resume("topic=t", id));
        }
    }
}

#[test]
fn retention_by_bytes_evicts_the_oldest_and_says_so() {
    let hub = hub_with(&[("TIDINGS_RETENTION_BYTES", "64KiB")]);
    let mut publisher = hub.publisher();
    let data = "x".repeat(8 * 1024);
    let ids: Vec<_> = (0..20)
        .map(|_| publisher.publish("t", "n", &data))
        .collect();
    let retained = hub.history("t").len();
    assert!((1..=8).contains(&retained), "{retained}");
    let mut stream = hub.resume("topic=t", &ids[0]);
    assert_eq!(gap(&mut stream)["reason"], json!("evicted"));
    assert_eq!(stream.event().id(), ids[20 - retained]);
}

#[test]
fn an_ended_topic_with_evicted_history_tells_the_gap_and_ends() {
    let hub = hub_with(&[("TIDINGS_RETENTION_EVENTS", "3")]);
    let ids = publish_numbers(&hub, "t", 1..=10);
    let last = hub.finish("t", "done", "over");
    let mut stream = hub.resume("topic=t", &ids[0]);
    assert_eq!(gap(&mut stream)["reason"], json!("evicted"));
    let events = stream.rest();
    let end = events.iter().rfind(|event| !event.is_control());
    assert_eq!(end.map(|event| event.id()), Some(last.as_str()));
}

#[test]
fn an_unknown_id_on_an_ended_topic_is_not_silence() {
    let hub = hub();
    publish_numbers(&hub, "t", 1..=3);
    hub.finish("t", "done", "");
    let mut stream = hub.resume("topic=t", "garbage");
    assert_eq!(gap(&mut stream)["reason"], json!("unknown-id"));
    stream.rest();
}

/// The first block of a stream as it was sent.
fn first_block(stream: &mut StreamReader) -> String {
    stream.until(|event| event.event == "tidings.resumed");
    let body = String::from_utf8(stream.body().to_vec()).expect("UTF-8");
    let (block, _) = body.split_once("\n\n").expect("a block");
    block.to_owned()
}

#[test]
fn whoever_is_cut_before_the_gap_has_no_new_id_to_resume_from() {
    let id = hub().publish("t", "n", "earlier");
    let hub = hub();
    publish_numbers(&hub, "t", 1..=3);

    let block = first_block(&mut hub.resume("topic=t", &id));
    assert!(block.starts_with("retry: "), "{block}");
    assert!(block.contains("\nid: "), "{block}");
    assert!(block.contains("\nevent: tidings.gap\n"), "{block}");

    let block = first_block(&mut hub.resume("topic=t&hello=1", &id));
    assert!(block.starts_with("retry: "), "{block}");
    assert!(!block.contains("\nid: "), "{block}");
    assert!(block.contains("\nevent: tidings.connected\n"), "{block}");
}
