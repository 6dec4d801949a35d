use std::fmt;

use crate::UrlError;
use crate::outbound::{Place, Reach};

/// Where an issuer publishes its keys. It is fixed: nothing in a token has a say in it.
///
/// ```
/// use tidings_auth::{JwksUrl, UrlError};
///
/// assert!(JwksUrl::new("https://id.example.com/jwks.json").is_ok());
/// assert_eq!(
///     JwksUrl::new("https://169.254.169.254/jwks.json"),
///     Err(UrlError::NotPublic)
/// );
/// assert!(JwksUrl::allowing_private("http://localhost:8080/jwks.json").is_ok());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwksUrl(Place);

impl JwksUrl {
    /// A URL on the public internet, with `https`. Every address that the name of its host leads to must be public at
    /// every fetch.
    ///
    /// # Errors
    /// [`UrlError`] says which rule it breaks.
    pub fn new(url: &str) -> Result<Self, UrlError> {
        Place::read(url, Reach::Public, None).map(Self)
    }

    /// A URL at any address, with `https`; or with `http` on this machine.
    ///
    /// # Errors
    /// [`UrlError`] says which rule it breaks.
    pub fn allowing_private(url: &str) -> Result<Self, UrlError> {
        Place::read(url, Reach::Any, Some(Reach::Loopback)).map(Self)
    }

    pub(crate) fn place(&self) -> &Place {
        &self.0
    }
}

impl fmt::Display for JwksUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_in_any_form_is_judged_as_the_address_it_is() {
        for host in [
            "127.0.0.1",
            "127.1",
            "0x7f.1",
            "2130706433",
            "[::1]",
            "[::ffff:10.0.0.1]",
            "169.254.169.254",
            "192.168.0.1",
            "0",
        ] {
            let url = format!("https://{host}/keys");
            assert_eq!(JwksUrl::new(&url), Err(UrlError::NotPublic), "{host}");
            assert!(JwksUrl::allowing_private(&url).is_ok(), "{host}");
        }
        assert!(JwksUrl::new("https://1.1.1.1/keys").is_ok());
    }

    #[test]
    fn plain_http_is_for_this_machine_alone() {
        let private = |url: &str| JwksUrl::allowing_private(url);
        assert!(private("http://127.0.0.1:9/keys").is_ok());
        assert!(private("http://[::1]/keys").is_ok());
        assert!(private("http://localhost/keys").is_ok());
        for host in [
            "10.0.0.1",
            "id.example.com",
            "localhost.example.com",
            "1.1.1.1",
        ] {
            let url = format!("http://{host}/keys");
            assert_eq!(private(&url), Err(UrlError::NotHttps), "{host}");
        }
        let public = JwksUrl::new("http://127.0.0.1/keys");
        assert_eq!(public, Err(UrlError::NotHttps));
    }

    #[test]
    fn what_is_no_plain_address_of_a_page_is_refused() {
        for url in ["", "keys", "//host/keys", "data:,x", "unix:/run/keys"] {
            assert_eq!(JwksUrl::new(url), Err(UrlError::NotAUrl), "{url}");
        }
        let scheme = JwksUrl::allowing_private("ftp://host/keys");
        assert_eq!(scheme, Err(UrlError::NotHttps));
        let credentials = JwksUrl::new("https://user:secret@host/keys");
        assert_eq!(credentials, Err(UrlError::HasCredentials));
    }
}
