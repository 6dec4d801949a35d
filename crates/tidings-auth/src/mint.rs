use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::EncodingKey;
use serde::Serialize;
use tidings::Timestamp;

use crate::key::{Pem, check_secret};
use crate::random::{LETTERS_AND_DIGITS, text};
use crate::{Algorithm, Denied, KeyError, explain};

/// Makes tokens.
///
/// ```
/// use tidings::Timestamp;
/// use tidings_auth::{Algorithm, Minter, NewToken, explain};
///
/// let now = Timestamp::from_millis(1_767_225_600_000);
/// let minter = Minter::secret(Algorithm::Hs256, b"0123456789abcdef0123456789abcdef")?;
/// let token = minter.mint(
///     &NewToken {
///         publish: vec!["orders/*".to_owned()],
///         identity: Some("shop".to_owned()),
///         ..NewToken::default()
///     },
///     now,
/// )?;
/// assert_eq!(explain(&token, now)?.grant?.identity.as_deref(), Some("shop"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Minter {
    algorithm: Algorithm,
    kid: Option<Arc<str>>,
    key: EncodingKey,
}

/// What a token is to say.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// What may be published to; `{identity}` may be a segment.
    pub publish: Vec<String>,
    /// What may be subscribed to; `{identity}` may be a segment.
    pub subscribe: Vec<String>,
    /// Whether it lets administrate.
    pub admin: bool,
    /// Whose it is (`sub`).
    pub identity: Option<String>,
    /// Where it is good, if its issuer may choose (`tidings.namespace`).
    pub namespace: Option<String>,
    /// Who made it (`iss`).
    pub issuer: Option<String>,
    /// Who it is for (`aud`).
    pub audience: Option<String>,
    /// What it can be revoked by (`jti`). Without, one is drawn.
    pub jti: Option<String>,
    /// How long it is good, in whole seconds; default: an hour.
    pub lifetime: Duration,
}

/// Why no token was made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MintError {
    /// No hub would take it, for what it says or because it is too long.
    #[error("no hub would take the token")]
    Refused(#[source] Denied),
    /// The key does not sign.
    #[error("the key does not sign")]
    Key(#[source] KeyError),
}

impl Default for NewToken {
    fn default() -> Self {
        Self {
            publish: Vec::new(),
            subscribe: Vec::new(),
            admin: false,
            identity: None,
            namespace: None,
            issuer: None,
            audience: None,
            jti: None,
            lifetime: Duration::from_secs(3600),
        }
    }
}

impl Minter {
    /// Signs with a secret, for `HS256`, `HS384` or `HS512`: at least 32, 48 or 64 bytes.
    ///
    /// # Errors
    /// [`KeyError`], also for a key in PEM.
    pub fn secret(algorithm: Algorithm, secret: &[u8]) -> Result<Self, KeyError> {
        check_secret(algorithm, secret)?;
        Ok(Self {
            algorithm,
            kid: None,
            key: EncodingKey::from_secret(secret),
        })
    }

    /// Signs with a private key in PEM: `PRIVATE KEY` (PKCS #8), or `RSA PRIVATE KEY`.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn pem(algorithm: Algorithm, pem: &[u8]) -> Result<Self, KeyError> {
        let minter = Self {
            algorithm,
            kid: None,
            key: Pem::private(pem)?.encoding(algorithm)?,
        };
        // Only by signing is it known whether it is long enough, and on the right curve.
        minter.sign("")?;
        Ok(minter)
    }

    /// Names the key in the tokens (`kid`).
    #[must_use]
    pub fn with_kid(self, kid: impl Into<Arc<str>>) -> Self {
        Self {
            kid: Some(kid.into()),
            ..self
        }
    }

    /// A token that says this, good from now on.
    ///
    /// # Errors
    /// [`MintError`], for a token that no hub would take.
    pub fn mint(&self, token: &NewToken, now: Timestamp) -> Result<String, MintError> {
        let header = Header {
            typ: "JWT",
            alg: self.algorithm.as_str(),
            kid: self.kid.as_deref(),
        };
        let issued_at = now.as_millis() / 1000;
        let drawn = || text(LETTERS_AND_DIGITS, 22);
        let claims = Claims {
            iss: token.issuer.as_deref(),
            sub: token.identity.as_deref(),
            aud: token.audience.as_deref(),
            exp: issued_at.saturating_add(token.lifetime.as_secs()),
            iat: issued_at,
            jti: &token.jti.clone().unwrap_or_else(drawn),
            tidings: Access {
                publish: &token.publish,
                subscribe: &token.subscribe,
                admin: token.admin,
                namespace: token.namespace.as_deref(),
            },
        };
        let signed = format!("{}.{}", encoded(&header), encoded(&claims));
        let signature = self.sign(&signed).map_err(MintError::Key)?;
        let text = format!("{signed}.{signature}");
        let explanation = explain(&text, now).map_err(MintError::Refused)?;
        explanation.grant.map_err(MintError::Refused)?;
        Ok(text)
    }

    fn sign(&self, text: &str) -> Result<String, KeyError> {
        let algorithm = self.algorithm;
        jsonwebtoken::crypto::sign(text.as_bytes(), &self.key, algorithm.jwa())
            .map_err(|_| KeyError::WrongKind { algorithm })
    }
}

impl fmt::Debug for Minter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Minter")
            .field("algorithm", &self.algorithm)
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct Header<'a> {
    typ: &'static str,
    alg: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
}

#[derive(Serialize)]
struct Claims<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
    exp: u64,
    iat: u64,
    jti: &'a str,
    tidings: Access<'a>,
}

#[derive(Serialize)]
struct Access<'a> {
    publish: &'a [String],
    subscribe: &'a [String],
    admin: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
}

fn encoded(part: &impl Serialize) -> String {
    let json = serde_json::to_vec(part).expect("texts, numbers and lists of them are JSON");
    URL_SAFE_NO_PAD.encode(json)
}
