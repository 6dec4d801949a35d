use serde_json::{Value, json};
use tidings_testkit::{Event, Hub, Running};

use crate::executions::{create, state, task};
use crate::{hub, tidings};

/// Waits until the command has said that it is there.
fn ready(running: &Running) {
    let said = |text: &str| text.contains("ready\n").then_some(());
    assert_eq!(running.process().find_in_stdout(said), Some(()));
}

fn run(hub: &Hub, flags: &[&str], script: &str) -> Running {
    let arguments = [&["run", "--id", "e"], flags, &["--", "sh", "-c", script]].concat();
    tidings(hub, &arguments).spawn()
}

/// All events of the execution, which has ended.
fn all(hub: &Hub) -> Vec<Event> {
    hub.stream("topic=executions/e&from=start").rest()
}

fn tasks(state: &Value) -> Vec<(&str, &str)> {
    let tasks = state["tasks"].as_array().expect("tasks");
    tasks
        .iter()
        .map(|task| {
            let (id, status) = (task["id"].as_str(), task["status"].as_str());
            (id.expect("an id"), status.expect("a status"))
        })
        .collect()
}

fn cancel(hub: &Hub) {
    let cancelled = hub.post("/api/executions/e/cancel", "");
    assert_eq!(cancelled.status(), 200, "{cancelled:?}");
}

#[test]
fn a_command_is_an_execution_with_a_state() {
    let hub = hub();
    let finished = run(&hub, &["--title", "A job"], "exit 3").finish();
    assert_eq!(finished.code, Some(3), "{finished:?}");
    let ended = state(&hub, "e");
    assert_eq!(
        (&ended["title"], &ended["status"]),
        (&json!("A job"), &json!("failed"))
    );
    assert_eq!(ended["summary"]["exit_code"], 3);
    assert_eq!(ended["tasks"], json!([]));
}

#[test]
fn s5_a_cancelled_command_is_told_to_end() {
    let hub = hub();
    let script = "trap 'kill $!; exit 9' TERM; sleep 600 >&- 2>&- & echo ready; wait";
    let running = run(&hub, &[], script);
    ready(&running);
    hub.stream("topic=executions/e&from=start")
        .until(|event| event.event == "output");
    cancel(&hub);
    let finished = running.finish();
    assert_eq!(finished.code, Some(9), "{finished:?}");
    assert!(finished.stderr.contains("cancelled"), "{finished:?}");
    let events = all(&hub);
    let ends = events
        .iter()
        .filter(|event| event.event == "execution-cancelled");
    assert_eq!(ends.count(), 1, "{events:?}");
    assert_eq!(
        events.last().map(|event| &*event.event),
        Some("execution-cancelled")
    );
    assert_eq!(state(&hub, "e")["status"], "cancelled");
}

#[test]
fn s5_a_cancelled_command_that_does_not_listen_is_killed() {
    let hub = hub();
    let script = "trap '' TERM; echo ready; exec sleep 600";
    let running = run(&hub, &["--grace", "50ms"], script);
    ready(&running);
    hub.stream("topic=executions/e&from=start")
        .until(|event| event.event == "output");
    cancel(&hub);
    assert_eq!(running.finish().code, Some(137));
}

#[test]
fn s5_a_talkative_command_is_not_held_back_by_a_cancelled_execution() {
    let hub = hub();
    let running = run(
        &hub,
        &[],
        "trap 'exit 4' TERM; while :; do echo ready; done",
    );
    ready(&running);
    hub.stream("topic=executions/e&from=start")
        .until(|event| event.event == "output");
    cancel(&hub);
    assert_eq!(running.finish().code, Some(4));
    let last = all(&hub).pop().expect("a last event");
    assert_eq!(last.event, "execution-cancelled");
}

#[test]
fn a_single_task_is_the_whole_command() {
    for (code, status) in [(0, "completed"), (1, "failed")] {
        let hub = hub();
        let running = run(&hub, &["--task", "Build"], &format!("exit {code}"));
        assert_eq!(running.finish().code, Some(code));
        let ended = state(&hub, "e");
        assert_eq!(tasks(&ended), [("Build", status)]);
        assert_eq!(ended["progress"], json!({ "done": 1, "total": 1 }));
    }
}

#[test]
fn further_tasks_begin_where_the_output_names_them() {
    let hub = hub();
    let script = "echo 'Compiling a'; echo ' Running b' >&2; echo 'Running c'; exit 1";
    let names = [
        "--task",
        "Compiling",
        "--task",
        "Running",
        "--task",
        "Doc-tests",
    ];
    assert_eq!(run(&hub, &names, script).finish().code, Some(1));
    let ended = state(&hub, "e");
    let expected = [
        ("Compiling", "completed"),
        ("Running", "failed"),
        ("Doc-tests", "pending"),
    ];
    assert_eq!(tasks(&ended), expected);
    assert_eq!(ended["tasks"][1]["error"], "exit code 1");
}

#[test]
fn groups_in_the_output_are_tasks_if_asked() {
    let script = "echo ::group::Set up; echo x; echo ::endgroup::; echo ::group::Test; echo y";
    let hub = hub();
    let flags = ["--groups", "--task", "Test"];
    assert_eq!(run(&hub, &flags, script).finish().code, Some(0));
    let ended = state(&hub, "e");
    assert_eq!(
        tasks(&ended),
        [("Test", "completed"), ("Set up", "completed")]
    );
    let names: Vec<_> = all(&hub).into_iter().map(|event| event.event).collect();
    let expected = [
        "execution-start",
        "task-start",
        "output",
        "output",
        "task-complete",
        "output",
        "task-start",
        "output",
        "output",
        "task-complete",
        "execution-complete",
    ];
    assert_eq!(names, expected);

    let hub = crate::hub();
    assert_eq!(run(&hub, &[], script).finish().code, Some(0));
    assert_eq!(state(&hub, "e")["tasks"], json!([]));
}

#[test]
fn an_id_that_is_taken_is_not_published_under() {
    let hub = hub();
    create(&hub, "e", &["a"]);
    task(&hub, "e", "task-start", "a");
    let before = state(&hub, "e");
    let finished = run(&hub, &[], "echo out; exit 5").finish();
    assert_eq!(finished.code, Some(5), "{finished:?}");
    assert_eq!(finished.stdout, "out\n");
    assert!(
        finished.stderr.contains("nothing more of it is published"),
        "{finished:?}"
    );
    assert_eq!(state(&hub, "e"), before);
}

#[test]
fn a_task_that_is_named_twice_is_a_mistake() {
    let hub = hub();
    let finished = run(&hub, &["--task", "a", "--task", "a"], "true").finish();
    assert_eq!(finished.code, Some(2), "{finished:?}");
    assert_eq!(hub.get("/api/executions").json()["total"], 0);
}
