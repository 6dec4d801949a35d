use std::borrow::Cow;
use std::fmt::Write;

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
    REFERRER_POLICY, VARY,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use rust_embed::{Embed, EmbeddedFile};

use crate::page::coding::accepts_gzip;

/// Scripts, styles and connections are the hub's own and nobody else's.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A name with a hash in it never means anything else.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// Bytes of a file's hash that tell its versions apart.
const TAG_BYTES: usize = 12;

/// What `npm run build` made of `packages/console`.
#[derive(Embed)]
#[folder = "src/page/built"]
struct Built;

/// A file of the page, and the same compressed where that was done ahead.
pub(super) struct Asset {
    media_type: &'static str,
    lifetime: &'static str,
    plain: EmbeddedFile,
    gzipped: Option<EmbeddedFile>,
}

impl Asset {
    /// The file of this path, if it is one that the page has.
    pub(super) fn find(path: &str) -> Option<Self> {
        let (_, extension) = path.rsplit_once('.')?;
        let (media_type, lifetime) = match extension {
            "html" => ("text/html; charset=utf-8", "no-cache"),
            "js" => ("text/javascript; charset=utf-8", FOR_EVER),
            "css" => ("text/css; charset=utf-8", FOR_EVER),
            _ => return None,
        };
        Some(Self {
            media_type,
            lifetime,
            plain: Built::get(path)?,
            gzipped: Built::get(&format!("{path}.gz")),
        })
    }

    /// The answer to a request with these headers.
    pub(super) fn respond(self, asked: &HeaderMap) -> Response {
        let gzipped = self.gzipped.filter(|_| accepts_gzip(asked));
        let tag = tag(&self.plain, gzipped.is_some());
        let headers = [
            (CONTENT_SECURITY_POLICY, POLICY),
            (REFERRER_POLICY, "no-referrer"),
            (CACHE_CONTROL, self.lifetime),
            (VARY, "accept-encoding"),
        ];
        let mut response = if is_known(asked, &tag) {
            (StatusCode::NOT_MODIFIED, headers).into_response()
        } else if let Some(gzipped) = gzipped {
            let coding = [(CONTENT_TYPE, self.media_type), (CONTENT_ENCODING, "gzip")];
            (headers, coding, body(gzipped)).into_response()
        } else {
            let coding = [(CONTENT_TYPE, self.media_type)];
            (headers, coding, body(self.plain)).into_response()
        };
        if let Ok(tag) = HeaderValue::try_from(tag) {
            response.headers_mut().insert(ETAG, tag);
        }
        response
    }
}

fn body(file: EmbeddedFile) -> Body {
    Body::from(match file.data {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => Bytes::from(bytes),
    })
}

/// Another one for the compressed file: it has other bytes.
fn tag(file: &EmbeddedFile, is_gzipped: bool) -> String {
    let mut tag = String::from('"');
    for byte in &file.metadata.sha256_hash()[..TAG_BYTES] {
        // Writing into a string cannot fail.
        let _ = write!(tag, "{byte:02x}");
    }
    tag.push_str(if is_gzipped { "-gzip\"" } else { "\"" });
    tag
}

/// Whether the browser has this version already.
fn is_known(asked: &HeaderMap, tag: &str) -> bool {
    let known = asked.get_all(IF_NONE_MATCH).iter();
    let mut tags = known
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|one| one.trim().trim_start_matches("W/"));
    tags.any(|one| one == tag || one == "*")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_only_parts_that_are_there() {
        let page = Built::get("index.html").unwrap();
        let page = String::from_utf8(page.data.into_owned()).unwrap();
        let parts: Vec<&str> = page
            .split("./assets/")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        assert_eq!(parts.len(), 2, "{page}");
        for part in parts {
            let asset = Asset::find(&format!("assets/{part}")).unwrap();
            assert!(asset.gzipped.is_some(), "{part}");
        }
    }

    #[test]
    fn only_files_of_known_types_are_parts() {
        for path in ["", "assets/", "assets/x.js", "assets/../index.html", "x.gz"] {
            assert!(Asset::find(path).is_none(), "{path}");
        }
    }
}
