//! The arguments of `tidings serve` and `tidings check`.

use std::path::PathBuf;

use clap::Args;

#[derive(Args, Clone, Debug, Default)]
#[command(after_help = "\
Every flag can also be set in the environment (TIDINGS_LISTEN=...) or in a tidings.toml; flags win
over the environment, and the environment over the file.

Examples:
  tidings serve                                  on 127.0.0.1:8434, history in ./tidings-data
  tidings serve --listen 127.0.0.1:0             on a free port, which is printed
  tidings serve --data-dir /var/lib/tidings      history in that folder
  tidings serve --memory                         history in memory only
  tidings check --config tidings.toml            print the settings that would be used")]
pub(crate) struct ServeArgs {
    /// The address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<String>,

    /// The folder that keeps the history; it is made if it is not there
    #[arg(long, value_name = "DIR", conflicts_with = "memory")]
    pub(crate) data_dir: Option<PathBuf>,

    /// Keep the history in memory only: it is gone with the process
    #[arg(long)]
    pub(crate) memory: bool,

    /// The settings file
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Serve everybody who can reach the address, without credentials
    #[arg(long)]
    pub(crate) insecure_anonymous: bool,
}
