//! `tidings bench`.

mod arrivals;
mod descriptors;
mod message;
mod plan;
mod publisher;
mod readers;
mod report;
mod tally;

use std::io::{self, Write};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tidings_client::Client;
use tokio::time::{self, Instant, MissedTickBehavior};

use crate::cli::bench::arrivals::Arrivals;
use crate::cli::bench::plan::Plan;
use crate::cli::bench::publisher::Published;
use crate::cli::bench::readers::Readers;
use crate::cli::bench::report::Report;
use crate::cli::exit::Exit;
use crate::cli::hub::HubArgs;
use crate::cli::notice;
use crate::cli::progress::Progress;

/// Once everything is published, so long a silence means that no more will come.
const QUIET: Duration = Duration::from_secs(5);

/// The same while a reader is cut, who has to connect again before it can be given what it missed.
const QUIET_WHILE_CUT: Duration = Duration::from_secs(60);

/// So often it is looked at what has come.
const TICK: Duration = Duration::from_millis(20);

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tidings bench                                      100 readers, 500 events at 100 a second
  tidings bench https://hub.example --readers 1000   another hub
  tidings bench --readers 2000 --events 5000 --rate 1000 --json

Opens the streams, publishes, and counts for each reader what came, came twice or came late. The
latency is from when an event was due to be published until a reader has it, by one clock: readers
and publisher are this process, whose own work is part of it. Readers are as other programs have
them: they come back and resume when they are cut, and drop what comes again with an id they had.

The events stay in the hub's history for as long as others do, on a topic of their own unless one
is named. Events of others on the same topic are not counted.

Exits with 0 when every reader got every event once and in order, with 1 when not.")]
pub(crate) struct BenchArgs {
    #[command(flatten)]
    hub: HubArgs,

    /// The hub's address, instead of --url
    #[arg(value_name = "ADDRESS")]
    address: Option<String>,

    /// How many streams are opened
    #[arg(long, value_name = "N", default_value_t = 100, allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    readers: u32,

    /// How many events are published
    #[arg(long, value_name = "N", default_value_t = 500, allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    events: u32,

    /// How many events a second; those that are due at the same time go in one request
    #[arg(long, value_name = "R", default_value_t = 100, allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: u32,

    /// The topic to publish on; one of its own by default
    #[arg(long)]
    topic: Option<String>,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn bench(args: BenchArgs) -> anyhow::Result<Exit> {
    let plan = Plan::of(&args)?;
    let client = client(&args)?;
    descriptors::allow(plan.readers)?;
    let report = tokio::select! {
        report = measure(&plan, &client) => report?,
        interrupted = tokio::signal::ctrl_c() => {
            interrupted?;
            return Ok(Exit::Interrupted);
        }
    };
    let mut stdout = io::stdout().lock();
    if args.json {
        writeln!(stdout, "{}", serde_json::to_string(&report)?)?;
    } else {
        write!(stdout, "{report}")?;
    }
    Ok(match report.is_exact() {
        true => Exit::Success,
        false => Exit::Failure,
    })
}

fn client(args: &BenchArgs) -> anyhow::Result<Client> {
    let Some(address) = &args.address else {
        return args.hub.client();
    };
    args.hub.client_at("ADDRESS", address, |builder| builder)
}

async fn measure(plan: &Plan, client: &Client) -> anyhow::Result<Report> {
    let arrivals = Arc::new(Arrivals::new());
    let readers = Readers::open(client, plan, &arrivals).await?;
    notice(format_args!(
        "{} streams are open on {}, topic {}",
        plan.readers,
        client.url().trim_end_matches('/'),
        plan.topic
    ));
    let progress = Progress::new(Some(plan.deliveries()), "delivered");
    let published = deliver(plan, client, &arrivals, &progress).await;
    progress.finish();
    let outcome = readers.finish().await;
    Ok(Report::new(plan, client, published?, &arrivals, outcome))
}

/// Publishes, and waits until everything has come or no more does.
async fn deliver(
    plan: &Plan,
    client: &Client,
    arrivals: &Arrivals,
    progress: &Progress,
) -> anyhow::Result<Published> {
    let mut publishing = pin!(publisher::publish(plan, client, arrivals));
    let mut published = None;
    let mut seen = (0, Instant::now());
    let mut ticks = time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            outcome = &mut publishing, if published.is_none() => {
                published = Some(outcome?);
                seen.1 = Instant::now();
            }
            _ = ticks.tick() => {}
        }
        let received = arrivals.received();
        progress.advance(received - seen.0);
        progress.events(received);
        if received > seen.0 {
            seen = (received, Instant::now());
        }
        let quiet = match arrivals.is_anybody_cut() {
            true => QUIET_WHILE_CUT,
            false => QUIET,
        };
        if let Some(published) = published
            && (received >= plan.deliveries() || seen.1.elapsed() > quiet)
        {
            return Ok(published);
        }
    }
}
