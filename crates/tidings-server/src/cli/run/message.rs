//! The events of an execution.

use serde::Serialize;

/// An event of the execution, ready to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) event: &'static str,
    pub(crate) data: String,
    /// Whether it ends the execution's topic.
    pub(crate) is_final: bool,
}

impl Message {
    /// Whether it is a line of output.
    pub(crate) fn is_output(&self) -> bool {
        self.event == "output"
    }
}

/// Where a line of output comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Source {
    Stdout,
    Stderr,
    /// What `tidings run` itself has to say.
    Tidings,
}

/// An event of this size as JSON still fits where 1 MiB is the limit.
const LARGEST: usize = 1_000_000;

/// The first event.
pub(crate) fn start(id: &str, title: &str, command: &str, start_time: &str) -> Message {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Data<'a> {
        execution_id: &'a str,
        title: &'a str,
        command: &'a str,
        start_time: &'a str,
    }
    message(
        "execution-start",
        &Data {
            execution_id: id,
            title,
            command,
            start_time,
        },
    )
}

/// A phase begins.
pub(crate) fn task_start(task: &Task<'_>) -> Message {
    message("task-start", task)
}

/// A phase has come to an end.
pub(crate) fn task_end(task: &Task<'_>, duration_ms: u64, error: Option<&str>) -> Message {
    #[derive(Serialize)]
    struct Data<'a> {
        #[serde(flatten)]
        task: &'a Task<'a>,
        status: &'a str,
        duration: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<&'a str>,
    }
    let (event, status) = match error {
        None => ("task-complete", "completed"),
        Some(_) => ("task-fail", "failed"),
    };
    let data = Data {
        task,
        status,
        duration: duration_ms,
        error,
    };
    message(event, &data)
}

/// A phase of the execution, as its events name it.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Task<'a> {
    pub(crate) task_id: &'a str,
    pub(crate) task_title: &'a str,
    /// Which one it is, counted from 1 in the order in which they begin.
    pub(crate) progress: usize,
    /// How many there are.
    pub(crate) total: usize,
}

/// A line of output; more than one event only if escaping makes it too large for one.
pub(crate) fn output(source: Source, line: &str) -> Vec<Message> {
    #[derive(Serialize)]
    struct Data<'a> {
        stream: Source,
        line: &'a str,
    }
    let whole = message(
        "output",
        &Data {
            stream: source,
            line,
        },
    );
    if whole.data.len() <= LARGEST {
        return vec![whole];
    }
    let middle = (line.len() / 2..).find(|at| line.is_char_boundary(*at));
    let (head, tail) = line.split_at(middle.unwrap_or(line.len()));
    let mut halves = output(source, head);
    halves.extend(output(source, tail));
    halves
}

/// The final event.
pub(crate) fn end(exit_code: u8, duration_ms: u64) -> Message {
    #[derive(Serialize)]
    struct Data {
        exit_code: u8,
        duration_ms: u64,
    }
    let event = match exit_code {
        0 => "execution-complete",
        _ => "execution-failed",
    };
    let data = Data {
        exit_code,
        duration_ms,
    };
    Message {
        is_final: true,
        ..message(event, &data)
    }
}

fn message(event: &'static str, data: &impl Serialize) -> Message {
    let data = serde_json::to_string(data).expect("text and numbers are written into memory");
    Message {
        event,
        data,
        is_final: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_events_have_the_documented_fields() {
        let start = start("7", "Build", "make all", "2026-01-01T00:00:00.000Z");
        assert_eq!(
            start.data,
            r#"{"executionId":"7","title":"Build","command":"make all","startTime":"2026-01-01T00:00:00.000Z"}"#
        );
        let output = output(Source::Stderr, "a \"b\"");
        assert_eq!(output[0].data, r#"{"stream":"stderr","line":"a \"b\""}"#);
        assert_eq!(end(0, 5).event, "execution-complete");
        assert_eq!(end(3, 5).event, "execution-failed");
        assert_eq!(end(3, 5).data, r#"{"exit_code":3,"duration_ms":5}"#);
    }

    #[test]
    fn a_line_that_escaping_makes_too_large_is_split() {
        let line = "\u{1}".repeat(256 * 1024);
        let messages = output(Source::Stdout, &line);
        assert!(messages.len() > 1);
        assert!(messages.iter().all(|message| message.data.len() <= LARGEST));
    }
}
