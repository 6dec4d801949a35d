//! `tidings run`.

mod child;
mod courier;
mod message;
mod outbox;
mod signals;

use std::ffi::OsString;
use std::pin::pin;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use futures_util::FutureExt;
use futures_util::future::FusedFuture;
use jiff::Timestamp;
use nix::sys::signal::Signal;
use tidings_client::Client;
use tokio::time;

use crate::cli::exit::Exit;
use crate::cli::hub::HubArgs;
use crate::cli::notice;
use crate::cli::run::message::Source;
use crate::cli::run::outbox::Outbox;
use crate::executions::ExecutionId;

pub(crate) use crate::cli::run::signals::Signals;

/// How long the hub is waited for after the command has ended.
const DELIVERY: Duration = Duration::from_secs(30);

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tidings run -- make test
  tidings run --title 'Nightly backup' -- ./backup.sh --full
  tidings run --id deploy-42 -- ./deploy.sh          a name of your own to watch it by
  tidings subscribe 'executions/**'                  watch every job, elsewhere

Every line of output becomes an event of the topic executions/ID, and is printed here as well. The
command is never stopped by the hub: while that is away, output is kept for it, up to 100,000 lines
or 64 MiB. Signals are passed on to it, and its end is published even if the terminal is closed.
Exits as the command does.")]
pub(crate) struct RunArgs {
    #[command(flatten)]
    hub: HubArgs,

    /// What to call it; the command itself by default
    #[arg(long)]
    title: Option<String>,

    /// The execution's id; a new one by default
    #[arg(long)]
    id: Option<ExecutionId>,

    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

pub(crate) async fn run(args: RunArgs) -> anyhow::Result<Exit> {
    let client = args
        .hub
        .client_with(|builder| builder.publish_attempts(1))?;
    let signals = Signals::listen().and_then(Signals::and_hangup);
    let mut signals = signals.context("cannot listen for signals")?;
    let now = Timestamp::now();
    let id = args.id.unwrap_or_else(|| ExecutionId::draw(now));
    let command = shell_words(&args.command);
    let title = args.title.as_deref().unwrap_or(&command);
    announce(&id, title, &client, &args.hub);

    let outbox = Outbox::default();
    outbox.start(message::start(
        &id.to_string(),
        title,
        &command,
        &format!("{now:.3}"),
    ));
    let topic = id.topic().to_string();
    let mut delivering = pin!(courier::deliver(&outbox, &client, &topic).fuse());
    let code = {
        let mut running = pin!(execute(&args.command, &outbox, &mut signals));
        loop {
            tokio::select! {
                code = &mut running => break code,
                () = &mut delivering, if !delivering.is_terminated() => {}
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

/// Waits for a signal of somebody who does not want to wait for the hub. A terminal that is closed
/// can hang up more than once, and has nobody in front of it who waits.
async fn told_to_stop(signals: &mut Signals) {
    while signals.next().await == Signal::SIGHUP {}
}

/// Runs the command to its end, which is the last thing in the outbox. Gives its exit code.
async fn execute(command: &[OsString], outbox: &Outbox, signals: &mut Signals) -> u8 {
    let started = Instant::now();
    let code = match child::spawn(command) {
        Ok(child) => match child::follow(child, outbox, signals).await {
            Ok(status) => child::exit_code(status),
            Err(error) => fail(outbox, format!("the command was lost: {error}"), 1).await,
        },
        Err(error) => {
            let program = command[0].to_string_lossy();
            let code = child::exit_code_of(&error);
            fail(outbox, format!("cannot run {program}: {error}"), code).await
        }
    };
    let duration = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    outbox.end(message::end(code, duration));
    code
}

/// Says here and to those who watch why there is no more output.
async fn fail(outbox: &Outbox, reason: String, code: u8) -> u8 {
    notice(format_args!("{reason}"));
    outbox.output(Source::Tidings, &reason).await;
    code
}

fn announce(id: &ExecutionId, title: &str, client: &Client, hub: &HubArgs) {
    let (topic, url, flag) = (id.topic(), client.url(), hub.flag());
    notice(format_args!("execution {id}: {title}"));
    notice(format_args!(
        "watch it: tidings subscribe {topic} --from start{flag}"
    ));
    notice(format_args!(
        "watch it: {url}api/events/stream?topic=executions%2F{id}&from=start"
    ));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_reads_as_a_shell_would_take_it() {
        let words = ["sh", "-c", "echo 'hi' there", ""].map(OsString::from);
        assert_eq!(shell_words(&words), r"sh -c 'echo '\''hi'\'' there' ''");
    }
}
