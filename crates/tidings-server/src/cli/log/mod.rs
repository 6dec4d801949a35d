//! `tidings log`.

mod export;
mod gaps;
mod import;
mod info;
mod line;
mod verify;

use std::ops::ControlFlow;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};
use tidings_log::{OpenError, StoredLog};
use tokio::task::spawn_blocking;

use crate::cli::exit::Exit;
use crate::cli::run::Signals;

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tidings log info                                   what is stored in ./tidings-data
  tidings log verify --data-dir /var/lib/tidings     read and check all of it
  tidings log export history.ndjson                  every event as a line of JSON
  tidings log export --topic 'orders/**' | jq .data  some of them
  tidings log import --data-dir new history.ndjson   make a log of them again

These commands are for a log that no hub has open, and leave it as it is. An import is into a folder
without one.")]
pub(crate) struct LogArgs {
    #[command(subcommand)]
    command: LogCommand,
}

#[derive(Debug, Subcommand)]
enum LogCommand {
    /// Print what a log holds, in all and by topic
    Info(info::InfoArgs),
    /// Read and check everything that a log holds
    Verify(verify::VerifyArgs),
    /// Write the events of a log as lines of JSON
    Export(export::ExportArgs),
    /// Make a log of exported events, with the ids they had
    Import(import::ImportArgs),
}

pub(crate) async fn log(args: LogArgs) -> anyhow::Result<Exit> {
    match args.command {
        LogCommand::Info(args) => info::info(&args),
        LogCommand::Verify(args) => verify::verify(&args),
        LogCommand::Export(args) => export::export(args).await,
        LogCommand::Import(args) => import::import(args).await,
    }
}

#[derive(Args, Debug)]
struct FolderArgs {
    /// The folder that keeps the history
    #[arg(
        long,
        env = "TIDINGS_DATA_DIR",
        value_name = "DIR",
        default_value = "tidings-data"
    )]
    data_dir: PathBuf,
}

impl FolderArgs {
    /// Opens the log that is there.
    fn open(&self) -> anyhow::Result<StoredLog> {
        StoredLog::open(&self.data_dir).map_err(name_the_hub)
    }
}

/// Whoever has a log open is nearly always a hub.
fn name_the_hub(error: OpenError) -> anyhow::Error {
    match error {
        OpenError::InUse(path) => anyhow::anyhow!(
            "a running hub has the log '{}' open: stop it first",
            path.display()
        ),
        error => error.into(),
    }
}

/// Listens for the signals that end a command. Until then one ends it wherever it is, and nothing is cleared away.
fn listen() -> anyhow::Result<Signals> {
    Signals::listen().context("cannot listen for signals")
}

/// Does the work on a thread of its own. After a signal the command ends without waiting for it.
async fn until_signal<T: Send + 'static>(
    mut signals: Signals,
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<ControlFlow<Exit, T>> {
    tokio::select! {
        done = spawn_blocking(work) => Ok(ControlFlow::Continue(done??)),
        signal = signals.next() => {
            let signal = u8::try_from(signal as i32).unwrap_or(0);
            Ok(ControlFlow::Break(Exit::Of(128_u8.saturating_add(signal))))
        }
    }
}
