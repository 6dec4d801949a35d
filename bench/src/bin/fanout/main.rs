//! How much it costs contenders to tell many readers what has happened, and how long it takes them.
//!
//! The README of this package has the method, `docs/benchmarks.md` the figures.

mod backlog;
mod contender;
mod figures;
mod measure;
mod netns;
mod other;
mod plan;
mod plot;
mod report;
mod run;
mod server;
mod summary;
mod table;
mod tables;
mod tcp;
mod workload;

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::{Args, Parser, Subcommand};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::{
    contender::Contender,
    other::processors,
    workload::{Size, Workload},
};

/// Measure fan-out
#[derive(Debug, Parser)]
struct Command {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Install contenders, each into a folder of its own
    Install(Selection),
    /// Measure, all contenders in turn in each round
    Run(RunArgs),
    /// Write the tables and plots of a run
    Report {
        /// The file of results
        results: PathBuf,
        /// Where to write the plots to
        #[arg(long)]
        plots: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
struct Selection {
    /// The folders of contenders, under `bench/contenders`
    #[arg(long, value_delimiter = ',', required = true)]
    contenders: Vec<String>,
    /// Where they are installed
    #[arg(long, default_value = "target/contenders")]
    home: PathBuf,
}

#[derive(Debug, Args)]
struct RunArgs {
    #[command(flatten)]
    selection: Selection,
    /// What to measure; everything unless given
    #[arg(long, value_delimiter = ',')]
    workloads: Vec<Workload>,
    #[arg(long, default_value = "medium")]
    size: Size,
    /// How often; figures are medians
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// The seconds of silence after which readers are to get a sign of life; idle readers are watched for two such spans
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=600))]
    keep_alive: u64,
    /// Measure the sender's share: in a network namespace of its own, contenders on one processor, everything else and the receiving half of the
    /// system on another one. Needs to be root
    #[arg(long)]
    netns: bool,
    #[arg(long, hide = true, requires = "netns")]
    steered: bool,
    /// The file to write results to
    #[arg(long)]
    out: Option<PathBuf>,
    /// Fail unless all readers of these contenders got all events exactly once, and judge nothing else
    #[arg(long, value_delimiter = ',')]
    exact: Vec<String>,
}

fn main() -> Result<()> {
    match Command::parse().action {
        Action::Install(selection) => {
            for contender in Contender::load(&selection.contenders)? {
                if let Some(install) = &contender.install {
                    report::say(&format!("installing {}", contender.name))?;
                    report::say(&server::run(&contender, &selection.home, install)?)?;
                }
            }
            Ok(())
        }
        Action::Run(args) if args.netns && !args.steered => netns::enter(),
        Action::Run(args) => {
            if args.steered {
                netns::check()?;
            }
            let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
            setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
            ensure!(args.rounds > 0, "--rounds must be at least 1");
            run::run(&args)
        }
        Action::Report { results, plots } => report::report(&results, plots.as_deref()),
    }
}
