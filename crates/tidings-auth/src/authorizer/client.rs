use std::error::Error;
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, StatusCode};
use tidings::Timestamp;

use super::answer::{Answer, AnswerError};
use super::question::Question;
use super::secret::AuthorizerSecret;
use super::url::AuthorizerUrl;
use crate::outbound::{BodyError, body, client};
use crate::random::{LETTERS_AND_DIGITS, text};

/// The most bytes of an answer. One with the longest lists of selectors of usual length has half as many.
const MAX_BYTES: usize = 64 * 1024;

/// How long a connection is kept that nobody needs. Many servers close theirs after five seconds, and a question must not
/// meet that.
const IDLE: Duration = Duration::from_secs(4);

/// Random characters in the name of a question: 160 bits.
const ID_LENGTH: usize = 27;

/// Asks an application who may come.
///
/// A question is a `POST` that is signed as Standard Webhooks says, and an answer has the status 200 and is
/// [read](Answer::read) strictly; anything else is no answer. Redirects and proxies are not followed. Nothing is remembered.
///
/// ```
/// use std::time::Duration;
///
/// use tidings_auth::{Authorizer, AuthorizerUrl};
///
/// let url = AuthorizerUrl::new("https://app.example/tidings/access")?;
/// let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse()?;
/// let authorizer = Authorizer::new(url, secret, Duration::from_secs(2))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Authorizer {
    url: AuthorizerUrl,
    /// One at least.
    secrets: Vec<AuthorizerSecret>,
    client: Client,
}

/// Nobody can be asked: the system's certificates cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the client that asks the application could not be made")]
pub struct AuthorizerError(#[source] Box<dyn Error + Send + Sync>);

/// Why an application has given no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unanswered {
    /// It did not answer in time, or there was no connection.
    #[error("the application has not answered")]
    Silent(#[source] Box<dyn Error + Send + Sync>),
    /// It answered with another status than 200; redirects are not followed.
    #[error("the application's answer had the status {0}")]
    Status(u16),
    /// The answer is larger than 64 KiB.
    #[error("the application's answer is larger than {MAX_BYTES} bytes")]
    TooLarge,
    /// It is not an answer.
    #[error("the application's answer cannot be taken")]
    NotAnAnswer(#[source] AnswerError),
}

impl Authorizer {
    /// Asks at this URL, and waits so long for each answer.
    ///
    /// # Errors
    /// [`AuthorizerError`]
    pub fn new(
        url: AuthorizerUrl,
        secret: AuthorizerSecret,
        timeout: Duration,
    ) -> Result<Self, AuthorizerError> {
        let client = client(url.place(), timeout).pool_idle_timeout(IDLE);
        let client = client
            .build()
            .map_err(|error| AuthorizerError(error.into()))?;
        Ok(Self {
            url,
            secrets: vec![secret],
            client,
        })
    }

    /// Signs each question with this secret as well: an application takes it that knows one of them, so the secret can be
    /// changed on both sides, one after the other.
    #[must_use]
    pub fn also_signed_with(mut self, secret: AuthorizerSecret) -> Self {
        self.secrets.push(secret);
        self
    }

    /// Asks once. It can be dropped at any time.
    ///
    /// # Errors
    /// [`Unanswered`] says why there is no answer.
    pub async fn ask(&self, question: &Question, now: Timestamp) -> Result<Answer, Unanswered> {
        let id = format!("msg_{}", text(LETTERS_AND_DIGITS, ID_LENGTH));
        let seconds = now.as_millis() / 1000;
        let json = question.json(now);
        let request = self
            .client
            .post(self.url.place().url().clone())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", seconds)
            .header("webhook-signature", self.signatures(&id, seconds, &json))
            .body(json);
        let silent = |error: reqwest::Error| Unanswered::Silent(error.without_url().into());
        let response = request.send().await.map_err(silent)?;
        if response.status() != StatusCode::OK {
            return Err(Unanswered::Status(response.status().as_u16()));
        }
        let body = body(response, MAX_BYTES)
            .await
            .map_err(|error| match error {
                BodyError::TooLarge => Unanswered::TooLarge,
                BodyError::BrokenOff(error) => silent(error),
            })?;
        Answer::read(&body).map_err(Unanswered::NotAnAnswer)
    }

    /// With a blank between two (Standard Webhooks, "Multiple signatures").
    fn signatures(&self, id: &str, seconds: u64, body: &str) -> String {
        let secrets = self.secrets.iter();
        let signatures: Vec<_> = secrets
            .map(|secret| secret.sign(id, seconds, body))
            .collect();
        signatures.join(" ")
    }
}
