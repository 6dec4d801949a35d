//! `tidings subscribe`.

mod position;
mod sink;

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use futures_util::{FutureExt, StreamExt};
use tidings_client::{Client, Connection, Item, Start, Subscribe, Subscription};
use tokio::sync::watch;

use crate::cli::exit::Exit;
use crate::cli::hub::HubArgs;
use crate::cli::output::Output;
use crate::cli::subscribe::position::{HubCursor, start};
use crate::cli::subscribe::sink::{Form, Sink, Taken};
use crate::cli::{notice, verdict};

/// At the latest after so many events the cursor is saved, however fast they come.
const MOST_UNSAVED: u32 = 1000;

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tidings subscribe orders/7                         what is published from now on
  tidings subscribe 'orders/*' 'jobs/**' --json      several topics, whole events
  tidings subscribe executions/42 --from start       a job from its first line; exits as it did
  tidings subscribe logs/app --from last:20          the newest 20 events, then live
  tidings subscribe deploys --until deploy-complete  wait for an event
  tidings subscribe logs/app --from 7f3a-42          what came after that id
  tidings subscribe orders/** --cursor orders.at     goes on where its last run was
  tidings subscribe deploys --exec ./deploy.sh       a command for each event

In a selector, * is exactly one segment and ** at the end any number of them. A lost connection is
made again and goes on where it was.

A command of --exec is given what would have been printed on its stdin, and TIDINGS_ID,
TIDINGS_TOPIC, TIDINGS_EVENT, TIDINGS_TIME and TIDINGS_FINAL (0 or 1) in its environment. Commands
run one after the other, in the order of the events.

With --cursor, each event is printed, or its command has succeeded, at least once, over any number
of runs: the file holds the id of the last one. A command that fails then ends the subscription,
with 1, and the next run begins with its event; without --cursor it goes on with the next event.
Ctrl-C does not wait for a command that runs: its event is the first of the next run.

Ends when all its topics have ended, or after the event of --until. Exits with the last event's
`exit_code` if its data has one, else with 1 after an event named ...-failed or ...-cancelled, else
with 0. Exits with 130 after Ctrl-C, and with 1 if the hub refuses.")]
pub(crate) struct SubscribeArgs {
    #[command(flatten)]
    hub: HubArgs,

    /// Topics, or patterns of topics
    #[arg(required = true, value_name = "SELECTOR")]
    selectors: Vec<String>,

    /// Where to start: now, start, last:N or an event id
    #[arg(long, value_name = "WHERE", default_value = "now", value_parser = start)]
    from: Start,

    /// Print events of this type only; can be given several times
    #[arg(long = "event", value_name = "NAME")]
    events: Vec<String>,

    /// Print every event as a line of JSON, with its id, topic and time
    #[arg(long)]
    json: bool,

    /// End after an event of this type
    #[arg(long, value_name = "NAME")]
    until: Option<String>,

    /// Print the id and a tab before the data
    #[arg(long, conflicts_with = "json")]
    ids: bool,

    /// Run this shell command for each event instead of printing it
    #[arg(long, value_name = "CMD")]
    exec: Option<String>,

    /// Keep the position in this file, and go on from there if it exists
    #[arg(long, value_name = "FILE")]
    cursor: Option<PathBuf>,
}

impl SubscribeArgs {
    fn subscribe(&self, client: &Client) -> Subscribe {
        let mut subscribe = client
            .subscribe(&self.selectors)
            .from(self.from.clone())
            .enveloped();
        if !self.events.is_empty() {
            for event in self.events.iter().chain(&self.until) {
                subscribe = subscribe.event(event);
            }
        }
        match &self.cursor {
            Some(path) => subscribe.cursor(HubCursor::new(path)),
            None => subscribe,
        }
    }

    fn sink(&self) -> Sink {
        match &self.exec {
            Some(command) => Sink::Execute {
                command: command.clone(),
                url: self.hub.url().to_owned(),
            },
            None => Sink::Print(Output::new()),
        }
    }

    fn form(&self) -> Form {
        match (self.json, self.ids) {
            (true, _) => Form::Json,
            (false, true) => Form::IdAndData,
            (false, false) => Form::Data,
        }
    }
}

pub(crate) async fn subscribe(args: SubscribeArgs) -> anyhow::Result<Exit> {
    let client = args.hub.client()?;
    tokio::select! {
        followed = follow(&args, &client) => followed,
        interrupted = tokio::signal::ctrl_c() => {
            interrupted?;
            Ok(Exit::Interrupted)
        }
    }
}

async fn follow(args: &SubscribeArgs, client: &Client) -> anyhow::Result<Exit> {
    let mut items = args.subscribe(client).open();
    let mut connection = items.connection();
    let mut sink = args.sink();
    let mut cursor = Cursor::default();
    let mut last = None;

    loop {
        let next = match items.next().now_or_never() {
            Some(next) => next,
            None => {
                cursor.save(args, &mut sink, &items).await?;
                tokio::select! {
                    biased;
                    next = items.next() => next,
                    Ok(()) = connection.changed() => {
                        report(client, &mut connection);
                        continue;
                    }
                }
            }
        };
        if connection.has_changed().unwrap_or(false) {
            report(client, &mut connection);
        }
        let event = match next {
            Some(Ok(Item::Event(event))) => event,
            Some(Ok(item)) => {
                explain(&item);
                continue;
            }
            Some(Err(error)) => {
                cursor.save(args, &mut sink, &items).await?;
                return Err(error.into());
            }
            None => break,
        };
        if args.events.is_empty() || args.events.contains(&event.event) {
            let taken = sink.take(&event, args.form()).await?;
            if taken == Taken::Failed && args.cursor.is_some() {
                return Ok(Exit::Failure);
            }
        }
        cursor.unsaved += 1;
        if args.exec.is_some() || cursor.unsaved >= MOST_UNSAVED {
            cursor.save(args, &mut sink, &items).await?;
        }
        let is_final = event.envelope.as_ref().is_some_and(|e| e.is_final);
        if args.until.as_ref() == Some(&event.event) {
            cursor.save(args, &mut sink, &items).await?;
            return Ok(verdict::exit(&event.event, &event.data));
        }
        if is_final {
            last = Some(verdict::exit(&event.event, &event.data));
        }
    }

    cursor.save(args, &mut sink, &items).await?;
    match last {
        Some(exit) => Ok(exit),
        None => ended(args, client).await,
    }
}

/// What the cursor file holds.
#[derive(Debug, Default)]
struct Cursor {
    saved: String,
    unsaved: u32,
}

impl Cursor {
    /// Writes out what was printed, and then that it was.
    async fn save(
        &mut self,
        args: &SubscribeArgs,
        sink: &mut Sink,
        items: &Subscription,
    ) -> anyhow::Result<()> {
        sink.flush().await?;
        self.unsaved = 0;
        if args.cursor.is_none() {
            return Ok(());
        }
        let position = items.position();
        if position.is_empty() || position == self.saved {
            return Ok(());
        }
        let saved = items.ack(&position).await;
        saved.context("cannot save the cursor")?;
        self.saved = position;
        Ok(())
    }
}

/// The topics have ended, but the final event was not seen: before the subscription, or because
/// it was not asked for.
async fn ended(args: &SubscribeArgs, client: &Client) -> anyhow::Result<Exit> {
    notice(format_args!("all topics have ended"));
    let newest = client.newest(&args.selectors, 1).await?;
    Ok(match newest.last() {
        Some(event) if event.is_final => verdict::exit(&event.event, &event.data),
        _ => Exit::Success,
    })
}

fn report(client: &Client, connection: &mut watch::Receiver<Connection>) {
    match &*connection.borrow_and_update() {
        Connection::Open => {
            let url = client.url().trim_end_matches('/');
            notice(format_args!("connected to {url}"));
        }
        Connection::Waiting { reason, delay } => {
            let seconds = delay.as_secs_f64();
            notice(format_args!("{reason}; connecting again in {seconds:.1} s"));
        }
        _ => {}
    }
}

fn explain(item: &Item) {
    match item {
        Item::Gap(gap) => {
            let reason = gap.reason;
            notice(format_args!("gap: events may be missing here: {reason}"));
        }
        Item::Goodbye(goodbye) => notice(format_args!("goodbye: {}", goodbye.reason)),
        Item::Error(error) => notice(format_args!("error: {}: {}", error.code, error.message)),
        Item::Resumed(resumed) if resumed.count > 0 => {
            notice(format_args!("resumed; events replayed: {}", resumed.count));
        }
        _ => {}
    }
}
