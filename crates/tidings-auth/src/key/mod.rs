mod jwk;
mod pem;
mod public;
mod secret;

use std::fmt;
use std::sync::Arc;

use jsonwebtoken::DecodingKey;

use crate::Algorithm;

pub(crate) use self::pem::Pem;
pub(crate) use self::secret::check_secret;

/// A key that tokens are checked with, for one algorithm alone: what a token says of its algorithm decides nothing.
///
/// What kind of key it is and how strong is checked when it is made.
///
/// ```
/// use tidings_auth::{Algorithm, Key, KeyError};
///
/// assert!(Key::secret(Algorithm::Hs256, b"0123456789abcdef0123456789abcdef").is_ok());
/// assert!(matches!(
///     Key::secret(Algorithm::Hs256, b"too short"),
///     Err(KeyError::ShortSecret { least: 32, .. })
/// ));
/// ```
#[derive(Clone)]
pub struct Key {
    kid: Option<Arc<str>>,
    algorithm: Algorithm,
    material: DecodingKey,
}

/// Why something is not a [`Key`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// It goes with other algorithms than the one it is to be for.
    #[error("the key is not one for {algorithm}")]
    WrongKind {
        /// What it was to be for.
        algorithm: Algorithm,
    },
    /// A secret that is a key in PEM: whoever has the public key could sign with it.
    #[error("the secret is a key in PEM: give it as a public key, with the algorithm it is for")]
    PemAsSecret,
    /// The secret is shorter than the hash of its algorithm.
    #[error(
        "the secret for {algorithm} has {actual} bytes, and needs at least {least}: `openssl rand -hex 32` makes one"
    )]
    ShortSecret {
        /// What it was to be for.
        algorithm: Algorithm,
        /// The least bytes it needs.
        least: usize,
        /// The bytes it has.
        actual: usize,
    },
    /// A private key where a public one is enough.
    #[error("the key is private: give the public key that belongs to it")]
    Private,
    /// It is not a key in PEM, or none that is known.
    #[error("the text is not a {expected} in PEM")]
    NotPem {
        /// `public key` or `private key`.
        expected: &'static str,
    },
    /// An RSA key of less than 2048 or more than 8192 bits.
    #[error("the RSA key has {bits} bits, and must have 2048 to 8192")]
    RsaSize {
        /// The bits of its modulus.
        bits: usize,
    },
    /// An RSA key whose public exponent is even or less than 3.
    #[error("the RSA key has an unsafe exponent")]
    RsaExponent,
    /// A JSON Web Key of which a member is missing or does not fit the others.
    #[error("'{member}' of the JSON Web Key is missing or does not fit")]
    Jwk {
        /// Its name.
        member: &'static str,
    },
    /// The text is not a JSON object, or repeats a key.
    #[error("the text is not a JSON Web Key")]
    NotJwk,
}

impl Key {
    /// A secret that is shared with the issuer, for `HS256`, `HS384` or `HS512`: at least 32, 48 or 64 bytes, drawn at
    /// random.
    ///
    /// # Errors
    /// [`KeyError`], also for a key in PEM.
    pub fn secret(algorithm: Algorithm, secret: &[u8]) -> Result<Self, KeyError> {
        check_secret(algorithm, secret)?;
        Ok(Self::new(algorithm, DecodingKey::from_secret(secret)))
    }

    /// The issuer's public key in PEM (`PUBLIC KEY`, or `RSA PUBLIC KEY`).
    ///
    /// # Errors
    /// [`KeyError`], also for a private key.
    pub fn pem(algorithm: Algorithm, pem: &[u8]) -> Result<Self, KeyError> {
        Ok(Self::new(algorithm, Pem::public(pem)?.decoding(algorithm)?))
    }

    /// The issuer's public key as a JSON Web Key (RFC 7517). Without `alg` it is for `RS256`, or for the only algorithm
    /// of its curve.
    ///
    /// ```
    /// use tidings_auth::Key;
    ///
    /// let key = r#"{"kty":"OKP","crv":"Ed25519","kid":"1",
    ///     "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    /// assert!(Key::jwk(key).is_ok());
    /// ```
    ///
    /// # Errors
    /// [`KeyError`], also for a private or symmetric key.
    pub fn jwk(json: &str) -> Result<Self, KeyError> {
        let object = crate::json::object(json.as_bytes()).map_err(|_| KeyError::NotJwk)?;
        Self::from_jwk(&object)
    }

    /// The same key, going by this name: a token that has a `kid` is checked with the key of that name.
    #[must_use]
    pub fn with_kid(self, kid: impl Into<Arc<str>>) -> Self {
        Self {
            kid: Some(kid.into()),
            ..self
        }
    }

    fn new(algorithm: Algorithm, material: DecodingKey) -> Self {
        Self {
            kid: None,
            algorithm,
            material,
        }
    }

    pub(crate) fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether the signature, in base64url, is of this text and made with this key.
    pub(crate) fn verifies(&self, signed: &str, signature: &str) -> bool {
        let algorithm = self.algorithm.jwa();
        // What cannot be read is no signature.
        jsonwebtoken::crypto::verify(signature, signed.as_bytes(), &self.material, algorithm)
            .unwrap_or(false)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}
