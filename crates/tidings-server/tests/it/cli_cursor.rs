//! `tidings subscribe` with `--cursor` and `--exec`.

use std::fs;
use std::path::Path;
use std::process;

use tidings_testkit::{Hub, Signal, eventually};

use crate::{hub, publish_numbers, tidings};

/// `tidings subscribe t` in `folder`, with further arguments.
fn subscribe(hub: &Hub, folder: &Path, arguments: &[&str]) -> tidings_testkit::Command {
    let arguments = [&["subscribe", "t"], arguments].concat();
    tidings(hub, &arguments).directory(folder)
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

#[test]
fn a_run_goes_on_where_the_one_before_it_was() {
    let (hub, folder) = (hub(), folder());
    let folder = folder.path();
    let ids = publish_numbers(&hub, "t", 0..3);
    hub.publish("t", "stop", "3");
    publish_numbers(&hub, "t", 4..6);
    let arguments = ["--from", "start", "--cursor", "at", "--until", "stop"];
    let first = subscribe(&hub, folder, &arguments).run().success();
    assert_eq!(first, "0\n1\n2\n3\n");
    hub.publish("t", "stop", "6");
    let second = subscribe(&hub, folder, &arguments).run().success();
    assert_eq!(second, "4\n5\n6\n");

    fs::write(folder.join("at"), &ids[1]).unwrap();
    let third = subscribe(&hub, folder, &arguments).run().success();
    assert_eq!(third, "2\n3\n");
}

#[test]
fn a_run_that_was_killed_before_its_first_event_has_missed_nothing() {
    let (hub, folder) = (hub(), folder());
    let folder = folder.path();
    publish_numbers(&hub, "t", 0..3);
    let running = subscribe(&hub, folder, &["--cursor", "at"]).spawn();
    eventually("the position is kept", || {
        folder.join("at").exists().then_some(())
    });
    running.process().signal(Signal::SIGKILL);
    assert_eq!(running.finish().stdout, "");
    publish_numbers(&hub, "t", 3..5);
    hub.finish("t", "done", "5");
    let again = subscribe(&hub, folder, &["--cursor", "at"]);
    assert_eq!(again.run().success(), "3\n4\n5\n");
    let over = subscribe(&hub, folder, &["--cursor", "at"]);
    assert_eq!(over.run().success(), "");
}

#[test]
fn a_file_that_is_no_cursor_is_named_and_nothing_is_missed() {
    let (hub, folder) = (hub(), folder());
    publish_numbers(&hub, "t", 0..2);
    for content in ["one\ntwo\n", "", "hello", "-1\n", "7f3a-\n"] {
        fs::write(folder.path().join("at"), content).unwrap();
        let finished = subscribe(&hub, folder.path(), &["--cursor", "at"]).run();
        assert_eq!(finished.code, Some(1), "{content:?}: {finished:?}");
        let told = "cannot load the cursor: at: ";
        assert!(finished.stderr.contains(told), "{content:?}: {finished:?}");
        let now = fs::read_to_string(folder.path().join("at")).unwrap();
        assert_eq!(now, content, "it is left as it was");
    }
}

#[test]
fn where_no_cursor_can_be_kept_no_command_is_run() {
    let (hub, folder) = (hub(), folder());
    publish_numbers(&hub, "t", 0..2);
    let arguments = [
        "--from", "start", "--cursor", "none/at", "--exec", "echo ran",
    ];
    let finished = subscribe(&hub, folder.path(), &arguments).run();
    assert_eq!((finished.code, &*finished.stdout), (Some(1), ""));
    assert!(
        finished.stderr.contains("none/at: No such file"),
        "{finished:?}"
    );
}

#[test]
fn a_command_is_run_for_each_event_in_order_with_what_would_be_printed() {
    let (hub, folder) = (hub(), folder());
    let first = hub.publish("t", "note", "one\ntwo");
    let last = hub.finish("t", "all-complete", "");
    let show = "echo \"$TIDINGS_ID $TIDINGS_TOPIC $TIDINGS_EVENT $TIDINGS_FINAL\"; cat";
    let arguments = ["--from", "start", "--exec", show];
    let printed = subscribe(&hub, folder.path(), &arguments).run().success();
    let expected = format!("{first} t note 0\none\ntwo\n{last} t all-complete 1\n\n");
    assert_eq!(printed, expected);

    let arguments = ["--from", "start", "--json", "--exec", "cat"];
    let printed = subscribe(&hub, folder.path(), &arguments).run().success();
    let events: Vec<serde_json::Value> = printed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(events[0]["data"], "one\ntwo");
    assert_eq!(events[1]["id"], *last);
}

#[test]
fn a_command_need_not_read_anything() {
    let (hub, folder) = (hub(), folder());
    hub.publish("t", "n", &"x".repeat(500_000));
    hub.finish("t", "n", "");
    let arguments = ["--from", "start", "--exec", "echo called"];
    let printed = subscribe(&hub, folder.path(), &arguments).run().success();
    assert_eq!(printed, "called\ncalled\n");
}

#[test]
fn what_a_command_leaves_running_with_its_stdin_is_not_waited_for() {
    let (hub, folder) = (hub(), folder());
    hub.publish("t", "n", &"x".repeat(500_000));
    hub.finish("t", "n", "");
    let command = "exec 3<&0; sleep 60 <&3 >&- 2>&- 3>&- & echo $! >> left; echo called";
    let arguments = ["--from", "start", "--exec", command];
    let running = subscribe(&hub, folder.path(), &arguments).spawn();
    let twice = |text: &str| (text.lines().count() == 2).then_some(());
    let called = running.process().find_in_stdout(twice);
    let left = fs::read_to_string(folder.path().join("left")).unwrap();
    for pid in left.lines() {
        process::Command::new("kill").arg(pid).status().unwrap();
    }
    assert_eq!(called, Some(()));
    running.finish().success();
}

#[test]
fn an_event_whose_command_failed_is_the_first_of_the_next_run() {
    let (hub, folder) = (hub(), folder());
    publish_numbers(&hub, "t", 0..4);
    hub.finish("t", "n", "4");
    // Fails at 2 unless it has failed before.
    let command = "read n; echo $n; test $n != 2 || test -e failed || { touch failed; exit 3; }";
    let arguments = ["--from", "start", "--cursor", "at", "--exec", command];
    let first = subscribe(&hub, folder.path(), &arguments).run();
    assert_eq!(
        (first.code, &*first.stdout),
        (Some(1), "0\n1\n2\n"),
        "{first:?}"
    );
    assert!(first.stderr.contains("the command failed"), "{first:?}");
    let second = subscribe(&hub, folder.path(), &arguments).run().success();
    assert_eq!(second, "2\n3\n4\n");
}

#[test]
fn without_a_cursor_the_next_event_follows_a_failure() {
    let (hub, folder) = (hub(), folder());
    publish_numbers(&hub, "t", 0..2);
    hub.finish("t", "n", "2");
    let arguments = ["--from", "start", "--exec", "cat; false"];
    let finished = subscribe(&hub, folder.path(), &arguments).run();
    assert_eq!((finished.code, &*finished.stdout), (Some(0), "0\n1\n2\n"));
    assert_eq!(finished.stderr.matches("the command failed").count(), 3);
}
