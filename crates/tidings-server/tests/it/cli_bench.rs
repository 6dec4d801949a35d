use serde_json::Value;
use tidings_testkit::{Command, Finished, eventually};

use crate::{TIDINGS, hub, hub_with, tidings};

/// What `bench --json` printed, which is one line.
fn report(stdout: &str) -> Value {
    assert_eq!(stdout.lines().count(), 1, "{stdout}");
    serde_json::from_str(stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"))
}

/// Asserts that it printed no data, and why it did not.
fn check_refusal(finished: &Finished, code: i32, words: &[&str]) {
    assert_eq!(finished.code, Some(code), "{finished:?}");
    assert_eq!(finished.stdout, "");
    for word in words {
        assert!(finished.stderr.contains(word), "{word}: {finished:?}");
    }
    assert!(!finished.stderr.contains("panicked"), "{finished:?}");
}

#[test]
fn every_reader_gets_every_event_once() {
    let hub = hub();
    let arguments = ["--readers", "20", "--events", "300", "--rate", "3000"];
    let arguments = [&["bench"][..], &arguments, &["--json"]].concat();
    let report = report(&tidings(&hub, &arguments).run().success());
    let counts = ["expected", "received", "lost", "doubled", "out_of_order"];
    let counts = counts.map(|name| report[name].as_u64());
    assert_eq!(counts, [6000, 6000, 0, 0, 0].map(Some), "{report}");
    assert_eq!(report["published"], 300);
    let latency = ["p50", "p99", "max"].map(|name| report["latency_ms"][name].as_f64().unwrap());
    assert!(latency[0] >= 0.0 && latency.is_sorted(), "{report}");
    let topic = report["topic"].as_str().unwrap();
    assert_eq!(hub.history(topic).len(), 300);
}

#[test]
fn the_hub_may_be_named_without_a_flag_and_the_result_is_for_people() {
    let hub = hub();
    let arguments = ["bench", &hub.url(), "--readers", "2", "--events", "3"];
    let finished = Command::new(TIDINGS, &arguments)
        .env("TIDINGS_URL", "http://127.0.0.1:1")
        .run();
    assert!(finished.stderr.contains(&hub.url()), "{finished:?}");
    let printed = finished.success();
    for line in ["received      6 of 6", "lost          0", "latency "] {
        assert!(printed.contains(line), "{printed}");
    }
}

#[test]
fn events_of_others_on_the_same_topic_do_not_count() {
    let hub = hub();
    let arguments = ["bench", "--topic", "t", "--readers", "3", "--events", "40"];
    let arguments = [&arguments[..], &["--rate", "40", "--json"]].concat();
    let running = tidings(&hub, &arguments).spawn();
    let mut publisher = hub.publisher();
    let copy = eventually("the first event", || hub.history("t").into_iter().next());
    publisher.publish("t", "message", "no event of a benchmark");
    let other = copy["data"]
        .as_str()
        .unwrap()
        .replacen("\"run\":\"", "\"run\":\"x", 1);
    publisher.publish("t", "message", &other);
    let report = report(&running.finish().success());
    assert_eq!([&report["received"], &report["doubled"]], [120, 0]);
}

#[test]
fn an_event_that_comes_twice_is_told() {
    let hub = hub();
    let arguments = ["bench", "--topic", "t", "--readers", "3", "--events", "40"];
    let arguments = [&arguments[..], &["--rate", "15", "--json"]].concat();
    let running = tidings(&hub, &arguments).spawn();
    let first = eventually("the first event", || hub.history("t").into_iter().next());
    hub.publish("t", "message", first["data"].as_str().unwrap());
    let finished = running.finish();
    assert_eq!(finished.code, Some(1), "{finished:?}");
    let report = report(&finished.stdout);
    assert_eq!([&report["received"], &report["lost"]], [120, 0]);
    assert_eq!(report["doubled"], 3);
}

#[test]
fn a_reader_that_is_cut_comes_back_for_what_it_missed() {
    let hub = hub_with(&[("TIDINGS_RETRY", "100ms")]);
    let arguments = ["bench", "--topic", "t", "--readers", "3", "--events", "60"];
    let arguments = [&arguments[..], &["--rate", "60", "--json"]].concat();
    let running = tidings(&hub, &arguments).spawn();
    eventually("the first event", || hub.history("t").into_iter().next());
    let connections = hub.get("/api/connections?topic=t").json();
    let id = connections["connections"][0]["id"].as_str().unwrap();
    hub.delete(&format!("/api/connections/{id}"));
    let report = report(&running.finish().success());
    assert_eq!([&report["received"], &report["lost"]], [180, 0]);
    assert_eq!(report["cut"], 1);
}

#[test]
fn what_a_reader_cannot_get_any_more_is_lost_and_a_failure() {
    // So long the reader stays away once it is cut: time to take from it what it misses.
    let hub = hub_with(&[("TIDINGS_RETRY", "3s")]);
    let arguments = ["bench", "--topic", "t", "--readers", "1", "--events", "60"];
    let arguments = [&arguments[..], &["--rate", "15", "--json"]].concat();
    let running = tidings(&hub, &arguments).spawn();
    eventually("the first event", || hub.history("t").into_iter().next());
    let connections = hub.get("/api/connections?topic=t").json();
    let id = connections["connections"][0]["id"].as_str().unwrap();
    hub.delete(&format!("/api/connections/{id}"));
    let known = hub.history("t").len();
    eventually("events that nobody reads", || {
        (hub.history("t").len() > known + 1).then_some(())
    });
    hub.delete("/api/topics?topic=t");
    let finished = running.finish();
    assert_eq!(finished.code, Some(1), "{finished:?}");
    let report = report(&finished.stdout);
    let count = |name: &str| report[name].as_u64().unwrap();
    assert!(count("lost") >= 1, "{report}");
    assert_eq!(count("received") + count("lost"), 60);
    assert_eq!([count("doubled"), count("out_of_order")], [0, 0]);
    assert!(count("gaps") >= 1, "{report}");
}

#[test]
fn numbers_that_make_no_sense_are_refused_and_named() {
    let hub = hub();
    for (flag, value) in [
        ("--readers", "0"),
        ("--readers", "-1"),
        ("--readers", "100001"),
        ("--readers", "many"),
        ("--events", "0"),
        ("--events", "1000001"),
        ("--events", "99999999999999999999"),
        ("--rate", "0"),
        ("--rate", "0.5"),
        ("--rate", "-10"),
        ("--topic", ""),
        ("--topic", "a/*"),
        ("--topic", "a/"),
    ] {
        let finished = tidings(&hub, &["bench", flag, value]).run();
        check_refusal(&finished, 2, &[flag]);
    }
    let for_ever = ["bench", "--events", "1000000", "--rate", "1"];
    check_refusal(&tidings(&hub, &for_ever).run(), 2, &["--events", "--rate"]);
    assert_eq!(hub.get("/api/topics").json()["total"], 0);
}

#[test]
fn more_readers_than_files_may_be_open_are_refused() {
    let hub = hub();
    let run = |limit: &str, readers: &str| {
        let script = format!("ulimit {limit} && exec \"$0\" \"$@\"");
        let arguments = ["bench", "--events", "1", "--readers", readers];
        let arguments = [&["-c", &script, TIDINGS][..], &arguments].concat();
        let command = Command::new("/bin/sh", &arguments);
        command.env("TIDINGS_URL", &hub.url()).run()
    };
    check_refusal(
        &run("-n 100", "200"),
        2,
        &["--readers", "100", "at most 36"],
    );
    // A limit that may be raised is raised.
    let finished = run("-Sn 100", "200");
    assert!(finished.stderr.contains("from 100 to 264"), "{finished:?}");
    assert!(finished.success().contains("200 of 200"));
}

#[test]
fn a_hub_that_is_not_there_or_refuses_is_a_failure() {
    let nowhere = Command::new(TIDINGS, &["bench", "http://127.0.0.1:1"]).run();
    check_refusal(&nowhere, 1, &["did not begin", "connect"]);
    let no_url = Command::new(TIDINGS, &["bench", "ftp://hub"]).run();
    check_refusal(&no_url, 2, &["ADDRESS", "ftp://hub"]);

    let hub = hub_with(&[("TIDINGS_LIMITS_CONNECTIONS", "5")]);
    let too_many = tidings(&hub, &["bench", "--readers", "6"]).run();
    check_refusal(&too_many, 1, &["did not begin", "429"]);
    let of_the_hub = tidings(&hub, &["bench", "--topic", "tidings/x", "--readers", "1"]).run();
    check_refusal(&of_the_hub, 1, &["tidings/x", "400"]);
}
