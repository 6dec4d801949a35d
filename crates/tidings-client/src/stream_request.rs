//! The request for a stream, and whether the answer to it is one.

use bytes::Bytes;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};

use crate::exchange::Outgoing;
use crate::subscribe::{Source, Subscribe};

/// A longer query goes into a form: common limits on a request line begin at 8 KiB.
const LONGEST_QUERY: usize = 4 * 1024;

const FORM: HeaderValue =
    HeaderValue::from_static("application/x-www-form-urlencoded;charset=UTF-8");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain;charset=UTF-8");

/// The request for a stream from its start.
pub(crate) fn first(subscribe: &Subscribe) -> Outgoing {
    let mut request = match &subscribe.source {
        Source::Topics { .. } => of_topics(subscribe),
        Source::Address(url) => {
            let mut request = subscribe
                .client
                .request(subscribe.method.clone(), url.clone());
            request.body = subscribe.body.clone();
            if !request.body.is_empty() && !request.private.contains_key(CONTENT_TYPE) {
                request.headers.insert(CONTENT_TYPE, TEXT);
            }
            request
        }
    };
    let headers = &mut request.headers;
    // Of a hub other answers are understood as well, such as why there is no stream.
    let accept = match subscribe.source {
        Source::Topics { .. } => "text/event-stream, */*",
        Source::Address(_) => "text/event-stream",
    };
    headers.insert(ACCEPT, HeaderValue::from_static(accept));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    request
}

fn of_topics(subscribe: &Subscribe) -> Outgoing {
    let mut url = subscribe.client.endpoint("api/events/stream");
    let query = subscribe.query();
    if query.len() <= LONGEST_QUERY {
        url.set_query(Some(&query));
        return subscribe.client.request(Method::GET, url);
    }
    let mut request = subscribe.client.request(Method::POST, url);
    request.headers.insert(CONTENT_TYPE, FORM);
    request.body = Bytes::from(query);
    request
}

/// Gives the content type of what is no event stream, empty if there is none, and its coding if it
/// has one: what is compressed although nobody has asked for it would be read as nothing at all.
pub(crate) fn expect_event_stream(headers: &HeaderMap) -> Result<(), String> {
    let text = |name| headers.get(name).map(HeaderValue::as_bytes);
    let text = |name| String::from_utf8_lossy(text(name).unwrap_or_default());
    let (found, coding) = (text(CONTENT_TYPE), text(CONTENT_ENCODING));
    let essence = found.split(';').next().unwrap_or_default();
    if !essence.trim().eq_ignore_ascii_case("text/event-stream") {
        return Err(found.into_owned());
    }
    match coding.trim() {
        "" => Ok(()),
        coding if coding.eq_ignore_ascii_case("identity") => Ok(()),
        coding => Err(format!("{found} in {coding}")),
    }
}
