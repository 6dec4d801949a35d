//! The request for a stream, and what makes an answer to it one.

use bytes::Bytes;
use reqwest::Response;
use reqwest::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue};

use crate::subscribe::Subscribe;
use crate::transport::Outgoing;

/// A longer query goes into a form: common limits on a request line begin at 8 KiB.
const LONGEST_QUERY: usize = 4 * 1024;

/// The request for a stream from its start.
pub(crate) fn first(subscribe: &Subscribe) -> Outgoing {
    let mut url = subscribe.client.endpoint("api/events/stream");
    let query = subscribe.query();
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    let body = if query.len() > LONGEST_QUERY {
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(CONTENT_TYPE, form);
        Some(Bytes::from(query))
    } else {
        url.set_query(Some(&query));
        None
    };
    Outgoing {
        url,
        headers,
        private: subscribe.client.credentials().clone(),
        body,
        timeout: None,
    }
}

/// The request for what follows the event `id`; the first one if there is no id yet.
pub(crate) fn after(first: &Outgoing, id: &str) -> Outgoing {
    let mut request = first.clone();
    // An id with a control character cannot be sent; the stream then starts as at first.
    if let (false, Ok(id)) = (id.is_empty(), HeaderValue::from_bytes(id.as_bytes())) {
        request.private.insert("last-event-id", id);
    }
    request
}

/// Gives the content type of what is no event stream, empty if there is none.
pub(crate) fn expect_event_stream(response: &Response) -> Result<(), String> {
    let found = response
        .headers()
        .get(CONTENT_TYPE)
        .map(HeaderValue::as_bytes);
    let found = String::from_utf8_lossy(found.unwrap_or_default());
    let essence = found.split(';').next().unwrap_or_default();
    if essence.trim().eq_ignore_ascii_case("text/event-stream") {
        return Ok(());
    }
    Err(found.into_owned())
}
