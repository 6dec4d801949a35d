use std::fmt;
use std::net::IpAddr;

use reqwest::Url;

use super::reach::Reach;

/// Where an issuer publishes its keys. It is fixed: nothing in a token has a say in it.
///
/// ```
/// use tidings_auth::{JwksUrl, JwksUrlError};
///
/// assert!(JwksUrl::new("https://id.example.com/jwks.json").is_ok());
/// assert_eq!(
///     JwksUrl::new("https://169.254.169.254/jwks.json"),
///     Err(JwksUrlError::NotPublic)
/// );
/// assert!(JwksUrl::allowing_private("http://localhost:8080/jwks.json").is_ok());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwksUrl {
    url: Url,
    reach: Reach,
}

/// Why keys are not fetched from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwksUrlError {
    /// The text is not an absolute URL.
    #[error("the text is not an absolute URL")]
    NotAUrl,
    /// The scheme is not `https`. Plain `http` is for this machine alone, and only where private addresses are allowed.
    #[error("the scheme must be https")]
    NotHttps,
    /// The address is private, and private addresses are not allowed.
    #[error("the address is not a public one")]
    NotPublic,
    /// It has a user name or password, which would show in logs.
    #[error("the URL must not have a user name or password")]
    HasCredentials,
}

impl JwksUrl {
    /// A URL on the public internet, with `https`. Every address that the name of its host leads to must be public at
    /// every fetch.
    ///
    /// # Errors
    /// [`JwksUrlError`] says which rule it breaks.
    pub fn new(url: &str) -> Result<Self, JwksUrlError> {
        Self::reaching(url, Reach::Public)
    }

    /// A URL at any address, with `https`; or with `http` on this machine.
    ///
    /// # Errors
    /// [`JwksUrlError`] says which rule it breaks.
    pub fn allowing_private(url: &str) -> Result<Self, JwksUrlError> {
        Self::reaching(url, Reach::Any)
    }

    fn reaching(text: &str, reach: Reach) -> Result<Self, JwksUrlError> {
        let url = Url::parse(text).map_err(|_| JwksUrlError::NotAUrl)?;
        let host = url.host_str().ok_or(JwksUrlError::NotAUrl)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(JwksUrlError::HasCredentials);
        }
        let reach = match url.scheme() {
            "https" => reach,
            "http" if reach == Reach::Any => Reach::Loopback,
            _ => return Err(JwksUrlError::NotHttps),
        };
        // A name is looked at when it has been resolved, but a number never is.
        let number = host.trim_matches(['[', ']']).parse::<IpAddr>();
        let is_allowed = match number {
            Ok(address) => reach.allows(address),
            Err(_) => reach != Reach::Loopback || host == "localhost",
        };
        if is_allowed {
            return Ok(Self { url, reach });
        }
        Err(match reach {
            Reach::Loopback => JwksUrlError::NotHttps,
            Reach::Public | Reach::Any => JwksUrlError::NotPublic,
        })
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    pub(crate) fn reach(&self) -> Reach {
        self.reach
    }
}

impl fmt::Display for JwksUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(f)
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
            assert_eq!(JwksUrl::new(&url), Err(JwksUrlError::NotPublic), "{host}");
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
            assert_eq!(private(&url), Err(JwksUrlError::NotHttps), "{host}");
        }
        let public = JwksUrl::new("http://127.0.0.1/keys");
        assert_eq!(public, Err(JwksUrlError::NotHttps));
    }

    #[test]
    fn what_is_no_plain_address_of_a_page_is_refused() {
        for url in ["", "keys", "//host/keys", "data:,x", "unix:/run/keys"] {
            assert_eq!(JwksUrl::new(url), Err(JwksUrlError::NotAUrl), "{url}");
        }
        let scheme = JwksUrl::allowing_private("ftp://host/keys");
        assert_eq!(scheme, Err(JwksUrlError::NotHttps));
        let credentials = JwksUrl::new("https://user:secret@host/keys");
        assert_eq!(credentials, Err(JwksUrlError::HasCredentials));
    }
}
