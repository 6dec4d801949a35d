//! `tidings publish`.

use std::io::{self, IsTerminal, Read, Write};

use anyhow::Context;
use clap::Args;
use tidings_client::{NewEvent, PublishError};

use crate::cli::exit::Exit;
use crate::cli::hub::{self, HubArgs};
use crate::cli::progress::Progress;
use crate::cli::{notice, publish_lines};

/// So often publishing is tried in all.
const ATTEMPTS: u32 = 3;

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tidings publish orders/7 '{\"state\":\"paid\"}' --event order-paid
  date | tidings publish clock                       data from stdin, without its last line end
  tidings publish jobs/7 done --event job-complete --final
  tail -F app.log | tidings publish logs/app --lines one event per line, as the lines come
  tidings publish import --lines --final < data.txt  the last line ends the topic
  tidings publish orders/7 paid --idempotency-key k1 publishes once, however often it is run

Prints the event's id. Exits with 0 when everything is acknowledged, with 1 when it is not.")]
pub(crate) struct PublishArgs {
    #[command(flatten)]
    pub(crate) hub: HubArgs,

    /// The topic to publish on
    pub(crate) topic: String,

    /// The data; read from stdin if absent or -
    #[arg(allow_negative_numbers = true)]
    data: Option<String>,

    /// The event's type name
    #[arg(long, value_name = "NAME")]
    pub(crate) event: Option<String>,

    /// The key that conflation goes by
    #[arg(long)]
    pub(crate) key: Option<String>,

    /// End the topic with this event; with --lines, with the last line
    #[arg(long = "final")]
    pub(crate) is_final: bool,

    /// Publish every line of stdin as an event
    #[arg(long)]
    pub(crate) lines: bool,

    /// Publish once per key, however often it is run; with --lines, the line's number is added
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<String>,

    /// Print the receipt as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

impl PublishArgs {
    /// An event of the type and with the key that were asked for.
    pub(crate) fn event_with(&self, data: String) -> NewEvent {
        let mut event = NewEvent::new(data);
        if let Some(name) = &self.event {
            event = event.event(name);
        }
        if let Some(key) = &self.key {
            event = event.key(key);
        }
        event
    }
}

pub(crate) async fn publish(args: PublishArgs) -> anyhow::Result<Exit> {
    let from_stdin = matches!(args.data.as_deref(), None | Some("-"));
    if args.lines && !from_stdin {
        return Err(hub::usage_error(format_args!(
            "--lines reads stdin: leave DATA out, or give -"
        )));
    }
    let progress = match args.lines {
        true => Progress::of_stdin("published"),
        false => Progress::none(),
    };
    let retried = progress.clone();
    let client = args.hub.client_with(|builder| {
        builder
            .publish_attempts(ATTEMPTS)
            .on_publish_retry(move |error, _| retried.interrupt(|| say_why(error)))
    })?;
    if from_stdin && io::stdin().is_terminal() {
        notice(format_args!("reading from the terminal; end with Ctrl-D"));
    }
    if args.lines {
        return publish_lines::publish_lines(&args, client, &progress).await;
    }
    let data = match &args.data {
        Some(data) if !from_stdin => data.clone(),
        _ => read_stdin()?,
    };
    let mut event = args.event_with(data);
    if args.is_final {
        event = event.last();
    }
    if let Some(key) = &args.idempotency_key {
        event = event.idempotency_key(key);
    }
    let receipt = client
        .publish(&args.topic, event)
        .await
        .with_context(|| format!("cannot publish on {:?}", args.topic))?;
    let mut stdout = io::stdout().lock();
    if args.json {
        writeln!(stdout, "{}", serde_json::to_string(&receipt)?)?;
    } else {
        writeln!(stdout, "{}", receipt.id)?;
    }
    Ok(Exit::Success)
}

fn say_why(error: &PublishError) {
    match error {
        PublishError::NoAnswer(error) => notice(format_args!(
            "no answer yet, trying again: {:#}",
            anyhow::Error::new(error.clone())
        )),
        error => notice(format_args!("not published yet, trying again: {error}")),
    }
}

/// All of stdin but its last line end, which is how commands end their output and no part of it.
fn read_stdin() -> anyhow::Result<String> {
    let mut data = Vec::new();
    let read = io::stdin().lock().take(LARGEST + 1).read_to_end(&mut data);
    let read = read.context("cannot read stdin")?;
    anyhow::ensure!(
        read as u64 <= LARGEST,
        "stdin holds more than {LARGEST} bytes"
    );
    let mut data = String::from_utf8(data).context("stdin is not valid UTF-8")?;
    if data.ends_with('\n') {
        data.pop();
        if data.ends_with('\r') {
            data.pop();
        }
    }
    Ok(data)
}

/// More than a hub takes in one request, and little enough to hold.
const LARGEST: u64 = 64 * 1024 * 1024;
