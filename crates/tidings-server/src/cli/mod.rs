//! The command line.

mod bench;
mod completions;
mod exit;
mod grant;
mod hub;
mod keys;
mod line_buffer;
mod log;
mod notice;
mod output;
mod progress;
mod publish;
mod publish_lines;
mod run;
mod serve;
mod subscribe;
mod token;
mod top;
mod verdict;

use clap::{Parser, Subcommand};

pub(crate) use crate::cli::exit::Exit;
pub(crate) use crate::cli::notice::notice;
pub(crate) use crate::cli::run::Signals;
pub(crate) use crate::cli::serve::ServeArgs;

/// Server-sent events: a hub, and everything to publish and read with
#[derive(Debug, Parser)]
#[command(
    name = "tidings",
    version,
    max_term_width = 100,
    after_help = "\
Examples:
  tidings serve                                        start a hub on this machine
  tidings run -- make test                             run a job and show it live
  tidings subscribe 'executions/**' --from start       follow every job
  tidings publish orders/7 '{\"state\":\"paid\"}'          publish one event

Client commands speak to the hub at TIDINGS_URL, as TIDINGS_TOKEN. Data goes to stdout, everything else to stderr."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the hub
    Serve(ServeArgs),
    /// Print the settings that the hub would use
    Check(ServeArgs),
    /// Publish an event, or one event per line
    Publish(publish::PublishArgs),
    /// Print events as they are published
    Subscribe(subscribe::SubscribeArgs),
    /// Run a command and publish its output and its end
    Run(run::RunArgs),
    /// Watch a hub in the terminal: connections, rates, lag, topics, executions
    Top(top::TopArgs),
    /// Measure a hub with many readers: what comes, and how soon
    Bench(bench::BenchArgs),
    /// Make a token, or tell what one says
    Token(token::TokenArgs),
    /// Make an API key
    Keys(keys::KeysArgs),
    /// Look at a stored log, export it, or make one of an export
    Log(log::LogArgs),
    /// Print a completion script for a shell
    Completions(completions::CompletionsArgs),
}

impl Cli {
    pub(crate) async fn execute(self) -> anyhow::Result<Exit> {
        match self.command {
            Command::Serve(args) => crate::serve::serve(args).await,
            Command::Check(args) => crate::settings::check(&args),
            Command::Publish(args) => publish::publish(args).await,
            Command::Subscribe(args) => subscribe::subscribe(args).await,
            Command::Run(args) => run::run(args).await,
            Command::Top(args) => top::top(args).await,
            Command::Bench(args) => bench::bench(args).await,
            Command::Token(args) => token::token(args),
            Command::Keys(args) => keys::keys(&args),
            Command::Log(args) => log::log(args).await,
            Command::Completions(args) => completions::completions(&args),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
