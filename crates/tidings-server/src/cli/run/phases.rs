//! The phases of a command, told by what it prints.

use std::collections::HashSet;
use std::time::Instant;

use crate::cli::run::message::{self, Message, Task};

/// The most phases. What would begin a further one is output like any other.
const MOST: usize = 1_000;

/// The longest name of a phase, in bytes.
const LONGEST: usize = 200;

/// What tells where phases begin and end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Marks {
    /// Lines that begin with the name of a phase that has not begun. The first one begins with the
    /// command.
    Names,
    /// `::group::NAME` and `::endgroup::`, as GitHub has them.
    Groups,
}

/// Follows a command through its phases, of which one at most is under way.
#[derive(Debug)]
pub(crate) struct Phases {
    marks: Marks,
    /// Those that are expected and have not begun, in order.
    expected: Vec<String>,
    /// The ids of those that have.
    begun: HashSet<String>,
    current: Option<Phase>,
    total: usize,
}

#[derive(Debug)]
struct Phase {
    id: String,
    title: String,
    number: usize,
    began: Instant,
}

impl Phases {
    pub(crate) fn new(expected: Vec<String>, marks: Marks) -> Self {
        Self {
            marks,
            total: expected.len(),
            expected,
            begun: HashSet::new(),
            current: None,
        }
    }

    /// The command begins.
    pub(crate) fn start(&mut self, now: Instant) -> Vec<Message> {
        match self.expected.first().cloned() {
            Some(first) if self.marks == Marks::Names => self.begin(&first, now),
            _ => Vec::new(),
        }
    }

    /// The command prints a line.
    pub(crate) fn line(&mut self, line: &str, now: Instant) -> Vec<Message> {
        let line = line.trim();
        match self.marks {
            Marks::Names => {
                let mut expected = self.expected.iter();
                let named = expected.find(|name| line.starts_with(&***name)).cloned();
                named.map_or_else(Vec::new, |name| self.begin(&name, now))
            }
            Marks::Groups if line == "::endgroup::" => self.end(None, now),
            Marks::Groups => {
                let name = line.strip_prefix("::group::").map(str::trim);
                let name = name.map(|name| if name.is_empty() { "group" } else { name });
                name.map_or_else(Vec::new, |name| self.begin(name, now))
            }
        }
    }

    /// The phase that is under way ends, well or with an error.
    pub(crate) fn end(&mut self, error: Option<&str>, now: Instant) -> Vec<Message> {
        let Some(phase) = self.current.take() else {
            return Vec::new();
        };
        let duration = now.saturating_duration_since(phase.began).as_millis();
        let duration = u64::try_from(duration).unwrap_or(u64::MAX);
        vec![message::task_end(&phase.task(self.total), duration, error)]
    }

    fn begin(&mut self, name: &str, now: Instant) -> Vec<Message> {
        if self.begun.len() >= MOST {
            return Vec::new();
        }
        let mut messages = self.end(None, now);
        let title = shortened(name).to_owned();
        let expected = self.expected.iter().position(|name| *name == title);
        match expected {
            Some(at) => drop(self.expected.remove(at)),
            None => self.total += 1,
        }
        let phase = Phase {
            id: self.free_id(&title),
            title,
            number: self.begun.len() + 1,
            began: now,
        };
        self.begun.insert(phase.id.clone());
        messages.push(message::task_start(&phase.task(self.total)));
        self.current = Some(phase);
        messages
    }

    /// The name, or the name and a number if it was there before.
    fn free_id(&self, name: &str) -> String {
        let numbered = (2..).map(|number| format!("{name} ({number})"));
        let mut ids = std::iter::once(name.to_owned()).chain(numbered);
        let free = ids.find(|id| !self.begun.contains(id) && !self.expected.contains(id));
        free.expect("there are more numbers than phases")
    }
}

impl Phase {
    fn task(&self, total: usize) -> Task<'_> {
        Task {
            task_id: &self.id,
            task_title: &self.title,
            progress: self.number,
            total,
        }
    }
}

/// A name as the hub takes it.
pub(crate) fn shortened(name: &str) -> &str {
    let mut end = name.len().min(LONGEST);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn brief(messages: &[Message]) -> Vec<String> {
        let brief = |message: &Message| {
            let data: Value = serde_json::from_str(&message.data).unwrap();
            format!("{} {}", message.event, data["taskId"].as_str().unwrap())
        };
        messages.iter().map(brief).collect()
    }

    fn follow(phases: &mut Phases, lines: &[&str]) -> Vec<String> {
        let now = Instant::now();
        let mut messages = phases.start(now);
        for line in lines {
            messages.extend(phases.line(line, now));
        }
        brief(&messages)
    }

    fn named(names: &[&str], marks: Marks) -> Phases {
        Phases::new(names.iter().map(ToString::to_string).collect(), marks)
    }

    #[test]
    fn a_single_phase_is_the_whole_command() {
        let mut phases = named(&["Build"], Marks::Names);
        assert_eq!(follow(&mut phases, &["Build", "x"]), ["task-start Build"]);
        let end = phases.end(Some("exit code 3"), Instant::now());
        assert_eq!(brief(&end), ["task-fail Build"]);
        let data: Value = serde_json::from_str(&end[0].data).unwrap();
        assert_eq!(
            (&data["error"], &data["total"]),
            (&"exit code 3".into(), &1.into())
        );
        assert!(phases.end(None, Instant::now()).is_empty());
    }

    #[test]
    fn a_line_that_begins_with_the_name_of_a_phase_begins_it_once() {
        let mut phases = named(&["Compiling", "Running", "Doc-tests"], Marks::Names);
        let lines = [
            "   Compiling a",
            "Compiling b",
            "  Running it",
            "Running x",
            "done",
        ];
        assert_eq!(
            follow(&mut phases, &lines),
            [
                "task-start Compiling",
                "task-complete Compiling",
                "task-start Running"
            ]
        );
    }

    #[test]
    fn groups_are_phases_whether_expected_or_not() {
        let mut phases = named(&["Test"], Marks::Groups);
        let lines = [
            "x",
            "::group::Set up",
            "::endgroup::",
            "::group::Test",
            "::group::Test",
        ];
        assert_eq!(
            follow(&mut phases, &lines),
            [
                "task-start Set up",
                "task-complete Set up",
                "task-start Test",
                "task-complete Test",
                "task-start Test (2)",
            ]
        );
        assert_eq!(phases.total, 3);
    }

    #[test]
    fn there_is_an_end_to_phases_and_to_their_names() {
        let mut phases = named(&[], Marks::Groups);
        for number in 0..MOST {
            phases.line(&format!("::group::{number}"), Instant::now());
        }
        assert!(phases.line("::group::more", Instant::now()).is_empty());
        assert_eq!(shortened(&"é".repeat(LONGEST)).len(), LONGEST);
    }
}
