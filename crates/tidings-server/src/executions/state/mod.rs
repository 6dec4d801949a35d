#[cfg(test)]
mod tests;

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
