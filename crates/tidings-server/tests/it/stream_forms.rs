use serde_json::json;
use tidings_testkit::Request;

use crate::history::is_time;
use crate::{data, hub, hub_with};

#[test]
fn an_envelope_carries_the_whole_event() {
    let hub = hub();
    let mut stream = hub.stream("topic=a/*&topic=b&format=envelope");
    let first = hub.publish("a/1", "note", "text\nmore");
    let second = hub.finish("b", "done", r#"{"n":1}"#);
    for (id, topic, event, data, last) in [
        (first, "a/1", "note", "text\nmore", false),
        (second, "b", "done", r#"{"n":1}"#, true),
    ] {
        let received = stream.expect(event);
        assert_eq!(received.id(), id);
        let envelope = received.json();
        assert_eq!(envelope["id"], json!(id));
        assert_eq!(envelope["topic"], json!(topic));
        assert_eq!(envelope["event"], json!(event));
        assert_eq!(envelope["data"], json!(data));
        assert_eq!(envelope["final"] == json!(true), last, "{envelope}");
        assert!(is_time(&envelope["time"]), "{envelope}");
    }
}

#[test]
fn raw_is_the_default_format() {
    let hub = hub();
    let mut streams = [hub.stream("topic=t"), hub.stream("topic=t&format=raw")];
    hub.publish("t", "note", "as it is");
    for stream in &mut streams {
        assert_eq!(stream.expect("note").data, "as it is");
    }
}

#[test]
fn ids_off_leaves_every_id_out() {
    let hub = hub();
    let mut stream = hub.stream("topic=t&ids=off&from=start");
    assert_eq!(stream.preamble().id, None);
    hub.publish("t", "note", "1");
    hub.finish("t", "done", "2");
    assert_eq!(data(&stream.rest()), ["1", "2"]);
    let body = String::from_utf8_lossy(stream.body()).into_owned();
    assert!(body.lines().all(|line| !line.starts_with("id")), "{body:?}");
}

#[test]
fn hello_names_the_connection_and_its_topics_first() {
    let hub = hub();
    hub.publish("a", "before", "");
    let mut stream = hub.stream("topic=a&topic=b/*&hello=1&from=start");
    let connected = stream.expect("tidings.connected").json();
    assert_eq!(connected["topics"], json!(["a", "b/*"]));
    let id = connected["connection_id"]
        .as_str()
        .expect("a connection id");
    assert!(!id.is_empty());
    stream.expect("before");
    let other = hub.stream("topic=a&hello=1").expect("tidings.connected");
    assert_ne!(other.json()["connection_id"], json!(id));
}

#[test]
fn a_form_opens_a_stream_like_a_query() {
    let hub = hub();
    hub.publish("a", "before", "1");
    let topics: String = (0..90).map(|n| format!("&topic=many/topics/{n}")).collect();
    let form = format!("topic=a{topics}&from=start&format=envelope&hello=1");
    let request = Request::post("/api/events/stream", form)
        .header("Content-Type", "application/x-www-form-urlencoded");
    let mut stream = hub.open(&request);
    stream.expect("tidings.connected");
    assert_eq!(stream.expect("before").json()["data"], json!("1"));
    hub.publish("many/topics/77", "n", "2");
    assert_eq!(stream.expect("n").json()["topic"], json!("many/topics/77"));
}

#[test]
fn silence_is_kept_alive_by_one_comment_line() {
    let hub = hub_with(&[("TIDINGS_KEEP_ALIVE", "50ms")]);
    let mut stream = hub.stream("topic=t");
    let start = stream.preamble().length;
    let twice = b": keepalive\n: keepalive\n";
    stream.read_until(|body| (body.len() >= start + twice.len()).then_some(start));
    assert_eq!(&stream.body()[start..start + twice.len()], twice);
    hub.publish("t", "n", "1");
    stream.expect("n");
    let comments = stream.comments();
    assert!(
        comments.iter().all(|comment| comment == "keepalive"),
        "{comments:?}"
    );
}

#[test]
fn the_reconnection_time_is_configurable_with_jitter() {
    let hub = hub_with(&[("TIDINGS_RETRY", "1s")]);
    let times: Vec<_> = (0..32)
        .map(|_| hub.stream("topic=t").preamble().retry)
        .collect();
    assert!(
        times.iter().all(|time| (800..=1200).contains(time)),
        "{times:?}"
    );
    assert!(
        times.iter().any(|time| *time != times[0]),
        "no jitter: {times:?}"
    );
}

#[test]
fn unknown_parameters_are_ignored() {
    let hub = hub();
    let mut stream = hub.stream("topic=t&access=x&utm=1&_=123");
    assert_eq!(
        hub.post("/api/events?topic=t&what=ever&event=n", "")
            .status(),
        200
    );
    stream.expect("n");
}
