use std::thread;

use serde_json::json;
use tidings_testkit::{Hub, Request, StreamReader, encode};

use crate::{data, hub, hubs, numbers, publish_numbers};

/// Opens a stream behind event 40 of 100 with `open` while 101 to 200 are being published, and
/// checks that 41 to 200 arrive once and in order with one `tidings.resumed` between replay and
/// live.
fn check_resume(open: impl Fn(&Hub, &[String]) -> StreamReader) {
    for hub in hubs() {
        let ids = publish_numbers(&hub, "t", 1..=100);
        let events = thread::scope(|scope| {
            scope.spawn(|| publish_numbers(&hub, "t", 101..=200));
            open(&hub, &ids).until(|event| event.data == "200")
        });

        let at = events.iter().position(|event| event.is_control());
        let at = at.expect("an event of the hub between replay and live");
        assert_eq!(events[at].event, "tidings.resumed");
        assert_eq!(events[at].json(), json!({"from": ids[39], "count": at}));
        assert!(at >= 60, "the replay ended early: {at}");
        let (replay, live) = (&events[..at], &events[at + 1..]);
        assert_eq!([data(replay), data(live)].concat(), numbers(41..=200));
    }
}

#[test]
fn s8_the_header_resumes_behind_its_id() {
    check_resume(|hub, ids| hub.resume("topic=t", &ids[39]));
}

#[test]
fn s8_the_query_resumes_behind_its_id() {
    check_resume(|hub, ids| hub.stream(&format!("topic=t&last_event_id={}", ids[39])));
    check_resume(|hub, ids| hub.stream(&format!("topic=t&lastEventId={}", ids[39])));
}

#[test]
fn s8_the_header_beats_the_query() {
    check_resume(|hub, ids| hub.resume(&format!("topic=t&last_event_id={}", ids[79]), &ids[39]));
    check_resume(|hub, ids| hub.resume("topic=t&lastEventId=garbage", &ids[39]));
}

#[test]
fn any_id_beats_from() {
    for from in ["now", "start", "last:3"] {
        let from = &format!("topic=t&from={from}");
        check_resume(|hub, ids| hub.resume(from, &ids[39]));
        check_resume(|hub, ids| hub.stream(&format!("{from}&last_event_id={}", ids[39])));
    }
}

#[test]
fn s8_a_reader_that_is_cut_again_and_again_has_every_event_once() {
    for hub in hubs() {
        publish_numbers(&hub, "t", 1..=100);
        let mut stream = hub.stream("topic=t&from=start");
        let mut seen: Vec<String> = Vec::new();
        for length in [40, 1, 0, 70, 13] {
            let events = stream.take(length).into_iter();
            seen.extend(
                events
                    .filter(|event| !event.is_control())
                    .map(|event| event.data),
            );
            let id = stream.last_event_id();
            stream.reset();
            publish_numbers(&hub, "t", seen.len() + 1000..=seen.len() + 1009);
            stream = hub.resume("topic=t", &id);
        }
        hub.finish("t", "n", "last");
        let rest = stream.rest().into_iter();
        seen.extend(
            rest.filter(|event| !event.is_control())
                .map(|event| event.data),
        );
        let listed = hub.history("t");
        let listed: Vec<_> = listed.iter().map(|event| event["data"].as_str()).collect();
        let seen: Vec<_> = seen.iter().map(|data| Some(data.as_str())).collect();
        assert_eq!(seen, listed);
    }
}

#[test]
fn a_reader_cut_before_its_first_event_resumes_from_the_first_block() {
    let hub = hub();
    publish_numbers(&hub, "t", 1..=5);
    let mut stream = hub.stream("topic=t");
    let start = stream.start();
    stream.reset();
    publish_numbers(&hub, "t", 6..=8);
    let mut stream = hub.resume("topic=t", &start);
    assert_eq!(data(&stream.take(3)), ["6", "7", "8"]);
    let resumed = stream.expect("tidings.resumed").json();
    assert_eq!(resumed, json!({"from": start, "count": 3}));
}

#[test]
fn an_idle_hub_resumes_from_the_first_block_too() {
    let hub = hub();
    let mut stream = hub.stream("topic=t");
    let start = stream.start();
    drop(stream);
    let mut stream = hub.resume("topic=t", &start);
    let resumed = stream.expect("tidings.resumed").json();
    assert_eq!(resumed["count"], json!(0));
    hub.publish("t", "n", "1");
    stream.expect("n");
}

#[test]
fn a_replay_of_nothing_is_resumed_with_count_0() {
    let hub = hub();
    let ids = publish_numbers(&hub, "t", 1..=3);
    let mut stream = hub.resume("topic=t", &ids[2]);
    let resumed = stream.expect("tidings.resumed").json();
    assert_eq!(resumed, json!({"from": ids[2], "count": 0}));
    publish_numbers(&hub, "t", 4..=4);
    assert_eq!(stream.expect("n").data, "4");
}

#[test]
fn one_id_resumes_many_topics() {
    let hub = hub();
    let mut publisher = hub.publisher();
    let ids: Vec<_> = (0..40)
        .map(|n| publisher.publish(["a", "b/x", "c"][n % 3], "n", &n.to_string()))
        .collect();
    let mut stream = hub.resume("topic=a&topic=b/*", &ids[10]);
    let expected: Vec<_> = (11..40)
        .filter(|n| n % 3 != 2)
        .map(|n| n.to_string())
        .collect();
    assert_eq!(data(&stream.take(expected.len())), expected);
    let resumed = stream.expect("tidings.resumed").json();
    assert_eq!(resumed["count"], json!(expected.len()));
}

#[test]
fn from_start_is_the_oldest_retained_and_never_a_gap() {
    let hub = crate::hub_with(&[("TIDINGS_RETENTION_EVENTS", "10")]);
    publish_numbers(&hub, "t", 1..=50);
    let mut stream = hub.stream("topic=t&from=start");
    let retained = hub.history("t").len();
    assert!((1..=10).contains(&retained), "{retained}");
    assert_eq!(data(&stream.take(retained)), numbers(51 - retained..=50));
    publish_numbers(&hub, "t", 51..=51);
    assert_eq!(stream.event().data, "51");
}

#[test]
fn last_n_is_counted_over_all_selectors() {
    for hub in hubs() {
        for (topic, n) in [("a", "1"), ("b", "2"), ("c", "3"), ("a", "4"), ("b", "5")] {
            hub.publish(topic, "n", n);
        }
        let mut stream = hub.stream("topic=a&topic=b&from=last:3");
        assert_eq!(data(&stream.take(3)), ["2", "4", "5"]);
        let mut more = hub.stream("topic=a&topic=*&from=last:100");
        assert_eq!(data(&more.take(5)), ["1", "2", "3", "4", "5"]);
        hub.publish("a", "n", "6");
        for stream in [&mut stream, &mut more] {
            assert_eq!(stream.event().data, "6");
        }
    }
}

#[test]
fn an_event_filter_holds_in_replay_and_live() {
    for hub in hubs() {
        let id = hub.publish("t", "x", "1");
        hub.publish("t", "y", "2");
        hub.publish("t", "x", "3");
        let mut stream = hub.resume("topic=t&event=x", &id);
        assert_eq!(stream.expect("x").data, "3");
        assert_eq!(stream.expect("tidings.resumed").json()["count"], json!(1));
        hub.publish("t", "y", "4");
        hub.publish("t", "x", "5");
        assert_eq!(stream.expect("x").data, "5");
    }
}

#[test]
fn the_post_form_resumes_like_the_query() {
    let hub = hub();
    let ids = publish_numbers(&hub, "t", 1..=5);
    let form = format!("topic=t&last_event_id={}", encode(&ids[2]));
    let request = Request::post("/api/events/stream", form)
        .header("Content-Type", "application/x-www-form-urlencoded");
    let mut stream = hub.open(&request);
    assert_eq!(data(&stream.take(2)), ["4", "5"]);
    stream.expect("tidings.resumed");
}
