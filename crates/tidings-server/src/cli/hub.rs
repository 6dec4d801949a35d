//! Which hub a client command speaks to.

use std::fmt;
use std::time::Duration;

use clap::Args;
use clap::error::ErrorKind;
use tidings_client::{BuildError, Client, ClientBuilder};

const DEFAULT_URL: &str = "http://127.0.0.1:8434";

/// So long one request is given: somebody waits for the command, or a command that prints faster
/// than it can be published.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Args, Debug)]
pub(crate) struct HubArgs {
    /// The hub's address
    #[arg(long, env = "TIDINGS_URL", value_name = "URL", default_value = DEFAULT_URL)]
    url: String,

    /// The token or API key to show; better in the environment, where others do not see it
    #[arg(
        long,
        env = "TIDINGS_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true
    )]
    token: Option<String>,
}

impl HubArgs {
    pub(crate) fn client(&self) -> anyhow::Result<Client> {
        self.client_with(|builder| builder)
    }

    pub(crate) fn client_with(
        &self,
        adjust: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> anyhow::Result<Client> {
        self.client_at("--url", &self.url, adjust)
    }

    /// A client of the hub at an address that was given elsewhere.
    pub(crate) fn client_at(
        &self,
        argument: &str,
        url: &str,
        adjust: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> anyhow::Result<Client> {
        let mut builder = Client::builder(url).request_timeout(REQUEST_TIMEOUT);
        if let Some(token) = &self.token {
            builder = builder.bearer_token(token);
        }
        match adjust(builder).build() {
            Err(error @ BuildError::Url { .. }) => Err(usage_error(format_args!(
                "invalid value for {argument}: {error}"
            ))),
            built => Ok(built?),
        }
    }

    /// The hub's address as it was given, with the credentials that it may have.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

/// The flag that another command needs to speak to the same hub.
pub(crate) fn flag(client: &Client) -> String {
    match client.url().trim_end_matches('/') {
        DEFAULT_URL => String::new(),
        url => format!(" --url {url}"),
    }
}

/// An error in what was asked for, found after the command line was parsed.
pub(crate) fn usage_error(message: fmt::Arguments<'_>) -> anyhow::Error {
    clap::Error::raw(ErrorKind::ValueValidation, format!("{message}\n")).into()
}
