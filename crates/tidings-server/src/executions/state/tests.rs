use proptest::prelude::*;
use serde_json::json;

use super::*;

fn execution(tasks: &[&str]) -> Execution {
    let tasks = tasks.iter().map(|id| PlannedTask {
        id: (*id).to_owned(),
        title: None,
    });
    let plan = Plan {
        title: None,
        tasks: tasks.collect(),
    };
    Execution::new("e".parse().unwrap(), plan)
}

/// Follows events that are a millisecond apart, given as `event task` or `event`.
fn follow(execution: &mut Execution, events: &[&str]) {
    for event in events {
        let (event, task) = event.split_once(' ').unwrap_or((event, ""));
        say(execution, event, &json!({ "taskId": task }).to_string());
    }
}

fn say(execution: &mut Execution, event: &str, data: &str) {
    let happening = Happening {
        event,
        data,
        time: Timestamp::from_millis(1_000),
        is_final: end(event).is_some(),
    };
    execution.apply(&happening);
}

fn statuses(execution: &Execution) -> Vec<TaskStatus> {
    execution.tasks.iter().map(|task| task.status).collect()
}

fn progress(execution: &Execution) -> (u32, u32) {
    (execution.progress.done, execution.progress.total)
}

#[test]
fn tasks_run_and_complete_as_they_say() {
    let mut run = execution(&["a", "b"]);
    assert_eq!((run.status, progress(&run)), (Status::Pending, (0, 2)));
    follow(&mut run, &["execution-start", "task-start a"]);
    assert_eq!(run.current_task.as_deref(), Some("a"));
    follow(&mut run, &["task-complete a", "task-start b"]);
    assert_eq!((run.status, progress(&run)), (Status::Running, (1, 2)));
    follow(&mut run, &["task-fail b", "execution-failed"]);
    assert_eq!((run.status, progress(&run)), (Status::Failed, (2, 2)));
    assert_eq!(statuses(&run), [TaskStatus::Completed, TaskStatus::Failed]);
    assert_eq!(run.current_task, None);
}

#[test]
fn a_task_that_was_not_planned_is_appended() {
    let mut run = execution(&["a"]);
    follow(&mut run, &["task-start x"]);
    assert_eq!(run.status, Status::Running);
    assert_eq!(progress(&run), (0, 2));
    assert_eq!(run.tasks[1].id, "x");
}

#[test]
fn what_says_otherwise_of_a_completed_task_came_late() {
    let mut run = execution(&["a"]);
    follow(&mut run, &["task-start a", "task-complete a"]);
    let before = run.clone();
    follow(&mut run, &["task-fail a", "task-start a", "worker-start a"]);
    assert_eq!(run, before);
}

#[test]
fn a_task_that_its_group_gave_up_may_still_complete() {
    let mut run = execution(&["a"]);
    follow(
        &mut run,
        &["task-start a", "task-fail a", "task-complete a"],
    );
    assert_eq!(statuses(&run), [TaskStatus::Completed]);
    assert_eq!(progress(&run), (1, 1));
}

#[test]
fn a_retry_takes_no_progress_back() {
    let mut run = execution(&["a", "b"]);
    follow(&mut run, &["task-start a", "task-fail a", "task-start a"]);
    assert_eq!(statuses(&run)[0], TaskStatus::Running);
    assert_eq!(progress(&run), (1, 2));
    follow(&mut run, &["task-complete a"]);
    assert_eq!(progress(&run), (1, 2));
}

#[test]
fn tasks_side_by_side_are_each_the_current_one_until_they_end() {
    let mut run = execution(&["a", "b"]);
    follow(&mut run, &["task-start a", "task-start b"]);
    assert_eq!(run.current_task.as_deref(), Some("b"));
    follow(&mut run, &["task-complete b"]);
    assert_eq!(run.current_task.as_deref(), Some("a"));
    follow(&mut run, &["task-complete a"]);
    assert_eq!(run.current_task, None);
}

#[test]
fn attempts_have_a_worker_and_a_check_each() {
    let mut run = execution(&[]);
    let started = r#"{"taskId":"a","taskTitle":"A","attemptNumber":2,"parallelGroup":7}"#;
    let failed = r#"{"taskId":"a","passed":false,"score":40,"attemptNumber":2,
        "gap":{"feedback":"thin","issues":["i"],"requiredFixes":["f"]}}"#;
    follow(
        &mut run,
        &["task-start a", "worker-start a", "worker-complete a"],
    );
    say(&mut run, "worker-start", started);
    say(
        &mut run,
        "worker-complete",
        r#"{"taskId":"a","duration":5,"toolCalls":3}"#,
    );
    say(&mut run, "qc-start", started);
    say(&mut run, "qc-complete", failed);
    say(
        &mut run,
        "agent-chatter",
        r#"{"taskId":"a","output":"o","tokens":{"input":1}}"#,
    );
    say(&mut run, "task-fail", r#"{"taskId":"a","error":"no"}"#);
    let task = serde_json::to_value(&run.tasks[0]).unwrap();
    assert_eq!(task["title"], "A");
    assert_eq!(
        (&task["group"], &task["attempts"]),
        (&json!("7"), &json!(2))
    );
    assert_eq!(task["workers"][1]["tool_calls"], 3);
    assert_eq!(task["workers"][1]["duration"], 5);
    assert_eq!(task["checks"][0]["feedback"], "thin");
    assert_eq!(task["checks"][0]["required_fixes"], json!(["f"]));
    assert_eq!(task["chatter"]["input_tokens"], 1);
    assert_eq!(
        (&task["error"], &task["phase"]),
        (&json!("no"), &json!(null))
    );
}

#[test]
fn whatever_runs_ends_as_the_execution_does() {
    for (event, status) in [
        ("execution-complete", TaskStatus::Completed),
        ("execution-failed", TaskStatus::Failed),
        ("execution-cancelled", TaskStatus::Cancelled),
    ] {
        let mut run = execution(&["a", "b"]);
        follow(&mut run, &["task-start a", event]);
        assert_eq!(statuses(&run), [status, TaskStatus::Pending]);
    }
}

#[test]
fn nothing_comes_after_the_end() {
    let mut run = execution(&["a"]);
    say(&mut run, "execution-complete", r#"{"exit_code":0}"#);
    let before = run.clone();
    follow(
        &mut run,
        &["execution-failed", "task-start a", "execution-start"],
    );
    assert_eq!(run, before);
    assert_eq!(run.summary, Some(json!({"exit_code":0})));
}

#[test]
fn a_run_that_says_that_it_failed_has_not_completed() {
    let mut run = execution(&[]);
    say(&mut run, "execution-complete", r#"{"status":"failed"}"#);
    assert_eq!(run.status, Status::Failed);
}

#[test]
fn of_a_summary_that_is_too_large_the_lists_go() {
    let mut run = execution(&[]);
    let results = vec!["x"; MAX_SUMMARY];
    let data = json!({ "exit_code": 1, "results": results }).to_string();
    say(&mut run, "execution-failed", &data);
    assert_eq!(run.summary, Some(json!({"exit_code":1})));
}

#[test]
fn tasks_beyond_the_most_are_passed_over() {
    let mut run = execution(&[]);
    for task in 0..=MAX_TASKS {
        follow(&mut run, &[&format!("task-start {task}")]);
    }
    assert_eq!(run.tasks.len(), MAX_TASKS);
    follow(&mut run, &["task-complete 0"]);
    assert_eq!(run.progress.done, 1);
}

#[test]
fn what_is_said_at_length_weighs_no_more_than_it_may() {
    let mut run = execution(&[]);
    let text = "x".repeat(10_000);
    for task in 0..MAX_TASKS {
        let data = json!({ "taskId": task, "taskTitle": text, "error": text });
        say(&mut run, "task-fail", &data.to_string());
    }
    let standing = MAX_TASKS * (256 + MAX_ID_BYTES);
    assert!(run.weight() <= MAX_WEIGHT + standing, "{}", run.weight());
    assert_eq!(run.progress.done as usize, MAX_TASKS);
}

fn anything() -> impl Strategy<Value = (String, String)> {
    let events = [
        "execution-start",
        "task-start",
        "worker-start",
        "worker-complete",
        "qc-start",
        "qc-complete",
        "task-complete",
        "task-fail",
        "agent-chatter",
        "output",
    ];
    let odd = ["null", "[]", "-1", "1e300", "\"\"", "{\"a\":1}", "[null]"];
    let odd = prop::sample::select(odd.map(str::to_owned).to_vec());
    let plain = (0..4_u8, 0..4_u32).prop_map(|(task, attempt)| {
        json!({ "taskId": task, "attemptNumber": attempt, "totalTasks": attempt }).to_string()
    });
    let malformed = odd.clone().prop_map(|odd| {
        let fields = [
            "attemptNumber",
            "duration",
            "score",
            "gap",
            "tokens",
            "total",
        ];
        let fields = fields.map(|field| format!("\"{field}\":{odd}"));
        format!("{{\"taskId\":1,{}}}", fields.join(","))
    });
    let data = prop_oneof![plain, malformed, odd, ".{0,20}"];
    let end = "execution-(complete|failed|cancelled)";
    let event =
        prop_oneof![20 => prop::sample::select(events.to_vec()).prop_map(str::to_owned), 1 => end];
    (event, data)
}

proptest! {
    #[test]
    fn whatever_comes_progress_never_falls_and_the_state_reads_back(
        events in prop::collection::vec(anything(), 0..60)
    ) {
        let mut run = execution(&["0", "1"]);
        for (event, data) in events {
            let before = run.clone();
            say(&mut run, &event, &data);
            prop_assert!(run.progress.done >= before.progress.done);
            prop_assert!(run.progress.total >= before.progress.total);
            prop_assert!(run.progress.done <= run.progress.total);
            for (task, earlier) in run.tasks.iter().zip(&before.tasks) {
                prop_assert_eq!(&task.id, &earlier.id);
                let had_completed = earlier.status == TaskStatus::Completed;
                prop_assert!(!had_completed || task.status == TaskStatus::Completed);
            }
            if before.status.is_end() {
                prop_assert_eq!(&run, &before);
            }
            let current = run.tasks.iter().find(|task| Some(&task.id) == run.current_task.as_ref());
            prop_assert_eq!(current.is_some(), run.tasks.iter().any(Task::is_running));
            prop_assert!(current.is_none_or(Task::is_running));
            let json = serde_json::to_string(&run).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Execution>(&json).unwrap(), &run);
        }
    }
}
