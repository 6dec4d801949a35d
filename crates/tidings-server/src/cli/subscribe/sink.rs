//! Where events go.

use std::future::pending;
use std::process::Stdio;

use anyhow::Context;
use tidings_client::Event;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::cli::notice;
use crate::cli::output::Output;

const STDOUT: &str = "cannot write to stdout";

/// What is done with each event.
#[derive(Debug)]
pub(super) enum Sink {
    Print(Output),
    /// A shell command is run, one at a time.
    Execute {
        command: String,
        url: String,
    },
}

/// How the line of an event reads.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    Data,
    IdAndData,
    Json,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    Done,
    /// The command failed.
    Failed,
}

impl Sink {
    /// Takes an event. What is printed is written at the latest by the next
    /// [`flush`](Self::flush); a command has ended.
    pub(super) async fn take(&mut self, event: &Event, form: Form) -> anyhow::Result<Taken> {
        let json;
        let parts: &[&str] = match (form, &event.envelope) {
            (Form::Json, Some(envelope)) => {
                // A line end in JSON can only be white space.
                json = envelope.raw.replace('\n', " ");
                &[&json]
            }
            (Form::IdAndData, _) => &[&event.id, "\t", &event.data],
            _ => &[&event.data],
        };
        match self {
            Self::Print(output) => {
                output.line(parts).await.context(STDOUT)?;
                Ok(Taken::Done)
            }
            Self::Execute { command, url } => {
                let line = parts.concat() + "\n";
                execute(command, url, event, line.as_bytes()).await
            }
        }
    }

    pub(super) async fn flush(&mut self) -> anyhow::Result<()> {
        match self {
            Self::Print(output) => output.flush().await.context(STDOUT),
            Self::Execute { .. } => Ok(()),
        }
    }
}

async fn execute(command: &str, url: &str, event: &Event, line: &[u8]) -> anyhow::Result<Taken> {
    let mut shell = Command::new("/bin/sh");
    shell
        .args(["-c", command])
        .stdin(Stdio::piped())
        .env("TIDINGS_URL", url)
        .env("TIDINGS_ID", &event.id)
        .env("TIDINGS_EVENT", &event.event);
    if let Some(envelope) = &event.envelope {
        shell
            .env("TIDINGS_TOPIC", &envelope.topic)
            .env("TIDINGS_TIME", &envelope.time)
            .env("TIDINGS_FINAL", if envelope.is_final { "1" } else { "0" });
    }
    let mut child = shell.spawn().context("cannot run /bin/sh")?;
    let stdin = child.stdin.take();
    let feed = async {
        if let Some(mut stdin) = stdin {
            // A command need not read what it is given.
            let _ = stdin.write_all(line).await;
        }
        pending().await
    };
    // What a command leaves running may hold its stdin open for ever, and read nothing.
    let status = tokio::select! {
        status = child.wait() => status.context("the command was lost")?,
        never = feed => never,
    };
    if status.success() {
        return Ok(Taken::Done);
    }
    notice(format_args!(
        "the command failed at event {}: {status}",
        event.id
    ));
    Ok(Taken::Failed)
}
