//! Publishing, with retries that publish once.

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::time;
use url::Url;

use crate::backoff::Backoff;
use crate::client::Client;
use crate::error::PublishError;
use crate::exchange::{self, Outgoing};
use crate::new_event::{Batch, NewEvent};
use crate::problem::Problem;

/// The first wait between attempts. Shorter than a subscription's: someone waits for the receipt.
const BASE_DELAY: Duration = Duration::from_millis(250);

/// The longest wait between attempts; a hub that asks for more gets no further attempt.
const MAX_DELAY: Duration = Duration::from_secs(10);

/// No answer to a publish is longer.
const LONGEST_ANSWER: usize = 1024 * 1024;

/// What the hub says about a published event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The event's id.
    pub id: String,
    /// How many subscriptions matched it.
    pub receivers: u64,
    /// What it survives.
    pub durability: Durability,
}

/// What the hub says about a published batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchReceipt {
    /// How many events were published.
    pub published: u64,
    /// The id of the first.
    pub first: Option<String>,
    /// The id of the last.
    pub last: Option<String>,
    /// What they survive.
    pub durability: Durability,
}

/// What an acknowledged event survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Durability {
    /// It was accepted; a restart of the hub loses it.
    Memory,
    /// It is on stable storage.
    Disk,
    /// It is on more than one machine.
    Cluster,
    /// Something this version does not know.
    #[serde(other)]
    Unknown,
}

impl Client {
    /// Publishes one event.
    ///
    /// While the hub cannot be reached or cannot take events, it is tried again a few times. An
    /// idempotency key makes that one event, whatever became of the earlier attempts.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use tidings_client::{Client, NewEvent};
    ///
    /// let client = Client::builder("http://127.0.0.1:8434").build()?;
    /// let paid = NewEvent::json(&["paid"])?.event("order-paid").idempotency_key("payment-815");
    /// let receipt = client.publish("orders/7", paid).await?;
    /// println!("{}: {:?}", receipt.id, receipt.durability);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// See [`PublishError`]; [`PublishError::is_transient`] tells whether trying later makes sense.
    pub async fn publish(&self, topic: &str, event: NewEvent) -> Result<Receipt, PublishError> {
        let mut url = self.endpoint("api/events");
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("topic", topic);
            if let Some(event) = &event.event {
                query.append_pair("event", event);
            }
            if let Some(key) = &event.key {
                query.append_pair("key", key);
            }
            if event.is_final {
                query.append_pair("final", "1");
            }
        }
        let key = event.idempotency_key.unwrap_or_else(|| self.keys().key());
        let key = HeaderValue::try_from(key).map_err(|_| PublishError::Key)?;
        let mut request = self.post(url, "text/plain; charset=utf-8", event.data);
        request.headers.insert("idempotency-key", key);
        self.deliver(&request).await
    }

    /// Publishes a batch: all of it or none, in its order.
    ///
    /// Tried again like a single event. The batch can be published once more after an error that
    /// is transient; the events keep their idempotency keys.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use tidings_client::{Client, NewEvent};
    ///
    /// let client = Client::builder("http://127.0.0.1:8434").build()?;
    /// let mut batch = client.batch();
    /// batch.push("orders/7", &NewEvent::new("packed"));
    /// batch.push("orders/7", &NewEvent::new("shipped").last());
    /// match client.publish_batch(&batch).await {
    ///     Ok(receipt) => println!("{} published", receipt.published),
    ///     Err(error) if error.is_transient() => println!("later again, once: {error}"),
    ///     Err(error) => return Err(error.into()),
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// See [`PublishError`]; [`PublishError::is_transient`] tells whether trying later makes sense.
    pub async fn publish_batch(&self, batch: &Batch) -> Result<BatchReceipt, PublishError> {
        let body = Bytes::copy_from_slice(batch.body());
        let request = self.post(self.endpoint("api/events"), "application/x-ndjson", body);
        self.deliver(&request).await
    }

    pub(crate) fn post(
        &self,
        url: Url,
        content_type: &'static str,
        body: impl Into<Bytes>,
    ) -> Outgoing {
        let mut request = self.request(Method::POST, url);
        let content_type = HeaderValue::from_static(content_type);
        // A client's own headers are about streams.
        request.private.remove(CONTENT_TYPE);
        request.headers.insert(CONTENT_TYPE, content_type);
        request.body = body.into();
        request
    }

    pub(crate) async fn deliver<T: DeserializeOwned>(
        &self,
        request: &Outgoing,
    ) -> Result<T, PublishError> {
        let mut backoff = Backoff::new(BASE_DELAY, MAX_DELAY, self.jitter());
        let mut left = self.settings().publish_attempts;
        loop {
            let error = match self.attempt(request).await {
                Ok(receipt) => return Ok(receipt),
                Err(error) => error,
            };
            left = left.saturating_sub(1);
            let retry_after = match &error {
                PublishError::Unavailable { retry_after, .. } => *retry_after,
                _ => None,
            };
            if left == 0 || !error.is_transient() || retry_after > Some(MAX_DELAY) {
                return Err(error);
            }
            let delay = backoff.next_delay([None, retry_after]);
            tracing::debug!(%error, ?delay, "publishing again");
            (self.settings().on_publish_retry.0)(&error, delay);
            time::sleep(delay).await;
        }
    }

    async fn attempt<T: DeserializeOwned>(&self, request: &Outgoing) -> Result<T, PublishError> {
        let answer = self.call(request, LONGEST_ANSWER).await?;
        let status = answer.status;
        if (200..300).contains(&status) {
            return serde_json::from_slice(&answer.body).map_err(PublishError::Answer);
        }
        let problem = Problem::parse(status, &answer.body);
        Err(if exchange::is_transient(status) {
            PublishError::Unavailable {
                problem,
                retry_after: exchange::retry_after(&answer.headers),
            }
        } else {
            PublishError::Refused(problem)
        })
    }
}
