use std::fmt;
use std::net::IpAddr;

use reqwest::Url;

use super::reach::Reach;

/// Where requests go, and which addresses may be behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    url: Url,
    reach: Reach,
}

/// Why the hub sends no requests there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
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

impl Place {
    /// A URL with `https` to an address within reach, or with `http` to one that can be reached without.
    pub(crate) fn read(text: &str, reach: Reach, plain: Option<Reach>) -> Result<Self, UrlError> {
        let url = Url::parse(text).map_err(|_| UrlError::NotAUrl)?;
        let host = url.host_str().ok_or(UrlError::NotAUrl)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlError::HasCredentials);
        }
        let reach = match (url.scheme(), plain) {
            ("https", _) => reach,
            ("http", Some(plain)) => plain,
            _ => return Err(UrlError::NotHttps),
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
            Reach::Loopback => UrlError::NotHttps,
            Reach::Public | Reach::Any => UrlError::NotPublic,
        })
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    pub(crate) fn reach(&self) -> Reach {
        self.reach
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(f)
    }
}
