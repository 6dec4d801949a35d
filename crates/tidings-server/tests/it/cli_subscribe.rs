use serde_json::Value;
use tidings_testkit::{Command, Hub, eventually};

use crate::{TIDINGS, hub, hub_with, numbers, tidings};

/// The events that `subscribe --json` wrote, without those of the hub itself.
fn events(stdout: &str) -> Vec<Value> {
    let events = stdout.lines().map(|line| {
        let event: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        event
    });
    let of_hub = |event: &Value| {
        let name = event["event"].as_str();
        name.is_some_and(|name| name.starts_with("tidings."))
    };
    events.filter(|event| !of_hub(event)).collect()
}

fn data(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .filter_map(|event| event["data"].as_str())
        .collect()
}

fn await_subscribers(hub: &Hub, topic: &str, count: usize) {
    eventually("the command has subscribed", || {
        let connections = hub.get(&format!("/api/connections?topic={topic}")).json();
        (connections["total"] == count).then_some(())
    });
}

fn exit_code(name: &str, data: &str) -> Option<i32> {
    let hub = hub();
    hub.finish("t", name, data);
    tidings(&hub, &["subscribe", "t", "--from", "start"])
        .run()
        .code
}

#[test]
fn the_final_event_decides_the_exit_code() {
    assert_eq!(exit_code("execution-complete", "{}"), Some(0));
    assert_eq!(exit_code("execution-failed", "{}"), Some(1));
    assert_eq!(exit_code("execution-cancelled", "{}"), Some(1));
    assert_eq!(exit_code("job-complete", "not json"), Some(0));
    assert_eq!(exit_code("job-failed", "not json"), Some(1));
    assert_eq!(exit_code("execution-failed", r#"{"exit_code":7}"#), Some(7));
    assert_eq!(exit_code("done", r#"{"exit_code":3}"#), Some(3));
    assert_eq!(exit_code("execution-failed", r#"{"exit_code":0}"#), Some(0));
}

#[test]
fn an_event_that_is_not_the_final_one_does_not_decide() {
    let hub = hub();
    hub.publish("t", "task-failed", r#"{"exit_code":9}"#);
    hub.finish("t", "execution-complete", "{}");
    let finished = tidings(&hub, &["subscribe", "t", "--from", "start"]).run();
    assert_eq!(finished.code, Some(0), "{finished:?}");
}

#[test]
fn the_history_is_printed_from_the_start() {
    let hub = hub();
    let id = hub.publish("t", "note", "two\nlines");
    hub.finish("t", "all-complete", r#"{"n":1}"#);
    let printed = tidings(&hub, &["subscribe", "t", "--from", "start", "--json"]);
    let events = events(&printed.run().success());
    assert_eq!(data(&events), ["two\nlines", r#"{"n":1}"#]);
    assert_eq!(events[0]["id"], Value::from(id));
    assert_eq!(events[0]["event"], "note");
    let plain = tidings(&hub, &["subscribe", "t", "--from", "start"])
        .run()
        .success();
    assert!(
        plain.contains("lines") && plain.contains(r#"{"n":1}"#),
        "{plain}"
    );
}

#[test]
fn until_stops_at_the_event_named() {
    let hub = hub();
    for (event, data) in [("n", "1"), ("stop", "2"), ("n", "3")] {
        hub.publish("t", event, data);
    }
    let arguments = [
        "subscribe",
        "t",
        "--from",
        "start",
        "--json",
        "--until",
        "stop",
    ];
    let printed = tidings(&hub, &arguments).run().success();
    assert_eq!(data(&events(&printed)), ["1", "2"]);
}

#[test]
fn several_selectors_are_followed_live() {
    let hub = hub();
    let arguments = ["subscribe", "a/*", "b", "--json", "--until", "stop"];
    let running = tidings(&hub, &arguments).spawn();
    await_subscribers(&hub, "b", 1);
    hub.publish("a/1", "n", "1");
    hub.publish("c", "n", "2");
    hub.publish("b", "n", "3");
    hub.publish("a/2", "stop", "4");
    let printed = running.finish().success();
    assert_eq!(data(&events(&printed)), ["1", "3", "4"]);
}

#[test]
fn a_follower_that_is_cut_off_comes_back_and_misses_nothing() {
    let hub = hub_with(&[("TIDINGS_RETRY", "100ms")]);
    let running = tidings(&hub, &["subscribe", "t", "--json"]).spawn();
    await_subscribers(&hub, "t", 1);
    let mut published = 0;
    for _ in 0..3 {
        for _ in 0..10 {
            published += 1;
            hub.publish("t", "n", &published.to_string());
        }
        let connections = hub.get("/api/connections?topic=t").json();
        if let Some(id) = connections["connections"][0]["id"].as_str() {
            hub.delete(&format!("/api/connections/{id}"));
        }
    }
    hub.finish("t", "run-complete", &(published + 1).to_string());
    let printed = running.finish().success();
    assert_eq!(data(&events(&printed)), numbers(1..=published + 1));
}

#[test]
fn an_id_is_a_place_to_start_from() {
    let hub = hub();
    let id = hub.publish("t", "n", "1");
    hub.finish("t", "n", "2");
    let printed = tidings(&hub, &["subscribe", "t", "--from", &id, "--json"]).run();
    assert_eq!(data(&events(&printed.success())), ["2"]);
}

#[test]
fn a_place_to_start_from_that_is_none_is_a_usage_error() {
    let hub = hub();
    for from in ["", "zz", "7", "e-", "-7", "e-7x", "e-7-8", "e.f-7", "last:"] {
        let finished = tidings(&hub, &["subscribe", "t", &format!("--from={from}")]).run();
        assert_eq!(finished.code, Some(2), "{from:?}: {finished:?}");
        assert_eq!(finished.stdout, "");
    }
}

#[test]
fn a_selector_that_is_none_is_a_failure() {
    let hub = hub();
    let finished = tidings(&hub, &["subscribe", "a*"]).run();
    assert!(finished.code.is_some_and(|code| code != 0), "{finished:?}");
    assert!(!finished.stderr.is_empty() && !finished.stderr.contains("panicked"));
    assert_eq!(finished.stdout, "");
}

#[test]
fn a_full_disk_is_said_to_be_at_stdout() {
    let hub = hub();
    hub.finish("t", "n", "x");
    let line = format!("exec {TIDINGS} subscribe t --from start > /dev/full");
    let command = Command::new("/bin/sh", &["-c", &line]).env("TIDINGS_URL", &hub.url());
    let finished = command.run();
    assert_eq!(finished.code, Some(1));
    assert!(
        finished.stderr.contains("cannot write to stdout: No space"),
        "{finished:?}"
    );
}
