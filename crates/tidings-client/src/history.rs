//! Retained events.

use http::Method;
use serde::Deserialize;

use crate::client::Client;
use crate::error::ReadError;
use crate::problem::Problem;

/// A longer page of events is not read.
const LONGEST_PAGE: usize = 256 * 1024 * 1024;

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
        let request = self.request(Method::GET, url);
        let answer = self.call(&request, LONGEST_PAGE).await?;
        if !(200..300).contains(&answer.status) {
            let problem = Problem::parse(answer.status, &answer.body);
            return Err(ReadError::Refused(problem));
        }
        let page: Page = serde_json::from_slice(&answer.body).map_err(ReadError::Answer)?;
        Ok(page.events)
    }
}
