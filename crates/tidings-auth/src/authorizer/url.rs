use std::fmt;

use crate::UrlError;
use crate::outbound::{Place, Reach};

/// Where an application is asked. It is fixed: nothing in a credential or an answer has a say in it.
///
/// ```
/// use tidings_auth::{AuthorizerUrl, UrlError};
///
/// assert!(AuthorizerUrl::new("https://app.internal/access").is_ok());
/// assert!(AuthorizerUrl::new("http://localhost:3000/access").is_ok());
/// assert_eq!(AuthorizerUrl::new("http://app.internal/access"), Err(UrlError::NotHttps));
/// assert!(AuthorizerUrl::allowing_http("http://app.internal/access").is_ok());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizerUrl(Place);

impl AuthorizerUrl {
    /// A URL at any address, with `https`; or with `http` on this machine.
    ///
    /// # Errors
    /// [`UrlError`] says which rule it breaks.
    pub fn new(url: &str) -> Result<Self, UrlError> {
        Place::read(url, Reach::Any, Some(Reach::Loopback)).map(Self)
    }

    /// The same, and with `http` anywhere: whoever is between can read who comes, and can answer in the application's place.
    ///
    /// # Errors
    /// [`UrlError`] says which rule it breaks.
    pub fn allowing_http(url: &str) -> Result<Self, UrlError> {
        Place::read(url, Reach::Any, Some(Reach::Any)).map(Self)
    }

    pub(super) fn place(&self) -> &Place {
        &self.0
    }
}

impl fmt::Display for AuthorizerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
