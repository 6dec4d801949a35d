//! The `tidings` binary: the hub and its command line.

#[cfg(feature = "acme")]
mod acme;
mod api;
mod brokers;
mod certificate;
mod cli;
mod durability;
mod edge;
mod executions;
mod metrics;
mod names;
mod page;
mod serve;
mod settings;
mod wall_clock;

use std::io;
use std::process::ExitCode;

use clap::Parser;
use tokio::runtime;

use crate::cli::{Cli, Exit, notice};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let exit = match runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => {
            let exit = runtime.block_on(cli.execute());
            // A read from stdin cannot be called off, and must not keep the process.
            runtime.shutdown_background();
            exit
        }
        Err(error) => Err(error.into()),
    };
    exit.unwrap_or_else(|error| failure(&error)).into()
}

fn failure(error: &anyhow::Error) -> Exit {
    if let Some(usage) = error.downcast_ref::<clap::Error>() {
        // Without stderr there is nobody to tell.
        let _ = usage.print();
        return Exit::Usage;
    }
    // Whoever read stdout has seen enough.
    if let Some(error) = error.downcast_ref::<io::Error>()
        && error.kind() == io::ErrorKind::BrokenPipe
    {
        return Exit::Success;
    }
    notice(format_args!("{error:#}"));
    Exit::Failure
}
