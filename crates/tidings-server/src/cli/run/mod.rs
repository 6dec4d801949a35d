//! `tidings run`.

mod child;
mod courier;
mod message;
mod outbox;
mod phases;
mod relay;
mod signals;
mod story;
mod watch;

use std::collections::HashSet;
use std::ffi::OsString;
use std::pin::pin;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use futures_util::FutureExt;
use futures_util::future::FusedFuture;
use jiff::Timestamp;
use tidings_client::{Client, NewExecution};
use tokio::sync::Notify;
use tokio::time;

use crate::cli::exit::Exit;
use crate::cli::hub::{self, HubArgs, usage_error};
use crate::cli::notice;
use crate::cli::run::child::Cancellation;
use crate::cli::run::courier::Courier;
use crate::cli::run::outbox::Outbox;
use crate::cli::run::phases::{Marks, Phases, shortened};
use crate::cli::run::signals::told_to_stop;
use crate::cli::run::story::Story;
use crate::cli::run::watch::Ended;
use crate::executions::{ExecutionId, MAX_TITLE_CHARS};

pub(crate) use crate::cli::run::signals::Signals;

/// How long the hub is waited for after the command has ended.
const DELIVERY: Duration = Duration::from_secs(30);

/// So many bytes of a command are told: it can have more arguments than an event can hold.
const LONGEST_COMMAND: usize = 64 * 1024;

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tidings run -- make test
  tidings run --title 'Nightly backup' -- ./backup.sh --full
  tidings run --id deploy-42 -- ./deploy.sh          a name of your own to watch it by
  tidings run --task Build -- make                   the command as a task of this name
  tidings run --task Compiling --task Running --task Doc-tests -- cargo test
  tidings run --groups -- ./ci.sh                    '::group::NAME' in the output begins a task
  tidings subscribe 'executions/**'                  watch every job, elsewhere

Every line of output becomes an event of the topic executions/ID, and is printed here as well. The
hub being away does not stop the command: output is kept for it, up to 100,000 lines or 64 MiB.
Signals are passed on to the command, and its end is published even if the terminal is closed.

Tasks come one after the other. The first --task begins with the command, each further one with
the first line of output that begins with its name; with --groups, tasks begin and end where the
output says '::group::NAME' and '::endgroup::' instead. The last one ends as the command does.

An execution that is cancelled at the hub ends its command: with SIGTERM, and with SIGKILL after
--grace. Exits as the command does.")]
pub(crate) struct RunArgs {
    #[command(flatten)]
    hub: HubArgs,

    /// What to call it; the command itself by default
    #[arg(long)]
    title: Option<String>,

    /// The execution's id; a new one by default
    #[arg(long)]
    id: Option<ExecutionId>,

    /// A task of the execution, to be followed by its progress; can be given several times
    #[arg(long = "task", value_name = "NAME", value_parser = task)]
    tasks: Vec<String>,

    /// Make tasks of the groups in the output, as GitHub has them
    #[arg(long)]
    groups: bool,

    /// How long a command may take to end once its execution is cancelled
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration)]
    grace: Duration,

    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

pub(crate) async fn run(args: RunArgs) -> anyhow::Result<Exit> {
    let phases = args.phases()?;
    let client = args
        .hub
        .client_with(|builder| builder.publish_attempts(1))?;
    let signals = Signals::listen().and_then(Signals::and_hangup);
    let mut signals = signals.context("cannot listen for signals")?;
    let now = Timestamp::now();
    let id = args.id.clone().unwrap_or_else(|| ExecutionId::draw(now));
    let command = within(LONGEST_COMMAND, shell_words(&args.command));
    let title = args.title.as_deref().unwrap_or(&command);
    announce(&id, title, &client);

    let outbox = Outbox::default();
    outbox.start(message::start(
        id.as_str(),
        title,
        &command,
        &format!("{now:.3}"),
    ));
    let topic = id.topic().to_string();
    let (created, cancelled) = (Notify::new(), Notify::new());
    let courier = Courier {
        client: &client,
        outbox: &outbox,
        topic: &topic,
        created: &created,
    };
    let plan = args.plan(&id, title);
    let mut delivering = pin!(courier.deliver(&plan).fuse());
    let watching = async {
        created.notified().await;
        watch::watch(&client, &topic).await
    };
    let mut watching = pin!(watching.fuse());
    let code = {
        let cancellation = Cancellation {
            told: &cancelled,
            grace: args.grace,
        };
        let story = Story::begin(&outbox, phases);
        let mut running = pin!(execute(&args.command, story, &mut signals, cancellation));
        loop {
            tokio::select! {
                code = &mut running => break code,
                () = &mut delivering, if !delivering.is_terminated() => {}
                ended = &mut watching, if !watching.is_terminated() => {
                    if ended == Ended::Cancelled {
                        notice(format_args!("the execution was cancelled; ending the command"));
                        outbox.give_up();
                        cancelled.notify_one();
                    }
                }
            }
        }
    };
    if !delivering.is_terminated() {
        tokio::select! {
            () = &mut delivering => {}
            () = time::sleep(DELIVERY) => {}
            () = told_to_stop(&mut signals) => {}
        }
    }
    account(&outbox);
    Ok(Exit::Of(code))
}

impl RunArgs {
    /// What the hub is told before the command begins.
    fn plan(&self, id: &ExecutionId, title: &str) -> NewExecution {
        let title: String = title.chars().take(MAX_TITLE_CHARS).collect();
        let plan = NewExecution::new().id(id.as_str()).title(title);
        let tasks = self.tasks.iter();
        tasks.fold(plan, |plan, name| plan.task(name, name))
    }

    fn phases(&self) -> anyhow::Result<Option<Phases>> {
        let mut names = HashSet::new();
        if let Some(twice) = self.tasks.iter().find(|name| !names.insert(*name)) {
            return Err(usage_error(format_args!(
                "invalid value for --task: {twice:?} is there twice"
            )));
        }
        let marks = if self.groups {
            Marks::Groups
        } else {
            Marks::Names
        };
        let is_wanted = self.groups || !self.tasks.is_empty();
        Ok(is_wanted.then(|| Phases::new(self.tasks.clone(), marks)))
    }
}

/// The name of a phase, as the hub takes it.
fn task(name: &str) -> Result<String, &'static str> {
    let name = name.trim();
    if name.is_empty() || shortened(name).len() < name.len() {
        return Err("expected a name of 1 to 200 bytes");
    }
    Ok(name.to_owned())
}

/// Runs the command to its end, which is the last thing told. Gives its exit code.
async fn execute(
    command: &[OsString],
    story: Story<'_>,
    signals: &mut Signals,
    cancellation: Cancellation<'_>,
) -> u8 {
    let code = match child::spawn(command) {
        Ok(child) => match child::follow(child, &story, signals, cancellation).await {
            Ok(status) => child::exit_code(status),
            Err(error) => fail(&story, format!("the command was lost: {error}"), 1).await,
        },
        Err(error) => {
            let program = command[0].to_string_lossy();
            let code = child::exit_code_of(&error);
            fail(&story, format!("cannot run {program}: {error}"), code).await
        }
    };
    story.end(code);
    code
}

/// Says here and to those who watch why there is no more output.
async fn fail(story: &Story<'_>, reason: String, code: u8) -> u8 {
    notice(format_args!("{reason}"));
    story.remark(&reason).await;
    code
}

fn announce(id: &ExecutionId, title: &str, client: &Client) {
    let (topic, url, flag) = (id.topic(), client.url(), hub::flag(client));
    notice(format_args!("execution {id}: {title}"));
    notice(format_args!(
        "watch it: tidings subscribe {topic} --from start{flag}"
    ));
    // Ids have no characters that mean something in a URL.
    notice(format_args!("watch it: {url}#/executions/{id}"));
}

fn account(outbox: &Outbox) {
    let (left, dropped) = outbox.left();
    if dropped > 0 {
        notice(format_args!("lines of output not published: {dropped}"));
    }
    if left > 0 {
        notice(format_args!(
            "events not known to be published, the end of the execution among them: {left}"
        ));
    }
}

/// The command as it could be typed into a shell.
fn shell_words(command: &[OsString]) -> String {
    let words: Vec<String> = command
        .iter()
        .map(|word| {
            let word = word.to_string_lossy();
            let plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
            match !word.is_empty() && word.chars().all(plain) {
                true => word.into_owned(),
                false => format!("'{}'", word.replace('\'', r"'\''")),
            }
        })
        .collect();
    words.join(" ")
}

/// The text, cut to this many bytes if it is longer.
fn within(longest: usize, mut text: String) -> String {
    if text.len() > longest {
        let end = (0..=longest).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(end.unwrap_or(0));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        for (longest, expected) in [(5, "aéé"), (4, "aé…"), (3, "aé…"), (0, "…")] {
            assert_eq!(within(longest, "aéé".to_owned()), expected);
        }
    }

    #[test]
    fn a_command_reads_as_a_shell_would_take_it() {
        let words = ["sh", "-c", "echo 'hi' there", ""].map(OsString::from);
        assert_eq!(shell_words(&words), r"sh -c 'echo '\''hi'\'' there' ''");
    }
}
