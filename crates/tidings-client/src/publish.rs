//! Publishing, with retries that publish once.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::time;

use crate::backoff::Backoff;
use crate::client::Client;
use crate::error::{PublishError, TransportError};
use crate::new_event::{Batch, NewEvent};
use crate::problem::Problem;
use crate::transport::{self, Outgoing, SendError};

/// The first wait between attempts. Shorter than a subscription's: someone waits for the receipt.
const BASE_DELAY: Duration = Duration::from_millis(250);

/// The longest wait between attempts; a hub that asks for more gets no further attempt.
const MAX_DELAY: Duration = Duration::from_secs(10);

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
        let mut headers = content("text/plain; charset=utf-8");
        let key = HeaderValue::try_from(key).map_err(|_| PublishError::Key)?;
        headers.insert("idempotency-key", key);
        self.deliver(&Outgoing {
            url,
            headers,
            private: self.credentials().clone(),
            body: Some(Bytes::from(event.data)),
            timeout: Some(self.settings().request_timeout),
        })
        .await
    }

    /// Publishes a batch: all of it or none, in its order.
    ///
    /// Tried again like a single event. The batch can be published once more after an error that
    /// is transient; the events keep their idempotency keys.
    ///
    /// # Errors
    ///
    /// See [`PublishError`]; [`PublishError::is_transient`] tells whether trying later makes sense.
    pub async fn publish_batch(&self, batch: &Batch) -> Result<BatchReceipt, PublishError> {
        self.deliver(&Outgoing {
            url: self.endpoint("api/events"),
            headers: content("application/x-ndjson"),
            private: self.credentials().clone(),
            body: Some(Bytes::copy_from_slice(batch.body())),
            timeout: Some(self.settings().request_timeout),
        })
        .await
    }

    pub(crate) async fn deliver<T: DeserializeOwned>(
        &self,
        request: &Outgoing,
    ) -> Result<T, PublishError> {
        let mut backoff = Backoff::new(BASE_DELAY, MAX_DELAY, self.keys().jitter());
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
        let response = match transport::send(self.http(), request).await {
            Ok(response) => response,
            Err(SendError::Transport(error)) => return Err(PublishError::NoAnswer(error)),
            Err(SendError::Redirect(error)) => return Err(error.into()),
        };
        let status = response.status();
        if status.is_success() {
            let body = response.bytes().await;
            let body = body.map_err(|error| PublishError::NoAnswer(TransportError::new(error)))?;
            return serde_json::from_slice(&body).map_err(PublishError::Answer);
        }
        let retry_after = transport::retry_after(&response);
        let problem = Problem::read(response).await;
        Err(if transport::is_transient(status.as_u16()) {
            PublishError::Unavailable {
                problem,
                retry_after,
            }
        } else {
            PublishError::Refused(problem)
        })
    }
}

pub(crate) fn content(content_type: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))])
}
