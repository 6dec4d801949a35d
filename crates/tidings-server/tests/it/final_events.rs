use std::thread;

use serde_json::json;
use tidings_testkit::{Request, Response, StreamReader, eventually};

use crate::{data, hub, hub_with, hubs};

const COMPLETE: &str = r#"{"executionId":"exec-1","status":"completed","successful":5,"failed":0,"totalDuration":120000}"#;

fn assert_finished(answer: &Response) {
    assert_eq!(answer.status(), 204, "{answer:?}");
    assert_eq!(answer.body, b"", "{answer:?}");
}

#[test]
fn s3_the_final_event_arrives_and_the_body_ends() {
    let hub = hub();
    let mut followers = [hub.stream("topic=exec-1"), hub.stream("topic=exec-1")];
    let id = hub.finish("exec-1", "execution-complete", COMPLETE);
    let block = format!("id: {id}\nevent: execution-complete\ndata: {COMPLETE}\n\n");
    for follower in &mut followers {
        assert_eq!(follower.rest().len(), 1);
        let body = String::from_utf8_lossy(follower.body()).into_owned();
        assert!(body.ends_with(&block), "{body:?}");
    }
    eventually("no subscriber is left", || {
        (hub.subscribers("exec-1") == 0).then_some(())
    });
}

#[test]
fn an_ended_topic_takes_no_further_event() {
    let hub = hub();
    hub.finish("t", "done", "");
    for query in [
        "topic=t",
        "topic=t&event=more",
        "topic=t&event=done&final=1",
    ] {
        let problem = hub.post(&format!("/api/events?{query}"), "x").problem(409);
        let kind = problem["type"].as_str().expect("a type");
        assert!(kind.ends_with("topic-ended"), "{problem}");
    }
    assert_eq!(hub.history("t").len(), 1);
}

#[test]
fn of_two_final_events_at_once_one_wins() {
    let hub = hub();
    for round in 0..50 {
        let target = format!("/api/events?topic=t{round}&event=done&final=1");
        let mut stream = hub.stream(&format!("topic=t{round}"));
        let statuses = thread::scope(|scope| {
            let first = scope.spawn(|| hub.post(&target, "1").status());
            let second = hub.post(&target, "2").status();
            let mut statuses = [first.join().expect("a status"), second];
            statuses.sort_unstable();
            statuses
        });
        assert_eq!(statuses, [200, 409]);
        assert_eq!(stream.rest().len(), 1);
    }
}

#[test]
fn a_reader_that_missed_nothing_of_an_ended_topic_gets_204() {
    for hub in hubs() {
        hub.publish("t", "n", "1");
        let last = hub.finish("t", "done", "2");
        let request = Request::get("/api/events/stream?topic=t");
        assert_finished(&hub.send(&request.header("Last-Event-ID", &last)));
        assert_finished(&hub.get(&format!("/api/events/stream?topic=t&last_event_id={last}")));
        assert_finished(&hub.get(&format!(
            "/api/events/stream?topic=t&event=n&lastEventId={last}"
        )));
    }
}

#[test]
fn a_first_visit_to_an_ended_topic_from_now_gets_204() {
    for hub in hubs() {
        hub.finish("t", "done", "");
        assert_finished(&hub.get("/api/events/stream?topic=t"));
        assert_finished(&hub.get("/api/events/stream?topic=t&from=now"));
    }
}

#[test]
fn a_reader_that_missed_something_of_an_ended_topic_gets_it_and_the_end() {
    for hub in hubs() {
        let first = hub.publish("t", "n", "1");
        hub.publish("t", "n", "2");
        hub.finish("t", "done", "3");
        let mut stream = hub.resume("topic=t", &first);
        let events = stream.rest();
        let events: Vec<_> = events
            .into_iter()
            .filter(|event| !event.is_control())
            .collect();
        assert_eq!(data(&events), ["2", "3"]);
        assert_eq!(
            data(&hub.stream("topic=t&from=start").rest()),
            ["1", "2", "3"]
        );
        assert_eq!(data(&hub.stream("topic=t&from=last:2").rest()), ["2", "3"]);
    }
}

#[test]
fn literal_topics_end_when_the_last_of_them_has() {
    let hub = hub();
    let mut stream = hub.stream("topic=a&topic=b");
    hub.finish("a", "done", "1");
    hub.publish("b", "n", "2");
    assert_eq!(data(&stream.take(2)), ["1", "2"]);
    hub.finish("b", "done", "3");
    assert_eq!(data(&stream.rest()), ["3"]);
    assert_finished(&hub.get("/api/events/stream?topic=a&topic=b"));
}

#[test]
fn a_topic_that_goes_on_keeps_the_stream_of_an_ended_one_open() {
    let hub = hub();
    hub.finish("a", "done", "");
    let mut stream = hub.stream("topic=a&topic=b");
    hub.publish("b", "n", "");
    stream.expect("n");
}

#[test]
fn a_wildcard_never_ends_by_itself() {
    let hub = hub();
    let mut wild = hub.stream("topic=w/*");
    let mut mixed = hub.stream("topic=w/a&topic=w/**");
    let last = hub.finish("w/a", "done", "1");
    let mut resumed = hub.resume("topic=w/*", &last);
    resumed.expect("tidings.resumed");

    hub.publish("w/b", "n", "2");

    assert_eq!(data(&wild.take(2)), ["1", "2"]);
    assert_eq!(data(&mixed.take(2)), ["1", "2"]);
    assert_eq!(resumed.expect("n").data, "2");
}

#[test]
fn a_filter_that_leaves_out_the_final_event_still_ends_the_stream() {
    for hub in hubs() {
        let mut stream = hub.stream("topic=t&event=tick");
        let tick = hub.publish("t", "tick", "1");
        hub.publish("t", "other", "2");
        hub.finish("t", "done", "3");
        assert_eq!(data(&stream.rest()), ["1"]);
        assert_eq!(
            data(&hub.stream("topic=t&event=tick&from=start").rest()),
            ["1"]
        );
        let late = StreamReader::open(
            hub.address(),
            &Request::get("/api/events/stream?topic=t&event=tick").header("Last-Event-ID", &tick),
        );
        assert!(matches!(late.status(), 200 | 204), "{:?}", late.head());
    }
}

#[test]
fn deleting_reopens_an_ended_topic() {
    let hub = hub();
    hub.finish("t", "done", "");
    assert_eq!(hub.delete("/api/topics?topic=t").status(), 204);
    let mut stream = hub.stream("topic=t");
    hub.publish("t", "again", "");
    stream.expect("again");
}

#[test]
fn the_final_event_is_the_last_to_be_evicted() {
    let hub = hub_with(&[("TIDINGS_RETENTION_EVENTS", "1")]);
    hub.publish("t", "n", "1");
    hub.finish("t", "done", "2");
    let history = hub.history("t");
    assert_eq!(history.len(), 1);
    assert_eq!(history[0]["final"], json!(true));
}

#[test]
fn a_follower_that_opens_while_the_topic_ends_gets_the_final_event_or_204() {
    let hub = hub();
    for round in 0..100 {
        let topic = format!("t{round}");
        thread::scope(|scope| {
            scope.spawn(|| hub.finish(&topic, "done", ""));
            let request = Request::get(&format!("/api/events/stream?topic={topic}"));
            let mut stream = StreamReader::open(hub.address(), &request);
            if stream.status() != 204 {
                let events = stream.rest();
                assert_eq!(events.len(), 1, "{events:?}");
                assert_eq!(events[0].event, "done");
            }
        });
    }
}
