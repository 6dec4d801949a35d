use serde::{Deserialize, Serialize};
use serde_json::Number;

use crate::executions::facts::Facts;
use crate::executions::moment::Moment;

/// The longest id of a task, in bytes. An event with a longer one is passed over.
pub(crate) const MAX_ID_BYTES: usize = 256;

/// The longest title, in characters.
pub(crate) const MAX_TITLE_CHARS: usize = 512;

/// The longest error, feedback or preview, in characters: more than producers send, who cut
/// their previews at 1,000.
const MAX_TEXT_CHARS: usize = 2_000;

/// How many workers and checks of a task are kept, the newest ones.
const MAX_ATTEMPTS_KEPT: usize = 20;

/// How many issues and fixes of a check are kept.
const MAX_ISSUES: usize = 20;

/// One part of an execution.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) id: String,
    pub(crate) title: Option<String>,
    pub(crate) status: TaskStatus,
    /// What is under way in it.
    phase: Option<Phase>,
    /// The tasks that run side by side with it have the same.
    group: Option<String>,
    r#type: Option<String>,
    pub(crate) started_at: Option<Moment>,
    ended_at: Option<Moment>,
    /// In milliseconds: as its end says, else the time between start and end.
    pub(crate) duration: Option<u64>,
    attempts: u32,
    workers: Vec<Worker>,
    checks: Vec<Check>,
    chatter: Option<Chatter>,
    error: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TaskStatus {
    Pending,
    Running,
    Completed,
    Failed,
    Cancelled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Phase {
    Worker,
    Qc,
}

/// One attempt to do the work.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Worker {
    attempt: u32,
    started_at: Option<Moment>,
    ended_at: Option<Moment>,
    duration: Option<u64>,
    tool_calls: Option<u64>,
}

/// The quality check of one attempt.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Check {
    attempt: u32,
    started_at: Option<Moment>,
    ended_at: Option<Moment>,
    passed: Option<bool>,
    score: Option<Number>,
    feedback: Option<String>,
    issues: Vec<String>,
    required_fixes: Vec<String>,
}

/// What a task said at its end.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Chatter {
    preamble: Option<String>,
    output: Option<String>,
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    tool_calls: Option<u64>,
}

/// What an event does to a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Start,
    WorkerStart,
    WorkerComplete,
    CheckStart,
    CheckComplete,
    Complete,
    Fail,
    Chatter,
}

impl Step {
    pub(super) fn of(event: &str) -> Option<Self> {
        Some(match event {
            "task-start" => Self::Start,
            "worker-start" => Self::WorkerStart,
            "worker-complete" => Self::WorkerComplete,
            "qc-start" => Self::CheckStart,
            "qc-complete" => Self::CheckComplete,
            "task-complete" => Self::Complete,
            "task-fail" => Self::Fail,
            "agent-chatter" => Self::Chatter,
            _ => return None,
        })
    }
}

impl Task {
    pub(super) fn new(id: String, title: Option<String>) -> Self {
        Self {
            id,
            title,
            status: TaskStatus::Pending,
            phase: None,
            group: None,
            r#type: None,
            started_at: None,
            ended_at: None,
            duration: None,
            attempts: 0,
            workers: Vec::new(),
            checks: Vec::new(),
            chatter: None,
            error: None,
        }
    }

    /// The same task before anything of it began.
    pub(super) fn planned(&self) -> Self {
        Self::new(self.id.clone(), self.title.clone())
    }

    pub(super) fn is_running(&self) -> bool {
        self.status == TaskStatus::Running
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self.status, TaskStatus::Completed | TaskStatus::Failed)
    }

    /// Follows an event. What has completed stays so: whatever says otherwise came late.
    pub(super) fn apply(&mut self, step: Step, facts: &Facts, now: Moment) {
        let say = |said: &mut Option<String>, name| {
            if let Some(text) = facts.text(name, MAX_TITLE_CHARS) {
                *said = Some(text);
            }
        };
        say(&mut self.title, "taskTitle");
        say(&mut self.group, "parallelGroup");
        say(&mut self.r#type, "taskType");
        if step == Step::Chatter {
            self.chatter = Some(Chatter::read(facts));
            return;
        }
        if self.status == TaskStatus::Completed {
            return;
        }
        match step {
            Step::Start => self.start(now),
            Step::WorkerStart => {
                let attempt = self.begin_attempt(facts, now);
                self.phase = Some(Phase::Worker);
                self.worker(attempt).started_at.get_or_insert(now);
            }
            Step::WorkerComplete => {
                self.phase = None;
                let attempt = self.attempts.max(1);
                self.worker(attempt).end(facts, now);
            }
            Step::CheckStart => {
                let attempt = self.begin_attempt(facts, now);
                self.phase = Some(Phase::Qc);
                self.check(attempt).started_at.get_or_insert(now);
            }
            Step::CheckComplete => {
                self.phase = None;
                let given = facts.count("attemptNumber");
                let attempt = given.unwrap_or_else(|| self.attempts.max(1));
                self.check(attempt).end(facts, now);
            }
            Step::Complete => {
                self.error = None;
                self.end(TaskStatus::Completed, facts, now);
            }
            Step::Fail => {
                if let Some(error) = facts.text("error", MAX_TEXT_CHARS) {
                    self.error = Some(error);
                }
                if self.status != TaskStatus::Failed {
                    self.end(TaskStatus::Failed, facts, now);
                }
            }
            Step::Chatter => {}
        }
    }

    /// Ends with the execution that it belongs to.
    pub(super) fn end_with_execution(&mut self, status: TaskStatus, now: Moment) {
        self.end(status, &Facts::default(), now);
    }

    /// Starts, or starts again after a failure.
    fn start(&mut self, now: Moment) {
        if self.is_running() {
            return;
        }
        self.status = TaskStatus::Running;
        self.attempts = self.attempts.saturating_add(1);
        self.started_at.get_or_insert(now);
        (self.ended_at, self.duration, self.error) = (None, None, None);
    }

    /// The attempt that an event is about, which has begun by now. One of an earlier attempt does
    /// not start a failed task again.
    fn begin_attempt(&mut self, facts: &Facts, now: Moment) -> u32 {
        let given = facts.count("attemptNumber").filter(|number| *number > 0);
        let is_new = given.is_some_and(|number| number > self.attempts);
        if self.status == TaskStatus::Pending || self.status == TaskStatus::Failed && is_new {
            self.start(now);
        }
        let attempt = given.unwrap_or_else(|| self.attempts.max(1));
        self.attempts = self.attempts.max(attempt);
        attempt
    }

    fn end(&mut self, status: TaskStatus, facts: &Facts, now: Moment) {
        self.status = status;
        self.phase = None;
        self.attempts = self.attempts.max(1);
        self.ended_at = Some(now);
        let took = self.started_at.map(|started| now.millis_since(started));
        self.duration = facts.whole("duration").or(took);
    }

    fn worker(&mut self, attempt: u32) -> &mut Worker {
        let new = || Worker {
            attempt,
            started_at: None,
            ended_at: None,
            duration: None,
            tool_calls: None,
        };
        of_attempt(&mut self.workers, |worker| worker.attempt == attempt, new)
    }

    fn check(&mut self, attempt: u32) -> &mut Check {
        let new = || Check {
            attempt,
            started_at: None,
            ended_at: None,
            passed: None,
            score: None,
            feedback: None,
            issues: Vec::new(),
            required_fixes: Vec::new(),
        };
        of_attempt(&mut self.checks, |check| check.attempt == attempt, new)
    }

    /// What it takes in memory and as JSON, about, in bytes.
    pub(super) fn weight(&self) -> usize {
        let texts = [&self.title, &self.group, &self.r#type, &self.error];
        let texts = texts.into_iter().flatten().map(String::len).sum::<usize>();
        let checks = self.checks.iter().map(Check::weight).sum::<usize>();
        let chatter = self.chatter.as_ref().map_or(0, Chatter::weight);
        256 + self.id.len() + texts + 128 * self.workers.len() + checks + chatter
    }

    /// Gives up what is not needed to know how it stands.
    pub(super) fn shed(&mut self) {
        self.workers.clear();
        self.checks.clear();
        (self.title, self.group, self.r#type) = (None, None, None);
        (self.chatter, self.error) = (None, None);
    }
}

impl Worker {
    fn end(&mut self, facts: &Facts, now: Moment) {
        self.ended_at = Some(now);
        let took = self.started_at.map(|started| now.millis_since(started));
        self.duration = facts.whole("duration").or(took);
        self.tool_calls = facts.whole("toolCalls");
    }
}

impl Check {
    fn end(&mut self, facts: &Facts, now: Moment) {
        let gap = facts.inner("gap");
        let message = || facts.text("message", MAX_TEXT_CHARS);
        self.ended_at = Some(now);
        self.passed = facts.flag("passed");
        self.score = facts.number("score");
        self.feedback = gap.text("feedback", MAX_TEXT_CHARS).or_else(message);
        self.issues = gap.texts("issues", MAX_ISSUES, MAX_TITLE_CHARS);
        self.required_fixes = gap.texts("requiredFixes", MAX_ISSUES, MAX_TITLE_CHARS);
    }

    fn weight(&self) -> usize {
        let lists = self.issues.iter().chain(&self.required_fixes);
        let texts = lists.chain(&self.feedback).map(String::len);
        256 + texts.sum::<usize>()
    }
}

impl Chatter {
    fn read(facts: &Facts) -> Self {
        let tokens = facts.inner("tokens");
        Self {
            preamble: facts.text("preamble", MAX_TEXT_CHARS),
            output: facts.text("output", MAX_TEXT_CHARS),
            input_tokens: tokens.whole("input"),
            output_tokens: tokens.whole("output"),
            tool_calls: facts.whole("toolCalls"),
        }
    }

    fn weight(&self) -> usize {
        let texts = [&self.preamble, &self.output].into_iter().flatten();
        128 + texts.map(String::len).sum::<usize>()
    }
}

/// The item of an attempt, made if it is not there, of which only the newest are kept.
fn of_attempt<T>(
    items: &mut Vec<T>,
    is_it: impl Fn(&T) -> bool,
    new: impl FnOnce() -> T,
) -> &mut T {
    let at = items.iter().position(is_it).unwrap_or_else(|| {
        if items.len() >= MAX_ATTEMPTS_KEPT {
            items.remove(0);
        }
        items.push(new());
        items.len() - 1
    });
    &mut items[at]
}
