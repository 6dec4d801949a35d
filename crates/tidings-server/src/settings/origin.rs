use std::fmt;

use http::{HeaderValue, Uri};

/// A web origin as a browser writes it in `Origin`: a scheme, a host and, where it is not the
/// usual one, a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin(HeaderValue);

impl Origin {
    /// Reads an item of the setting `allowed_origins`.
    pub(super) fn listed(text: &str) -> Result<Self, String> {
        let refused = || format!("must be origins like https://app.example, not {text:?}");
        let text = text.to_ascii_lowercase();
        let uri: Uri = text.parse().map_err(|_| refused())?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(refused());
        };
        // A path, a user, a wildcard or the usual port would never match what browsers send.
        let is_origin = format!("{scheme}://{authority}") == text;
        let has_usual_port =
            [("http", Some(80)), ("https", Some(443))].contains(&(scheme, authority.port_u16()));
        if !is_origin || has_usual_port || text.contains(['@', '*']) || authority.host().is_empty()
        {
            return Err(refused());
        }
        HeaderValue::try_from(text.as_str())
            .map(Self)
            .map_err(|_| refused())
    }

    pub(crate) fn header(&self) -> &HeaderValue {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.0.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_and_host() {
        for text in [
            "https://app.example",
            "http://localhost:5173",
            "tauri://localhost",
        ] {
            assert_eq!(Origin::listed(text).unwrap().to_string(), text);
        }
        assert_eq!(
            Origin::listed("HTTPS://App.example").unwrap().to_string(),
            "https://app.example"
        );
    }

    #[test]
    fn what_no_browser_sends_or_anybody_could_is_refused() {
        for text in [
            "*",
            "null",
            "",
            "app.example",
            "https://*.example",
            "https://a.example/",
            "https://a.example/x",
            "https://a.example:443",
            "http://a.example:80",
            "https://u@a.example",
            "https://",
            "https:a",
        ] {
            assert!(Origin::listed(text).is_err(), "{text:?}");
        }
    }
}
