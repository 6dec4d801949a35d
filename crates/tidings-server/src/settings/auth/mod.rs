//! Who is let in: `[auth]`, `[[issuer]]`, `[[api_key]]` and `[authorizer]`.

mod api_key;
mod authorizer;
mod issuer;
mod rights;
mod secret;

use std::collections::HashSet;
use std::time::Duration;

use tidings_auth::{
    Algorithm, Issuer, Key, KeyRing, KeyRingError, Namespace, Rights, Verifier, VerifierError,
};
use toml::Value;

pub(super) use crate::settings::auth::api_key::ApiKeySettings;
pub(crate) use crate::settings::auth::authorizer::AuthorizerSettings;
pub(super) use crate::settings::auth::issuer::{IssuerSettings, KeySource};
pub(super) use crate::settings::auth::rights::RightsSettings;
use crate::settings::auth::secret::Secret;
use crate::settings::given::Given;
use crate::settings::value;

/// A year as durations are written, which is a quarter of a day more than 365.
const YEAR: Duration = Duration::from_secs(31_557_600);

/// To how many namespaces what somebody shows can lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NamespaceCount {
    One,
    Several,
}

/// Who is let in. Without any key it is everybody who reaches the hub.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AuthSettings {
    /// `auth.jwt_secret`: the one key of a hub whose tokens are signed with HS256.
    pub(super) jwt_secret: Option<Secret>,
    /// `auth.max_token_lifetime`: how long a token may be good for, unless its issuer says otherwise. 1 s to 10 years,
    /// default one year.
    pub(super) max_lifetime: Duration,
    /// `auth.query_tokens`: whether streams may carry tokens in their URL. Default false; tickets always may.
    pub(crate) query_tokens: bool,
    /// `auth.anonymous_publish` and `auth.anonymous_subscribe`: what may be done without credentials where there are
    /// keys. Default nothing.
    pub(crate) anonymous: Rights,
    /// `[[issuer]]`: whose tokens are taken.
    pub(super) issuers: Vec<IssuerSettings>,
    /// `[[api_key]]`: who comes with a key that is no token.
    pub(super) api_keys: Vec<ApiKeySettings>,
    /// `[authorizer]`: an application that decides about them.
    pub(crate) authorizer: Option<AuthorizerSettings>,
}

impl AuthSettings {
    pub(super) fn read(given: &mut Given) -> Self {
        let publish = given.read("auth.anonymous_publish", value::selectors, Vec::new());
        let subscribe = given.read("auth.anonymous_subscribe", value::selectors, Vec::new());
        let max_lifetime = given.read("auth.max_token_lifetime", lifetime(), YEAR);
        let auth = Self {
            max_lifetime,
            jwt_secret: given.read("auth.jwt_secret", jwt_secret, None),
            query_tokens: given.read("auth.query_tokens", value::flag, false),
            anonymous: Rights::new(publish, subscribe),
            issuers: given.each("issuer", |issuer| {
                IssuerSettings::read(issuer, max_lifetime)
            }),
            api_keys: given.each("api_key", ApiKeySettings::read),
            authorizer: AuthorizerSettings::read(given),
        };
        if auth.authorizer.is_some() && !auth.has_keys() {
            let problem = "authorizer.url: there is no key, so nobody shows credentials that the application could be asked \
                           about: set one (TIDINGS_AUTH_JWT_SECRET, at least 32 bytes, or [[issuer]] or [[api_key]] in the \
                           file), or leave out [authorizer]";
            given.problems_mut().push(problem.to_owned());
        }
        // What is wrong with all of them together. Each by itself has been told.
        if given.problems_mut().is_empty() {
            let verifier = auth.verifier().map_err(|error| format!("issuer: {error}"));
            let key_ring = auth.key_ring().map_err(|error| format!("api_key: {error}"));
            let authorizer = auth.authorizer.as_ref().map(AuthorizerSettings::client);
            let authorizer = authorizer
                .transpose()
                .map_err(|error| format!("authorizer: {error}"));
            let problems = [verifier.err(), key_ring.err(), authorizer.err()];
            given.problems_mut().extend(problems.into_iter().flatten());
        }
        auth
    }

    /// Whether anybody can prove who they are.
    pub(crate) fn has_keys(&self) -> bool {
        self.jwt_secret.is_some() || !self.issuers.is_empty() || !self.api_keys.is_empty()
    }

    /// Whether all who come are in the same namespace.
    pub(super) fn namespaces(&self) -> NamespaceCount {
        let has_anonymous = self.anonymous != Rights::default();
        let in_default =
            (self.jwt_secret.is_some() || has_anonymous || !self.has_keys()).then_some(Some(None));
        let of_issuers = self.issuers.iter().map(|issuer| match &issuer.namespace {
            Namespace::Default => Some(None),
            Namespace::Fixed(name) => Some(Some(&**name)),
            Namespace::Claimed => None,
        });
        let of_keys = self
            .api_keys
            .iter()
            .map(|key| Some(key.namespace.as_deref()));
        // What a token says may be anything.
        let all: Option<HashSet<Option<&str>>> = in_default
            .into_iter()
            .chain(of_issuers)
            .chain(of_keys)
            .collect();
        match all {
            Some(all) if all.len() <= 1 => NamespaceCount::One,
            _ => NamespaceCount::Several,
        }
    }

    /// What judges tokens.
    ///
    /// # Errors
    ///
    /// Two issuers that cannot be told apart.
    pub(crate) fn verifier(&self) -> Result<Verifier, VerifierError> {
        let shared = self.jwt_secret.as_ref().map(|secret| {
            let key = Key::secret(Algorithm::Hs256, secret.as_bytes());
            let issuer = Issuer::with_keys([key.expect("it was tried when it was read")]);
            issuer.max_lifetime(self.max_lifetime)
        });
        let others = self.issuers.iter().map(IssuerSettings::issuer);
        Verifier::new(shared.into_iter().chain(others))
    }

    /// What judges API keys.
    ///
    /// # Errors
    ///
    /// Two keys of the same id.
    pub(crate) fn key_ring(&self) -> Result<KeyRing, KeyRingError> {
        KeyRing::new(self.api_keys.iter().map(ApiKeySettings::stored))
    }
}

/// How long a token may be good for.
fn lifetime() -> impl FnOnce(&Value) -> Result<Duration, String> {
    value::duration(Duration::from_secs(1)..=YEAR * 10)
}

fn jwt_secret(value: &Value) -> Result<Option<Secret>, String> {
    let secret = Secret::new(value::text(value)?);
    match Key::secret(Algorithm::Hs256, secret.as_bytes()) {
        Ok(_) => Ok(Some(secret)),
        Err(error) => Err(error.to_string()),
    }
}
