use std::time::Duration;

use reqwest::{Client, StatusCode};

use super::document::Document;
use crate::outbound::{BodyError, body, client};
use crate::{JwksError, JwksUrl};

/// The most bytes of an answer. One with 100 keys of RSA with 4096 bits has about as many.
pub(super) const MAX_BYTES: usize = 64 * 1024;

/// From the first packet to the last.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Fetches one issuer's keys from one URL.
#[derive(Debug)]
pub(super) struct Source {
    url: JwksUrl,
    client: Client,
}

impl Source {
    pub(super) fn new(url: JwksUrl) -> Result<Self, reqwest::Error> {
        let client = client(url.place(), TIMEOUT)
            .pool_max_idle_per_host(0)
            .build()?;
        Ok(Self { url, client })
    }

    pub(super) fn url(&self) -> &JwksUrl {
        &self.url
    }

    pub(super) async fn fetch(&self) -> Result<Document, JwksError> {
        let unanswered = |error: reqwest::Error| JwksError::Unanswered(error.without_url().into());
        let request = self.client.get(self.url.place().url().clone());
        let response = request.send().await.map_err(unanswered)?;
        if response.status() != StatusCode::OK {
            return Err(JwksError::Status(response.status().as_u16()));
        }
        let body = body(response, MAX_BYTES)
            .await
            .map_err(|error| match error {
                BodyError::TooLarge => JwksError::TooLarge,
                BodyError::BrokenOff(error) => unanswered(error),
            })?;
        Document::read(&body)
    }
}
