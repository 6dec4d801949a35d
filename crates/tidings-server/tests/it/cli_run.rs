use std::fs;
use std::path::Path;
use std::thread;

use serde_json::json;
use tidings_testkit::{Command, Event, Hub, Running, Signal, StreamReader, eventually};

use crate::{TIDINGS, hub, numbers, tidings};

/// The topic of the only execution that the hub knows.
fn topic(hub: &Hub) -> String {
    let body = hub.get("/api/topics?selector=executions/*").json();
    assert_eq!(body["total"], json!(1), "{body}");
    body["topics"][0]["topic"]
        .as_str()
        .expect("a topic")
        .to_owned()
}

fn is_end(event: &Event) -> bool {
    ["execution-complete", "execution-failed"].contains(&event.event.as_str())
}

fn lines(events: &[Event], stream: &str) -> Vec<String> {
    let outputs = events.iter().filter(|event| event.event == "output");
    let outputs = outputs
        .map(Event::json)
        .filter(|output| output["stream"] == stream);
    outputs
        .filter_map(|output| output["line"].as_str().map(str::to_owned))
        .collect()
}

/// Reads an ended execution from its start.
fn replay(hub: &Hub) -> Vec<Event> {
    hub.stream(&format!("topic={}&from=start", topic(hub)))
        .rest()
}

#[test]
fn a_failing_command_is_an_execution_and_passes_its_exit_code_on() {
    let hub = hub();
    let script = "echo out; echo err >&2; echo ' more  '; exit 3";
    let arguments = ["run", "--title", "A job", "--", "sh", "-c", script];
    let finished = tidings(&hub, &arguments).run();

    assert_eq!(finished.code, Some(3), "{finished:?}");
    let topic = topic(&hub);
    let id = topic.strip_prefix("executions/").expect("an execution");
    assert!(finished.stderr.contains(id), "{finished:?}");
    let events = replay(&hub);
    assert_eq!(events[0].event, "execution-start");
    assert_eq!(lines(&events, "stdout"), ["out", " more  "]);
    assert_eq!(lines(&events, "stderr"), ["err"]);
    let end = events.last().expect("a last event");
    assert_eq!(end.event, "execution-failed");
    assert_eq!(end.json()["exit_code"], json!(3));
    assert!(end.json()["duration_ms"].is_u64(), "{end:?}");
    assert_eq!(
        hub.history(&topic).last().map(|event| &event["final"]),
        Some(&json!(true))
    );
}

#[test]
fn credentials_in_the_address_are_passed_on_and_not_shown() {
    let hub = hub();
    let address = hub.url().replace("http://", "http://me:sesame@");
    let show = ["--from", "start", "--exec", "echo \"$TIDINGS_URL\""];
    let run = Command::new(TIDINGS, &["run", "--", "true"]).env("TIDINGS_URL", &address);
    let finished = run.run();
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let flag = format!("--url {}\n", hub.url());
    assert!(finished.stderr.contains(&flag), "{finished:?}");
    assert!(!finished.stderr.contains("sesame"), "{finished:?}");

    let topic = topic(&hub);
    let arguments = [&["subscribe", &topic], &show[..]].concat();
    let subscribe = Command::new(TIDINGS, &arguments).env("TIDINGS_URL", &address);
    let finished = subscribe.run();
    assert!(finished.stdout.starts_with(&address), "{finished:?}");
    assert!(!finished.stderr.contains("sesame"), "{finished:?}");
}

#[test]
fn a_command_that_succeeds_completes() {
    let hub = hub();
    tidings(&hub, &["run", "--", "true"]).run().success();
    let events = replay(&hub);
    let end = events.last().expect("a last event");
    assert_eq!(end.event, "execution-complete");
    assert_eq!(end.json()["exit_code"], json!(0));
    let watched = tidings(&hub, &["subscribe", &topic(&hub), "--from", "start"]).run();
    assert_eq!(watched.code, Some(0));
}

#[test]
fn a_command_of_more_arguments_than_an_event_holds_is_published_like_any_other() {
    let hub = hub();
    let argument = "x".repeat(100_000);
    let mut arguments = vec!["run", "--", "true"];
    arguments.extend([argument.as_str(); 11]);
    tidings(&hub, &arguments).run().success();
    let events = replay(&hub);
    let names: Vec<&str> = events.iter().map(|event| &*event.event).collect();
    assert_eq!(names, ["execution-start", "execution-complete"]);
    let command = events[0].json()["command"].to_string();
    assert!(command.starts_with("\"true xxx") && command.ends_with("x…\""));
}

#[test]
fn a_command_that_does_not_exist_fails() {
    let hub = hub();
    let finished = tidings(&hub, &["run", "--", "/no/such/program"]).run();
    assert!(finished.code.is_some_and(|code| code != 0), "{finished:?}");
    assert!(!finished.stderr.contains("panicked"), "{finished:?}");
}

#[test]
fn every_line_of_a_talkative_command_arrives_in_order() {
    let hub = hub();
    tidings(&hub, &["run", "--", "seq", "1", "20000"])
        .run()
        .success();
    assert_eq!(lines(&replay(&hub), "stdout"), numbers(1..=20_000));
}

#[test]
fn a_command_outlives_its_hub() {
    let hub = hub();
    let mut stream = hub.stream("topic=executions/*");
    let directory = tempfile::tempdir().expect("a temporary directory");
    let script = "mkfifo go && echo ready && read line < go; exit 5";
    let running = tidings(&hub, &["run", "--", "sh", "-c", script])
        .directory(directory.path())
        .spawn();
    stream.until(|event| event.event == "output");
    drop(hub);
    fs::write(directory.path().join("go"), "on\n").expect("the command listens");
    assert_eq!(running.finish().code, Some(5));
}

/// Waits for the command's first line.
fn first_line(running: &Running) -> String {
    let line = |text: &str| text.split_once('\n').map(|(line, _)| line.to_owned());
    let found = running.process().find_in_stdout(line);
    found.expect("a line of output")
}

fn exit_code(hub: &Hub) -> serde_json::Value {
    let events = replay(hub);
    let end = events.last().expect("a last event");
    assert!(is_end(end), "{end:?}");
    end.json()["exit_code"].clone()
}

#[test]
fn a_hangup_is_passed_on_and_the_end_is_published() {
    let hub = hub();
    let script = "trap 'kill $!; exit 7' HUP; sleep 600 >&- 2>&- & echo ready; wait";
    let running = tidings(&hub, &["run", "--", "sh", "-c", script]).spawn();
    first_line(&running);
    running.process().signal(Signal::SIGHUP);
    assert_eq!(running.finish().code, Some(7));
    assert_eq!(exit_code(&hub), json!(7));
}

#[test]
fn a_hangup_does_not_keep_the_end_from_the_hub() {
    let hub = hub();
    hub.signal(Signal::SIGSTOP);
    let script = "trap '' HUP; echo $$; exit 5";
    let running = tidings(&hub, &["run", "--", "sh", "-c", script]).spawn();
    let command = Path::new("/proc").join(first_line(&running));
    eventually("the command has ended", || {
        (!command.exists()).then_some(())
    });
    running.process().signal(Signal::SIGHUP);
    hub.signal(Signal::SIGCONT);
    assert_eq!(running.finish().code, Some(5));
    assert_eq!(exit_code(&hub), json!(5));
}

#[test]
fn a_hangup_that_is_ignored_from_the_start_has_no_effect() {
    let hub = hub();
    let directory = tempfile::tempdir().expect("a temporary directory");
    let run = "trap '' HUP; exec \"$0\" run -- sh -c 'echo ready; \
        until [ -e one ]; do :; done; echo more; until [ -e two ]; do :; done; exit 5'";
    let running = Command::new("/bin/sh", &["-c", run, TIDINGS])
        .env("TIDINGS_URL", &hub.url())
        .directory(directory.path())
        .spawn();
    first_line(&running);
    running.process().signal(Signal::SIGHUP);
    fs::write(directory.path().join("one"), "").expect("a temporary file");
    // What comes through after the signal shows that it was dealt with.
    let more = |text: &str| text.contains("more").then_some(());
    assert_eq!(running.process().find_in_stdout(more), Some(()));
    fs::write(directory.path().join("two"), "").expect("a temporary file");
    assert_eq!(running.finish().code, Some(5));
}

#[test]
fn a_reader_of_the_output_that_goes_away_ends_nothing() {
    let hub = hub();
    let run = "{ \"$0\" run -- seq 1 20000; echo \"code $?\" >&3; } 3>&2 2>&1 | true";
    let finished = Command::new("/bin/sh", &["-c", run, TIDINGS])
        .env("TIDINGS_URL", &hub.url())
        .run();
    assert_eq!(finished.stderr, "code 0\n");
    assert_eq!(lines(&replay(&hub), "stdout"), numbers(1..=20_000));
}

/// Follows the execution to its end on as many connections as it takes, each cut after `piece`
/// events.
fn follow_in_pieces(hub: &Hub, mut stream: StreamReader, piece: usize) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    loop {
        for _ in 0..piece {
            let event = stream.event();
            let ended = is_end(&event);
            events.push(event);
            if ended {
                events.retain(|event| !event.is_control());
                return events;
            }
        }
        let id = stream.last_event_id();
        stream.reset();
        stream = hub.resume("topic=executions/*", &id);
    }
}

#[test]
fn a_real_build_is_watched_live_and_across_cuts() {
    let hub = hub();
    let target = tempfile::tempdir().expect("a temporary directory");
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut steady = hub.stream("topic=executions/*");
    let cut = hub.stream("topic=executions/*");
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let build = [
        "run",
        "--",
        &cargo,
        "build",
        "--offline",
        "-p",
        "tidings-sse",
        "-v",
    ];

    let (steady, cut) = thread::scope(|scope| {
        let cut = scope.spawn(|| follow_in_pieces(&hub, cut, 3));
        let steady = scope.spawn(|| steady.until(is_end));
        tidings(&hub, &build)
            .directory(&workspace)
            .env("CARGO_TERM_COLOR", "never")
            .env("CARGO_TARGET_DIR", &target.path().to_string_lossy())
            .env("CARGO_BUILD_BUILD_DIR", &target.path().to_string_lossy())
            .run()
            .success();
        let steady = steady.join().expect("a steady reader");
        (steady, cut.join().expect("a reader that was cut"))
    });

    assert_eq!(steady, cut);
    assert_eq!(steady, replay(&hub));
    let said = lines(&steady, "stderr");
    let compiled = said
        .iter()
        .any(|line| line.contains("Compiling tidings-sse"));
    assert!(compiled, "{said:?}");
    assert_eq!(steady.len(), hub.history(&topic(&hub)).len());
}
