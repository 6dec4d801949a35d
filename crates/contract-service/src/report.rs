//! What a harness is told.

use serde::Serialize;

/// Something that happened on a stream.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum Message {
    Event {
        event: EventMessage,
    },
    Comment {
        comment: String,
    },
    Error {
        error: String,
        /// The same: harnesses look in one place or the other.
        comment: String,
    },
}

#[derive(Debug, Serialize)]
pub(crate) struct EventMessage {
    #[serde(rename = "type")]
    pub(crate) name: String,
    pub(crate) data: String,
    pub(crate) id: String,
}

impl Message {
    pub(crate) fn error(what: &impl ToString) -> Self {
        let error = what.to_string();
        Self::Error {
            comment: error.clone(),
            error,
        }
    }
}

/// Posts messages to a callback address, one after the other and numbered.
#[derive(Debug)]
pub(crate) struct Reporter {
    http: reqwest::Client,
    callback: String,
    sent: u64,
}

impl Reporter {
    pub(crate) fn new(http: reqwest::Client, callback: &str) -> Self {
        Self {
            http,
            callback: callback.trim_end_matches('/').to_owned(),
            sent: 0,
        }
    }

    /// Gives the message to the harness; fails if that has gone away.
    pub(crate) async fn report(&mut self, message: &Message) -> anyhow::Result<()> {
        self.sent += 1;
        let url = format!("{}/{}", self.callback, self.sent);
        let request = self.http.post(url).body(serde_json::to_vec(message)?);
        let request = request.header("content-type", "application/json");
        request.send().await?.error_for_status()?;
        Ok(())
    }
}
