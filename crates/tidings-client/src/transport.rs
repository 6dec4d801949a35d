//! One HTTP exchange, redirects included.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::header::{HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{Method, Response, Url};

use crate::error::{RedirectError, TransportError};
use crate::retry_after;

/// How many redirects in a row are followed (the number that browsers follow).
const MAX_REDIRECTS: usize = 20;

/// A request that can be sent any number of times.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    /// Headers for the origin of `url` only: credentials, and ids that tell what was read there.
    pub(crate) private: HeaderMap,
    /// With a body it is a POST, without a GET.
    pub(crate) body: Option<Bytes>,
    /// The time for the whole exchange; none for a stream.
    pub(crate) timeout: Option<Duration>,
}

#[derive(Debug)]
pub(crate) enum SendError {
    Transport(TransportError),
    Redirect(RedirectError),
}

impl From<RedirectError> for SendError {
    fn from(error: RedirectError) -> Self {
        Self::Redirect(error)
    }
}

/// Sends the request and gives the first answer that is no redirect.
///
/// Private headers are dropped at the first step to another origin and do not come back.
pub(crate) async fn send(
    http: &reqwest::Client,
    outgoing: &Outgoing,
) -> Result<Response, SendError> {
    let mut url = outgoing.url.clone();
    let mut same_origin = true;
    for _ in 0..=MAX_REDIRECTS {
        let response = exchange(http, outgoing, &url, same_origin).await?;
        let status = response.status().as_u16();
        if !matches!(status, 301 | 302 | 303 | 307 | 308) {
            return Ok(response);
        }
        if outgoing.body.is_some() && !matches!(status, 307 | 308) {
            return Err(RedirectError::Method { status }.into());
        }
        let next = target(&url, response.headers())?;
        same_origin &= next.origin() == url.origin();
        url = next;
    }
    Err(RedirectError::TooMany {
        limit: MAX_REDIRECTS,
    }
    .into())
}

async fn exchange(
    http: &reqwest::Client,
    outgoing: &Outgoing,
    url: &Url,
    same_origin: bool,
) -> Result<Response, SendError> {
    let method = match outgoing.body {
        Some(_) => Method::POST,
        None => Method::GET,
    };
    let mut request = http
        .request(method, url.clone())
        .headers(outgoing.headers.clone());
    if same_origin {
        request = request.headers(outgoing.private.clone());
    }
    if let Some(body) = &outgoing.body {
        request = request.body(body.clone());
    }
    if let Some(timeout) = outgoing.timeout {
        request = request.timeout(timeout);
    }
    request
        .send()
        .await
        .map_err(|error| SendError::Transport(TransportError::new(error)))
}

fn target(from: &Url, headers: &HeaderMap) -> Result<Url, RedirectError> {
    let location = headers
        .get(LOCATION)
        .map_or("", |value| value.to_str().unwrap_or_default());
    match from.join(location) {
        Ok(url) if !location.is_empty() && is_http(&url) => Ok(url),
        _ => Err(RedirectError::Location {
            location: location.to_owned(),
        }),
    }
}

/// Whether the address is one that this client can ask.
pub(crate) fn is_http(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https") && url.has_host()
}

/// Whether a status says "not now" rather than "no".
pub(crate) fn is_transient(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500..=599)
}

/// The wait that an answer asks for.
pub(crate) fn retry_after(response: &Response) -> Option<Duration> {
    let value = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    retry_after::parse(value, SystemTime::now())
}
