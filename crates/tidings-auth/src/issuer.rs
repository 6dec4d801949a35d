use std::sync::Arc;
use std::time::Duration;

use crate::{JwksUrl, Key, RightsTemplate};

/// The longest a token may live, unless its issuer is allowed more or less.
const MAX_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// Somebody whose tokens are taken, and on what terms.
///
/// ```
/// use std::time::Duration;
///
/// use tidings_auth::{Issuer, JwksUrl, Namespace, RightsTemplate};
///
/// let issuer = Issuer::with_jwks(JwksUrl::new("https://id.example.com/jwks.json")?)
///     .named("https://id.example.com")
///     .for_audience("tidings")
///     .in_namespace(Namespace::Fixed("shop".into()))
///     .default_rights(RightsTemplate::new([""; 0], ["users/{identity}/**"])?)
///     .max_lifetime(Duration::from_secs(3600));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Issuer {
    pub(crate) name: Option<Arc<str>>,
    pub(crate) keys: Keys,
    pub(crate) terms: Terms,
}

/// Where the keys of an issuer are from.
#[derive(Clone, Debug)]
pub(crate) enum Keys {
    Given(Vec<Key>),
    Published(JwksUrl),
}

/// What is asked of an issuer's tokens, and what they get.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    /// A token must be for one of these; for none in particular if there are none.
    pub(crate) audiences: Vec<Arc<str>>,
    pub(crate) namespace: Namespace,
    /// What tokens get that say nothing about Tidings.
    pub(crate) default_rights: RightsTemplate,
    pub(crate) max_lifetime: Duration,
}

/// Where the tokens of an issuer are good.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Namespace {
    /// In the default namespace.
    #[default]
    Default,
    /// In this one, by a name that [can be one](Self::is_name).
    Fixed(Arc<str>),
    /// In the one that each token claims, as `tidings.namespace`; there is no token without. The issuer is trusted with
    /// all of them.
    Claimed,
}

impl Namespace {
    /// Whether a namespace can have this name: 1 to 64 of `a` to `z`, `0` to `9` and `-`, so that it can be that of a folder
    /// wherever folders are.
    ///
    /// ```
    /// use tidings_auth::Namespace;
    ///
    /// assert!(Namespace::is_name("shop-2"));
    /// assert!(!Namespace::is_name("Shop"));
    /// assert!(!Namespace::is_name("../shop"));
    /// ```
    pub fn is_name(text: &str) -> bool {
        let is_allowed = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        (1..=64).contains(&text.len()) && text.bytes().all(is_allowed)
    }
}

impl Issuer {
    /// An issuer with these keys. A key without a name serves whatever tokens name a key that is not there.
    pub fn with_keys(keys: impl IntoIterator<Item = Key>) -> Self {
        Self::new(Keys::Given(keys.into_iter().collect()))
    }

    /// An issuer that publishes its keys. They are fetched again every 5 minutes, and, at most every 30 seconds, when a
    /// token names one that is not there. While they cannot be fetched those that were fetched last are good for a day.
    pub fn with_jwks(url: JwksUrl) -> Self {
        Self::new(Keys::Published(url))
    }

    /// What the claim `iss` of its tokens is. One issuer may go without: it answers for the tokens of all that have no
    /// other.
    pub fn named(mut self, iss: impl Into<Arc<str>>) -> Self {
        self.name = Some(iss.into());
        self
    }

    /// Takes only tokens whose claim `aud` has this, or another audience that is given. Without any, tokens that are for
    /// somebody in particular are refused (RFC 7519, section 4.1.3).
    pub fn for_audience(mut self, aud: impl Into<Arc<str>>) -> Self {
        self.terms.audiences.push(aud.into());
        self
    }

    /// Where its tokens are good. Default: [`Namespace::Default`].
    pub fn in_namespace(mut self, namespace: Namespace) -> Self {
        self.terms.namespace = namespace;
        self
    }

    /// What a token may do that has no claim `tidings`. Default: nothing.
    pub fn default_rights(mut self, rights: RightsTemplate) -> Self {
        self.terms.default_rights = rights;
        self
    }

    /// How long a token may live: from its `iat` on, or from now on if it has none, to its `exp`. Default: 24 hours.
    pub fn max_lifetime(mut self, lifetime: Duration) -> Self {
        self.terms.max_lifetime = lifetime;
        self
    }

    fn new(keys: Keys) -> Self {
        Self {
            name: None,
            keys,
            terms: Terms {
                audiences: Vec::new(),
                namespace: Namespace::Default,
                default_rights: RightsTemplate::default(),
                max_lifetime: MAX_LIFETIME,
            },
        }
    }
}
