//! What the bearer of a token or a key may do, and who it is.

use clap::Args;

#[derive(Args, Debug)]
pub(crate) struct GrantArgs {
    /// Where it may publish: a topic or a pattern; {identity} stands for the identity. May be repeated
    #[arg(long, value_name = "SELECTOR")]
    pub(crate) publish: Vec<String>,

    /// What it may read. May be repeated
    #[arg(long, value_name = "SELECTOR")]
    pub(crate) subscribe: Vec<String>,

    /// May see connections and dashboards, delete topics, end streams and revoke credentials
    #[arg(long)]
    pub(crate) admin: bool,

    /// Who its bearer is
    #[arg(long, value_name = "NAME")]
    pub(crate) identity: Option<String>,

    /// The namespace it counts in; for a token, if the hub leaves that to its tokens
    #[arg(long, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
}
