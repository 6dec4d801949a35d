use axum::body::HttpBody;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::api::Kind;

/// The middleware that refuses bodies in codings that are not undone here.
pub(super) async fn refuse(request: Request, next: Next) -> Response {
    let headers = request.headers();
    // More than one `chunked` is a coding nobody may use (RFC 9112 §7).
    let transfers = names(headers, &TRANSFER_ENCODING).enumerate();
    let is_unknown =
        |(index, name): (usize, &[u8])| index > 0 || !name.eq_ignore_ascii_case(b"chunked");
    if transfers.into_iter().any(is_unknown) {
        let problem =
            Kind::UnsupportedTransfer.at("Transfer-Encoding", "must be chunked or absent");
        return problem.into_response();
    }
    let has_body = !request.body().is_end_stream();
    let is_coded = |name: &[u8]| !name.eq_ignore_ascii_case(b"identity");
    if has_body && names(headers, &CONTENT_ENCODING).any(is_coded) {
        let problem = Kind::UnsupportedCoding.at("Content-Encoding", "must be identity or absent");
        let mut response = problem.into_response();
        let identity = HeaderValue::from_static("identity");
        response.headers_mut().insert(ACCEPT_ENCODING, identity);
        return response;
    }
    next.run(request).await
}

/// The names in a list that may be spread over several fields.
fn names<'a>(headers: &'a HeaderMap, list: &HeaderName) -> impl Iterator<Item = &'a [u8]> {
    let values = headers.get_all(list).into_iter();
    let names = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    names
        .map(<[u8]>::trim_ascii)
        .filter(|name| !name.is_empty())
}
