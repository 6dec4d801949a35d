//! Receiving beside other Rust clients of event streams: how fast events come out of a client, what that takes, and how much
//! memory an open subscription takes.

mod contender;
mod server;

use std::{env, process::Command, time::Instant};

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};
use serde::{Deserialize, Serialize};
use tidings_bench::{Usage, median, resident_bytes};

use contender::Contender;

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Measure,
}

#[derive(Subcommand)]
enum Measure {
    /// All clients one after the other, in as many rounds; prints a table
    Run {
        /// How many events each receives
        #[arg(long, default_value_t = 1_000_000)]
        events: usize,
        /// How many subscriptions each holds open
        #[arg(long, default_value_t = 1_000)]
        streams: usize,
        #[arg(long, default_value_t = 5)]
        rounds: usize,
    },
    /// One client receives
    Receive {
        contender: Contender,
        url: String,
        events: usize,
    },
    /// One client holds subscriptions open
    Hold {
        contender: Contender,
        url: String,
        streams: usize,
    },
}

/// What receiving took.
#[derive(Serialize, Deserialize)]
struct Received {
    seconds: f64,
    cpu_seconds: f64,
}

/// What holding took.
#[derive(Serialize, Deserialize)]
struct Held {
    bytes: u64,
}

fn main() -> Result<()> {
    match Cli::parse().command {
        Measure::Run {
            events,
            streams,
            rounds,
        } => run(events, streams, rounds),
        Measure::Receive {
            contender,
            url,
            events,
        } => {
            let (before, start) = (Usage::now()?, Instant::now());
            let bytes = runtime()?.block_on(contender.receive(&url, events))?;
            let seconds = start.elapsed().as_secs_f64();
            ensure!(
                bytes == events * server::DATA_BYTES,
                "{bytes} bytes of data came"
            );
            let cpu_seconds = (Usage::now()?.cpu - before.cpu).as_secs_f64();
            tell(&Received {
                seconds,
                cpu_seconds,
            })
        }
        Measure::Hold {
            contender,
            url,
            streams,
        } => {
            let runtime = runtime()?;
            // What the first one makes is for all of them.
            let first = runtime.block_on(contender.hold(&url, 1))?;
            let before = resident_bytes()?;
            let held = runtime.block_on(contender.hold(&url, streams))?;
            let bytes = resident_bytes()?.saturating_sub(before);
            drop((first, held));
            tell(&Held { bytes })
        }
    }
}

/// One thread for the client, so that its time is what it takes.
fn runtime() -> Result<tokio::runtime::Runtime> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    Ok(runtime.enable_all().build()?)
}

#[expect(clippy::print_stdout, reason = "what it measured is its output")]
fn tell(figures: &impl Serialize) -> Result<()> {
    println!("{}", serde_json::to_string(figures)?);
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the table is its output")]
fn run(events: usize, streams: usize, rounds: usize) -> Result<()> {
    let url = server::start()?;
    let mut figures = Contender::ALL.map(|contender| (contender, Vec::new(), Vec::new()));
    for _ in 0..rounds {
        for (contender, received, held) in &mut figures {
            received.push(child::<Received>("receive", *contender, &url, events)?);
            held.push(child::<Held>("hold", *contender, &url, streams)?);
        }
    }
    println!("| client | events/s | CPU us/event | KiB per open subscription |");
    println!("| :--- | :--- | :--- | :--- |");
    for (contender, received, held) in &figures {
        let rate = median(received.iter().map(|r| events as f64 / r.seconds));
        let cpu = median(received.iter().map(|r| r.cpu_seconds * 1e6 / events as f64));
        let memory = median(
            held.iter()
                .map(|h| h.bytes as f64 / 1024.0 / streams as f64),
        );
        println!(
            "| {} | {rate:.0} | {cpu:.2} | {memory:.1} |",
            contender.name()
        );
    }
    Ok(())
}

/// Measures in a process of its own.
fn child<T: for<'de> Deserialize<'de>>(
    what: &str,
    contender: Contender,
    url: &str,
    count: usize,
) -> Result<T> {
    let output = Command::new(env::current_exe()?)
        .args([what, contender.name(), url, &count.to_string()])
        .output()?;
    let name = contender.name();
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{what} {name}: {stderr}");
    serde_json::from_slice(&output.stdout).context("no figures")
}
