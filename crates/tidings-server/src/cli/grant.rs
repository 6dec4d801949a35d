//! What the bearer of a token or a key may do, and who it is.

use clap::Args;
use tidings_auth::RightsTemplate;

use crate::cli::hub::usage_error;
use crate::names;

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
    #[arg(long, value_name = "NAME", value_parser = names::name)]
    pub(crate) identity: Option<String>,

    /// The namespace it counts in; for a token, if the hub leaves that to its tokens
    #[arg(long, value_name = "NAME", value_parser = names::namespace)]
    pub(crate) namespace: Option<String>,
}

impl GrantArgs {
    /// # Errors
    ///
    /// Rights that nobody can have.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let template = RightsTemplate::new(&self.publish, &self.subscribe);
        template.map_err(refused)?;
        Ok(())
    }
}

/// An error in what was asked for, with all that is known of it.
pub(crate) fn refused(error: impl Into<anyhow::Error>) -> anyhow::Error {
    usage_error(format_args!("{:#}", error.into()))
}
