//! What is there: retained events, and any other resource.

use http::Method;
use serde::Deserialize;
use url::Url;

use crate::client::Client;
use crate::error::ReadError;
use crate::event::Snapshot;
use crate::problem::Problem;

/// A longer answer is not read.
const LONGEST_ANSWER: usize = 256 * 1024 * 1024;

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
        let page: Page = self.get(url).await?.json().map_err(ReadError::Answer)?;
        Ok(page.events)
    }

    /// A resource as it is now: of a hub, any of its lists and states, whose live twins are
    /// streams for [`stream_at`](Self::stream_at). A reference is taken from the hub's address.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use tidings_client::Client;
    ///
    /// let client = Client::builder("http://127.0.0.1:8434").build()?;
    /// let topics: serde_json::Value = client.read("api/topics?limit=10").await?.json()?;
    /// println!("{}", topics["total"]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// See [`ReadError`].
    pub async fn read(&self, reference: &str) -> Result<Snapshot, ReadError> {
        let url = self.resolve(reference).map_err(|_| ReadError::Url {
            url: reference.to_owned(),
        })?;
        self.get(url).await
    }

    async fn get(&self, url: Url) -> Result<Snapshot, ReadError> {
        let request = self.request(Method::GET, url);
        let answer = self.call(&request, LONGEST_ANSWER).await?;
        if !(200..300).contains(&answer.status) {
            let problem = Problem::parse(answer.status, &answer.body);
            return Err(ReadError::Refused(problem));
        }
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        Ok(Snapshot { body })
    }
}
