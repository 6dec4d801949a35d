//! Retained events.

use reqwest::header::HeaderMap;
use serde::Deserialize;

use crate::client::Client;
use crate::error::{ReadError, TransportError};
use crate::problem::Problem;
use crate::transport::{self, Outgoing, SendError};

/// A retained event.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct RetainedEvent {
    /// The event id.
    pub id: String,
    /// The topic it was published on.
    pub topic: String,
    /// The type name.
    pub event: String,
    /// The data as published.
    pub data: String,
    /// When it was published: RFC 3339, UTC, milliseconds.
    pub time: String,
    /// The key that conflation goes by.
    pub key: Option<String>,
    /// Whether it ended its topic.
    #[serde(default, rename = "final")]
    pub is_final: bool,
}

impl Client {
    /// The newest retained events of the topics that match any of the selectors, oldest first,
    /// at most `limit` of them.
    ///
    /// # Errors
    ///
    /// See [`ReadError`].
    pub async fn newest(
        &self,
        selectors: &[String],
        limit: u32,
    ) -> Result<Vec<RetainedEvent>, ReadError> {
        #[derive(Deserialize)]
        struct Page {
            events: Vec<RetainedEvent>,
        }
        let mut url = self.endpoint("api/events");
        url.query_pairs_mut()
            .extend_pairs(selectors.iter().map(|selector| ("topic", selector)))
            .append_pair("limit", &limit.to_string());
        let request = Outgoing {
            url,
            headers: HeaderMap::new(),
            private: self.credentials().clone(),
            body: None,
            timeout: Some(self.settings().request_timeout),
        };
        let response = match transport::send(self.http(), &request).await {
            Ok(response) => response,
            Err(SendError::Transport(error)) => return Err(ReadError::NoAnswer(error)),
            Err(SendError::Redirect(error)) => return Err(error.into()),
        };
        if !response.status().is_success() {
            return Err(ReadError::Refused(Problem::read(response).await));
        }
        let body = response.bytes().await;
        let body = body.map_err(|error| ReadError::NoAnswer(TransportError::new(error)))?;
        let page: Page = serde_json::from_slice(&body).map_err(ReadError::Answer)?;
        Ok(page.events)
    }
}
