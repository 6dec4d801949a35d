use tidings_testkit::{Hub, Request, Signal};

use crate::{data, hub, hub_with, numbers};

fn check(hub: Hub, signal: Signal) {
    let form = Request::post("/api/events/stream", "topic=t")
        .header("Content-Type", "application/x-www-form-urlencoded");
    let mut streams = [
        hub.stream("topic=t"),
        hub.stream("topic=*"),
        hub.stream("topic=t&from=start&format=raw"),
        hub.open(&form),
        hub.open(&Request::get("/api/topics/stream?selector=none")),
    ];
    hub.signal(signal);
    for stream in &mut streams {
        let events = stream.rest();
        let goodbye = events.last().expect("a last event");
        assert_eq!(goodbye.event, "tidings.goodbye", "{events:?}");
        assert!(goodbye.json()["reason"].is_string(), "{goodbye:?}");
        assert!(goodbye.json()["retry_after_ms"].is_u64(), "{goodbye:?}");
        let body = String::from_utf8_lossy(stream.body()).into_owned();
        let (before, _) = body
            .split_once("event: tidings.goodbye")
            .expect("the goodbye");
        assert!(before.matches("retry: ").count() >= 2, "{body:?}");
    }
    let exit = hub.wait();
    assert_eq!(exit.code, Some(0), "{exit:?}");
}

#[test]
fn s19_a_terminated_hub_says_goodbye_on_every_stream_and_succeeds() {
    check(hub(), Signal::SIGTERM);
}

#[test]
fn s19_an_interrupted_hub_does_the_same() {
    check(hub(), Signal::SIGINT);
}

#[test]
fn everything_published_is_written_before_the_goodbye() {
    let hub = hub();
    let mut streams = [hub.stream("topic=t"), hub.stream("topic=t")];
    let mut publisher = hub.publisher();
    for n in 1..=500 {
        publisher.publish("t", "n", &n.to_string());
    }
    hub.signal(Signal::SIGTERM);
    for stream in &mut streams {
        let mut events = stream.rest();
        let goodbye = events.pop().expect("a last event");
        assert_eq!(goodbye.event, "tidings.goodbye");
        assert_eq!(data(&events), numbers(1..=500));
    }
}

#[test]
fn goodbyes_are_spread() {
    let hub = hub();
    let mut streams: Vec<_> = (0..16).map(|_| hub.stream("topic=t")).collect();
    hub.signal(Signal::SIGTERM);
    let times: Vec<_> = streams
        .iter_mut()
        .map(|stream| {
            stream.rest();
            stream.retry()
        })
        .collect();
    assert!(times.iter().any(|time| *time != times[0]), "{times:?}");
}

#[test]
fn s19_a_reader_that_stopped_does_not_hold_the_hub_beyond_its_drain() {
    let hub = hub_with(&[("TIDINGS_DRAIN", "200ms")]);
    let _stalled = stall(&hub);
    hub.signal(Signal::SIGTERM);
    assert_eq!(hub.wait().code, Some(0));
}

#[test]
fn a_second_signal_ends_the_hub_at_once() {
    let hub = hub_with(&[("TIDINGS_DRAIN", "1h")]);
    let _stalled = stall(&hub);
    let mut witness = hub.stream("topic=witness");
    hub.signal(Signal::SIGTERM);
    witness.expect("tidings.goodbye");
    hub.signal(Signal::SIGTERM);
    let exit = hub.wait();
    assert!(!exit.stderr.contains("panicked"), "{exit:?}");
}

#[test]
fn an_idle_connection_does_not_hold_the_hub() {
    let hub = hub();
    let _idle = hub.publisher();
    let mut used = hub.publisher();
    used.publish("t", "n", "");
    hub.signal(Signal::SIGTERM);
    assert_eq!(hub.wait().code, Some(0));
}

/// A stream that does not read, with more to write than the kernel takes.
pub(crate) fn stall(hub: &Hub) -> tidings_testkit::StreamReader {
    let stream = hub.stream("topic=big");
    let mut publisher = hub.publisher();
    let data = "x".repeat(512 * 1024);
    for _ in 0..40 {
        publisher.publish("big", "n", &data);
    }
    stream
}
