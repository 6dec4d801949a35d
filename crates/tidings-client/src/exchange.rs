//! One HTTP exchange, redirects included.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{AUTHORIZATION, LOCATION, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri};
use url::{Origin, Url};

use crate::credentials::CredentialsError;
use crate::error::RedirectError;
use crate::retry_after;
use crate::transport::{Body, Transport, TransportError};

/// How many redirects in a row are followed (the number that browsers follow).
const MAX_REDIRECTS: usize = 20;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// A request that can be sent any number of times.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    /// Headers for the origin of `url` only.
    pub(crate) private: HeaderMap,
    /// Instead of an `Authorization` in `private`.
    pub(crate) token: Option<HeaderValue>,
    pub(crate) position: Option<Position>,
    pub(crate) body: Bytes,
}

/// The event that a stream is to go on after.
#[derive(Clone, Debug)]
pub(crate) struct Position {
    pub(crate) id: HeaderValue,
    /// Whose id it is, if it is not of the origin that is asked: only they learn of it.
    pub(crate) of: Option<Origin>,
}

/// An answer, and who gave it.
#[derive(Debug)]
pub(crate) struct Landed {
    pub(crate) answer: Response<Body>,
    pub(crate) origin: Origin,
    /// Whether they do not know the event that the stream is to go on after, if there is one.
    pub(crate) untold: bool,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum SendError {
    Transport(TransportError),
    Redirect(RedirectError),
    Credentials(CredentialsError),
}

impl From<TransportError> for SendError {
    fn from(error: TransportError) -> Self {
        Self::Transport(error)
    }
}

impl From<RedirectError> for SendError {
    fn from(error: RedirectError) -> Self {
        Self::Redirect(error)
    }
}

impl From<CredentialsError> for SendError {
    fn from(error: CredentialsError) -> Self {
        Self::Credentials(error)
    }
}

/// Sends the request and gives the first answer that is no redirect.
///
/// Private headers are dropped at the first step to another origin and do not come back.
pub(crate) async fn send(
    transport: &dyn Transport,
    outgoing: &Outgoing,
) -> Result<Landed, SendError> {
    let mut url = outgoing.url.clone();
    let mut at_home = true;
    for _ in 0..=MAX_REDIRECTS {
        let answer = transport.send(request(outgoing, &url, at_home)?).await?;
        let status = answer.status().as_u16();
        if !matches!(status, 301 | 302 | 303 | 307 | 308) {
            let untold = outgoing.position.is_some() && told(outgoing, &url, at_home).is_none();
            return Ok(Landed {
                answer,
                origin: url.origin(),
                untold,
            });
        }
        if outgoing.method != Method::GET && !matches!(status, 307 | 308) {
            return Err(RedirectError::Method { status }.into());
        }
        let next = target(&url, answer.headers())?;
        at_home &= next.origin() == url.origin();
        url = next;
    }
    Err(RedirectError::TooMany {
        limit: MAX_REDIRECTS,
    }
    .into())
}

fn request(
    outgoing: &Outgoing,
    url: &Url,
    at_home: bool,
) -> Result<Request<Bytes>, TransportError> {
    let mut request = Request::new(outgoing.body.clone());
    *request.method_mut() = outgoing.method.clone();
    *request.uri_mut() = url.as_str().parse().map_err(TransportError::settings)?;
    let headers = request.headers_mut();
    headers.clone_from(&outgoing.headers);
    if at_home {
        for name in outgoing.private.keys() {
            headers.remove(name);
            for value in outgoing.private.get_all(name) {
                headers.append(name, value.clone());
            }
        }
        if let Some(token) = &outgoing.token {
            headers.insert(AUTHORIZATION, token.clone());
        }
    }
    if let Some(id) = told(outgoing, url, at_home) {
        headers.insert(LAST_EVENT_ID, id.clone());
    }
    Ok(request)
}

/// The id that this address is told.
fn told<'a>(outgoing: &'a Outgoing, url: &Url, at_home: bool) -> Option<&'a HeaderValue> {
    let Position { id, of } = outgoing.position.as_ref()?;
    (at_home || of.as_ref() == Some(&url.origin())).then_some(id)
}

fn target(from: &Url, headers: &HeaderMap) -> Result<Url, RedirectError> {
    // Browsers take a path as it is written, in UTF-8.
    let location = headers.get(LOCATION).map(HeaderValue::as_bytes);
    let location = str::from_utf8(location.unwrap_or_default()).unwrap_or_default();
    let unusable = || RedirectError::Location {
        location: location.to_owned(),
    };
    if location.is_empty() {
        return Err(unusable());
    }
    let mut next = from.join(location).map_err(|_| unusable())?;
    if !is_http(&next) || next.as_str().parse::<Uri>().is_err() {
        return Err(unusable());
    }
    if from.scheme() == "https" && next.scheme() == "http" {
        return Err(RedirectError::Downgrade {
            location: location.to_owned(),
        });
    }
    next.set_fragment(None);
    Ok(next)
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
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?;
    retry_after::parse(value, SystemTime::now())
}
