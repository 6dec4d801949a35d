use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tidings::Timestamp;

use crate::executions::end::{End, end};
use crate::executions::facts::{Facts, cut};
use crate::executions::id::ExecutionId;
use crate::executions::moment::Moment;
use crate::executions::task::{MAX_ID_BYTES, MAX_TITLE_CHARS, Step, Task, TaskStatus};

/// The most tasks of an execution. Events of further ones are passed over.
pub(crate) const MAX_TASKS: usize = 1_000;

/// What an execution may weigh, in bytes: beyond it, tasks keep nothing but how they stand.
const MAX_WEIGHT: usize = 512 << 10;

/// The largest summary that is kept whole, in bytes of JSON. Of a larger one the lists and objects
/// are left out.
const MAX_SUMMARY: usize = 64 << 10;

/// More tasks than this are not believed to be announced.
const MAX_TOTAL: u32 = 1_000_000;

/// The state of an execution, and the body that tells it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Execution {
    pub(crate) id: ExecutionId,
    title: Option<String>,
    pub(crate) status: Status,
    /// The id of the task that was the last to start of those that run.
    pub(crate) current_task: Option<String>,
    pub(crate) tasks: Vec<Task>,
    pub(crate) progress: Progress,
    pub(crate) started_at: Option<Moment>,
    pub(crate) ended_at: Option<Moment>,
    /// What the final event says.
    summary: Option<Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    Pending,
    Running,
    Completed,
    Failed,
    Cancelled,
}

/// How many tasks have come to an end, of how many. Neither number ever falls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Progress {
    pub(crate) done: u32,
    pub(crate) total: u32,
}

/// What is known of an execution before it begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) title: Option<String>,
    pub(crate) tasks: Vec<PlannedTask>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlannedTask {
    pub(crate) id: String,
    pub(crate) title: Option<String>,
}

/// An event of the execution.
#[derive(Clone, Copy, Debug)]
pub(super) struct Happening<'a> {
    pub(super) event: &'a str,
    pub(super) data: &'a str,
    pub(super) time: Timestamp,
    pub(super) is_final: bool,
}

impl Execution {
    /// One that has not begun.
    pub(crate) fn new(id: ExecutionId, plan: Plan) -> Self {
        let tasks = plan.tasks.into_iter();
        let tasks = tasks.map(|task| Task::new(task.id, task.title));
        let mut execution = Self {
            id,
            title: plan.title,
            status: Status::Pending,
            current_task: None,
            tasks: tasks.collect(),
            progress: Progress::default(),
            started_at: None,
            ended_at: None,
            summary: None,
        };
        execution.count();
        execution
    }

    /// The same before it began, with the first so many of its tasks.
    pub(super) fn planned(&self, tasks: usize) -> Self {
        let mut planned = Self::new(self.id.clone(), Plan::default());
        planned.title.clone_from(&self.title);
        planned.tasks = self.tasks.iter().take(tasks).map(Task::planned).collect();
        planned.count();
        planned
    }

    /// Follows an event. Events that mean nothing here are passed over, and so is everything after
    /// the end. Tells whether the event means something.
    pub(super) fn apply(&mut self, happening: &Happening<'_>) -> bool {
        let now = Moment::from(happening.time);
        let event = happening.event;
        let ending = match happening.is_final {
            true => Some(End::of_final(event)),
            false => end(event),
        };
        if self.status.is_end() {
            return false;
        }
        if let Some(ending) = ending {
            self.end(ending, happening.data, now);
        } else if event == "execution-start" {
            let facts = Facts::read(happening.data);
            self.begin(now);
            if self.title.is_none() {
                self.title = facts.text("title", MAX_TITLE_CHARS);
            }
            self.expect(facts.count("totalTasks"));
        } else if let Some(step) = Step::of(event) {
            self.follow(step, &Facts::read(happening.data), now);
        } else {
            return false;
        }
        self.count();
        true
    }

    fn expect(&mut self, total: Option<u32>) {
        let total = total.unwrap_or(0).min(MAX_TOTAL);
        self.progress.total = self.progress.total.max(total);
    }

    fn begin(&mut self, now: Moment) {
        if self.status == Status::Pending {
            self.status = Status::Running;
            self.started_at = Some(now);
        }
    }

    fn follow(&mut self, step: Step, facts: &Facts, now: Moment) {
        self.begin(now);
        self.expect(facts.count("total"));
        let Some(at) = self.task(facts) else {
            return;
        };
        let task = &mut self.tasks[at];
        let was_running = task.is_running();
        task.apply(step, facts, now);
        match (was_running, task.is_running()) {
            (false, true) => self.current_task = Some(task.id.clone()),
            (true, false) if self.current_task.as_ref() == Some(&task.id) => {
                let running = self.tasks.iter().filter(|task| task.is_running());
                let newest = running.max_by_key(|task| task.started_at);
                self.current_task = newest.map(|task| task.id.clone());
            }
            _ => {}
        }
        if self.weight() > MAX_WEIGHT {
            self.tasks[at].shed();
        }
    }

    /// Where the task is that an event is about. One that is not known is appended.
    fn task(&mut self, facts: &Facts) -> Option<usize> {
        let id = facts.text("taskId", MAX_ID_BYTES + 1)?;
        let known = self.tasks.iter().position(|task| task.id == id);
        if known.is_some() || self.tasks.len() >= MAX_TASKS || id.len() > MAX_ID_BYTES {
            return known;
        }
        self.tasks.push(Task::new(id, None));
        Some(self.tasks.len() - 1)
    }

    /// Whatever still runs ends as the execution does.
    fn end(&mut self, end: End, data: &str, now: Moment) {
        self.status = end.status(&Facts::read(data));
        let status = match self.status {
            Status::Failed => TaskStatus::Failed,
            Status::Cancelled => TaskStatus::Cancelled,
            Status::Pending | Status::Running | Status::Completed => TaskStatus::Completed,
        };
        for task in self.tasks.iter_mut().filter(|task| task.is_running()) {
            task.end_with_execution(status, now);
        }
        self.current_task = None;
        self.ended_at = Some(now);
        self.summary = summary(data);
    }

    fn count(&mut self) {
        let done = self.tasks.iter().filter(|task| task.is_done()).count();
        let number = |count| u32::try_from(count).unwrap_or(u32::MAX);
        let Progress { done: most, total } = self.progress;
        self.progress = Progress {
            done: most.max(number(done)),
            total: total.max(number(self.tasks.len())),
        };
    }

    /// What it takes in memory and as JSON, about, in bytes.
    pub(crate) fn weight(&self) -> usize {
        let tasks = self.tasks.iter().map(Task::weight).sum::<usize>();
        let title = self.title.as_ref().map_or(0, String::len);
        let summary = self.summary.as_ref().map_or(0, json_size);
        512 + tasks + title + summary
    }
}

impl Status {
    pub(crate) fn is_end(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        let all = [
            Self::Pending,
            Self::Running,
            Self::Completed,
            Self::Failed,
            Self::Cancelled,
        ];
        all.into_iter().find(|status| status.name() == name)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What a final event says, within bounds.
fn summary(data: &str) -> Option<Value> {
    let value = match serde_json::from_str(data) {
        Ok(Value::Null) => return None,
        Ok(value) => value,
        Err(_) if data.is_empty() => return None,
        Err(_) => return Some(Value::String(cut(data, MAX_SUMMARY / 4))),
    };
    if json_size(&value) <= MAX_SUMMARY {
        return Some(value);
    }
    let Value::Object(members) = value else {
        return None;
    };
    let plain = members
        .into_iter()
        .filter(|(_, value)| !value.is_array() && !value.is_object());
    let plain = Value::Object(plain.collect::<Map<_, _>>());
    (json_size(&plain) <= MAX_SUMMARY).then_some(plain)
}

fn json_size(value: &Value) -> usize {
    value.to_string().len()
}

#[cfg(test)]
mod tests {
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
        let event = prop_oneof![20 => prop::sample::select(events.to_vec()).prop_map(str::to_owned), 1 => end];
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
}
