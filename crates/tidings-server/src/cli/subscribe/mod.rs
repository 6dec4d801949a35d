//! `tidings subscribe`.

use std::io;

use clap::Args;
use futures_util::{FutureExt, StreamExt};
use tidings_client::{Client, Connection, Event, GapReason, Item, ParseStartError, Start};
use tokio::sync::watch;

use crate::cli::exit::Exit;
use crate::cli::hub::HubArgs;
use crate::cli::output::Output;
use crate::cli::{notice, verdict};

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tidings subscribe orders/7                         what is published from now on
  tidings subscribe 'orders/*' 'jobs/**' --json      several topics, whole events
  tidings subscribe executions/42 --from start       a job from its first line; exits as it did
  tidings subscribe logs/app --from last:20          the newest 20 events, then live
  tidings subscribe deploys --until deploy-complete  wait for an event
  tidings subscribe logs/app --from 7f3a-42          what came after that id

In a selector, * is exactly one segment and ** at the end any number of them. A lost connection is
made again and goes on where it was.

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

/// Refuses what the hub could only answer with a gap: an id that is none of a hub's.
fn start(text: &str) -> Result<Start, ParseStartError> {
    let start = text.parse()?;
    if let Start::After(id) = &start {
        let (epoch, sequence) = id.split_once('-').ok_or(ParseStartError)?;
        let is_epoch = epoch.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let is_sequence = sequence.bytes().all(|byte| byte.is_ascii_digit());
        if epoch.is_empty() || sequence.is_empty() || !is_epoch || !is_sequence {
            return Err(ParseStartError);
        }
    }
    Ok(start)
}

async fn follow(args: &SubscribeArgs, client: &Client) -> anyhow::Result<Exit> {
    let mut subscribe = client
        .subscribe(&args.selectors)
        .from(args.from.clone())
        .enveloped();
    if !args.events.is_empty() {
        for event in args.events.iter().chain(&args.until) {
            subscribe = subscribe.event(event);
        }
    }
    let mut items = subscribe.open();
    let mut connection = items.connection();
    let mut output = Output::new();
    let mut last = None;

    loop {
        let next = match items.next().now_or_never() {
            Some(next) => next,
            None => {
                output.flush().await?;
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
                output.flush().await?;
                return Err(error.into());
            }
            None => break,
        };
        if args.events.is_empty() || args.events.contains(&event.event) {
            print(&mut output, args, &event).await?;
        }
        let is_final = event.envelope.as_ref().is_some_and(|e| e.is_final);
        if args.until.as_ref() == Some(&event.event) {
            output.flush().await?;
            return Ok(verdict::exit(&event.event, &event.data));
        }
        if is_final {
            last = Some(verdict::exit(&event.event, &event.data));
        }
    }

    output.flush().await?;
    match last {
        Some(exit) => Ok(exit),
        None => ended(args, client).await,
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

async fn print(output: &mut Output, args: &SubscribeArgs, event: &Event) -> io::Result<()> {
    match &event.envelope {
        // A line end in JSON can only be white space.
        Some(envelope) if args.json => output.line(&[&envelope.raw.replace('\n', " ")]).await,
        _ if args.ids => output.line(&[&event.id, "\t", &event.data]).await,
        _ => output.line(&[&event.data]).await,
    }
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
            let reason = match gap.reason {
                GapReason::Evicted => "the hub no longer has all of them",
                GapReason::UnknownId => "the hub does not know the id to go on from",
                GapReason::EpochChanged => "the hub has lost its history",
                GapReason::Lagged => "this reader fell too far behind",
                GapReason::Deleted => "history was deleted",
                _ => "the hub cannot tell why",
            };
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
