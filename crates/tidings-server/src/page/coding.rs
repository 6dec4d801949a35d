use http::HeaderMap;
use http::header::ACCEPT_ENCODING;

/// Whether whoever asks takes gzip (RFC 9110 §12.5.3): named, or by `*` without being named, and
/// not with a weight of 0.
pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING).iter();
    let items = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    let (mut named, mut others) = (None, false);
    for item in items {
        let (name, weight) = item.split_once(';').unwrap_or((item, ""));
        let is_wanted = weight
            .trim()
            .strip_prefix("q=")
            .is_none_or(|weight| weight.trim().parse().is_ok_and(|weight: f32| weight > 0.0));
        match name.trim().to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => named = Some(is_wanted),
            "*" => others = is_wanted,
            _ => {}
        }
    }
    named.unwrap_or(others)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_taken_where_it_is_wanted() {
        for (value, expected) in [
            ("gzip, deflate, br", true),
            ("GZIP;q=0.5", true),
            ("*", true),
            ("*, gzip;q=0", false),
            ("gzip; q=0.0", false),
            ("br", false),
            ("gzip;q=much", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, value.parse().unwrap());
            assert_eq!(accepts_gzip(&headers), expected, "{value}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}
