//! Where a request carries what it proves itself by.

use std::borrow::Cow;

use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE};
use percent_encoding::percent_decode_str;

/// The cookies that may hold a token; the first that is there counts. A cookie whose name begins with `__Host-` can be set by the
/// host itself alone, the other one by every page on a neighbouring name (RFC 6265bis, section 4.1.3.2).
const COOKIE_NAMES: [&str; 2] = ["__Host-tidings_token", "tidings_token"];

/// The header that may hold an API key.
const API_KEY: &str = "x-api-key";

/// What a request proves itself by, and where it was found. Nothing prints the text.
pub(super) struct Credentials<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) carrier: Carrier,
}

/// Where credentials are looked for, in this order. The first place that has some decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    /// `Authorization: Bearer` (RFC 6750, section 2.1).
    Authorization,
    /// `X-API-Key`.
    ApiKey,
    /// A cookie, which browsers send whatever page asks.
    Cookie,
    /// The parameter `access_token` or `ticket` of a URL, which logs of others may keep.
    Query,
}

impl<'a> Credentials<'a> {
    /// The credentials of a request with these headers and this query.
    pub(super) fn find(headers: &'a HeaderMap, query: Option<&'a str>) -> Option<Self> {
        let found = |text, carrier| Self { text, carrier };
        let bearer = || bearer(headers).map(|text| found(text, Carrier::Authorization));
        let key = || {
            headers
                .get(API_KEY)
                .map(|value| found(text(value.as_bytes()), Carrier::ApiKey))
        };
        let cookie = || cookie(headers).map(|text| found(text, Carrier::Cookie));
        let parameter = || parameter(query?).map(|text| found(text, Carrier::Query));
        bearer().or_else(key).or_else(cookie).or_else(parameter)
    }
}

/// The token of the scheme `Bearer`. Other schemes are for somebody in front of the hub.
fn bearer(headers: &HeaderMap) -> Option<Cow<'_, str>> {
    let values = headers.get_all(AUTHORIZATION).iter();
    let mut tokens = values.filter_map(|value| {
        let (scheme, token) = value.as_bytes().split_at_checked("Bearer".len())?;
        let is_bearer = scheme.eq_ignore_ascii_case(b"Bearer");
        let is_whole = token.first().is_none_or(u8::is_ascii_whitespace);
        (is_bearer && is_whole).then(|| text(token.trim_ascii()))
    });
    let token = tokens.next()?;
    // Which of two was meant nobody can tell, and no token is empty.
    Some(if tokens.next().is_some() {
        "".into()
    } else {
        token
    })
}

fn cookie(headers: &HeaderMap) -> Option<Cow<'_, str>> {
    COOKIE_NAMES.iter().find_map(|name| {
        let values = headers.get_all(COOKIE).iter();
        // Cookies of others on the same host may have any bytes.
        let pairs = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b';'));
        let mut own = pairs.filter_map(|pair| {
            let token = pair.trim_ascii().strip_prefix(name.as_bytes())?;
            token.strip_prefix(b"=")
        });
        own.find(|token| !token.is_empty()).map(text)
    })
}

fn parameter(query: &str) -> Option<Cow<'_, str>> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let mut own = pairs.filter(|(name, _)| ["access_token", "ticket"].contains(name));
    let (_, value) = own.find(|(_, value)| !value.is_empty())?;
    Some(percent_decode_str(value).decode_utf8_lossy())
}

fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    fn found(headers: &[(&str, &str)], query: &str) -> Option<(String, Carrier)> {
        let headers = headers.iter().map(|(name, value)| {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            (name, value.parse().unwrap())
        });
        let headers = headers.collect();
        let found = Credentials::find(&headers, Some(query))?;
        Some((found.text.into_owned(), found.carrier))
    }

    #[test]
    fn the_first_place_that_has_some_decides() {
        let bearer = ("authorization", "Bearer a");
        let key = ("x-api-key", "b");
        let cookie = ("cookie", "x=1; tidings_token=c; y=2");
        let query = "topic=t&access_token=d";
        let all = [bearer, key, cookie];
        for (headers, text, carrier) in [
            (&all[..], "a", Carrier::Authorization),
            (&all[1..], "b", Carrier::ApiKey),
            (&all[2..], "c", Carrier::Cookie),
            (&all[3..], "d", Carrier::Query),
        ] {
            assert_eq!(found(headers, query), Some((text.to_owned(), carrier)));
        }
        assert_eq!(found(&[], "topic=t"), None);
    }

    #[test]
    fn cookies_of_others_have_any_bytes() {
        let cookies = [("cookie", "name=J\u{fc}rgen; tidings_token=c")];
        assert_eq!(found(&cookies, ""), Some(("c".to_owned(), Carrier::Cookie)));
    }

    #[test]
    fn a_cookie_that_only_the_host_can_set_counts_first() {
        for cookies in [
            "tidings_token=pushed; __Host-tidings_token=own",
            "__Host-tidings_token=own; tidings_token=pushed",
        ] {
            let (token, _) = found(&[("cookie", cookies)], "").unwrap();
            assert_eq!(token, "own");
        }
    }

    #[test]
    fn a_scheme_is_told_by_its_name_and_others_are_left_to_others() {
        let of = |value| found(&[("authorization", value)], "").map(|(text, _)| text);
        assert_eq!(of("bearer  a.b.c ").as_deref(), Some("a.b.c"));
        assert_eq!(of("Bearer ").as_deref(), Some(""));
        assert_eq!(of("Basic dTpw"), None);
        assert_eq!(of("Bearer").as_deref(), Some(""));
        assert_eq!(of("Bearers x"), None);
    }

    #[test]
    fn of_two_tokens_neither_counts() {
        let twice = [("authorization", "Bearer a"), ("authorization", "Bearer b")];
        assert_eq!(found(&twice, "").unwrap().0, "");
    }

    #[test]
    fn a_parameter_is_decoded_and_may_be_a_ticket() {
        assert_eq!(found(&[], "ticket=a%2Db").unwrap().0, "a-b");
        assert_eq!(found(&[], "access_token=&ticket=x").unwrap().0, "x");
    }
}
