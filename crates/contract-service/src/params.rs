//! What a harness asks for.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use serde::Deserialize;
use tidings_client::{Client, Method, Start, Subscribe};

/// A stream to be opened.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Params {
    stream_url: String,
    pub(crate) callback_url: String,
    initial_delay_ms: Option<u64>,
    read_timeout_ms: Option<u64>,
    last_event_id: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    method: Option<String>,
    body: Option<String>,
}

/// What an open stream is told to do.
#[derive(Debug, Deserialize)]
#[serde(tag = "command", rename_all = "lowercase")]
pub(crate) enum Command {
    /// To report events of one more type.
    Listen { listen: Listen },
    /// To connect again at once.
    Restart,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Listen {
    #[serde(rename = "type")]
    pub(crate) name: String,
}

impl Params {
    /// The subscription that is asked for.
    pub(crate) fn subscribe(&self) -> anyhow::Result<Subscribe> {
        let mut builder = Client::builder(&self.stream_url);
        if let Some(delay) = self.initial_delay_ms {
            builder = builder.base_delay(Duration::from_millis(delay));
        }
        if let Some(timeout) = self.read_timeout_ms.filter(|timeout| *timeout > 0) {
            builder = builder.idle_timeout(Duration::from_millis(timeout));
        }
        for (name, value) in &self.headers {
            builder = builder.header(name, value);
        }
        let mut subscribe = builder.build()?.stream().comments();
        if let Some(method) = self.method.as_deref().filter(|method| !method.is_empty()) {
            let method = Method::from_bytes(method.as_bytes()).context("method")?;
            subscribe = subscribe.method(method);
        }
        if let Some(body) = &self.body {
            subscribe = subscribe.body(body.clone());
        }
        if let Some(id) = &self.last_event_id {
            subscribe = subscribe.from(Start::After(id.clone()));
        }
        Ok(subscribe)
    }
}
