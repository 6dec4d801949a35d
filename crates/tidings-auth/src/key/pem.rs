use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use jsonwebtoken::{DecodingKey, EncodingKey};

use super::public;
use crate::algorithm::Family;
use crate::{Algorithm, KeyError};

/// A text in PEM whose label says that it is a key.
pub(crate) struct Pem<'a>(&'a [u8]);

impl<'a> Pem<'a> {
    pub(crate) fn public(text: &'a [u8]) -> Result<Self, KeyError> {
        match label(text) {
            Some("PUBLIC KEY" | "RSA PUBLIC KEY") => Ok(Self(text)),
            Some(label) if label.ends_with("PRIVATE KEY") => Err(KeyError::Private),
            _ => Err(KeyError::NotPem {
                expected: "public key",
            }),
        }
    }

    pub(crate) fn private(text: &'a [u8]) -> Result<Self, KeyError> {
        match label(text) {
            Some("PRIVATE KEY" | "RSA PRIVATE KEY") => Ok(Self(text)),
            _ => Err(KeyError::NotPem {
                expected: "private key (PKCS #8, or PKCS #1 of RSA)",
            }),
        }
    }

    /// The key to check signatures with.
    pub(super) fn decoding(&self, algorithm: Algorithm) -> Result<DecodingKey, KeyError> {
        let wrong = |_| KeyError::WrongKind { algorithm };
        let key = match algorithm.family() {
            Family::Hmac { .. } => return Err(KeyError::WrongKind { algorithm }),
            Family::Rsa => DecodingKey::from_rsa_pem(self.0).map_err(wrong)?,
            Family::P256 | Family::P384 => DecodingKey::from_ec_pem(self.0).map_err(wrong)?,
            Family::Ed25519 => DecodingKey::from_ed_pem(self.0).map_err(wrong)?,
        };
        if algorithm.family() != Family::Rsa {
            return public::point(algorithm, key.try_get_as_bytes().map_err(wrong)?);
        }
        let jwk = Jwk::from_decoding_key(&key, None).map_err(wrong)?;
        let AlgorithmParameters::RSA(rsa) = jwk.algorithm else {
            return Err(KeyError::WrongKind { algorithm });
        };
        let bytes = |text: &str| {
            let bytes = URL_SAFE_NO_PAD.decode(text);
            bytes.map_err(|_| KeyError::WrongKind { algorithm })
        };
        public::rsa(&bytes(&rsa.n)?, &bytes(&rsa.e)?)
    }

    /// The key to sign with.
    pub(crate) fn encoding(&self, algorithm: Algorithm) -> Result<EncodingKey, KeyError> {
        let key = match algorithm.family() {
            Family::Hmac { .. } => return Err(KeyError::WrongKind { algorithm }),
            Family::Rsa => EncodingKey::from_rsa_pem(self.0),
            Family::P256 | Family::P384 => EncodingKey::from_ec_pem(self.0),
            Family::Ed25519 => EncodingKey::from_ed_pem(self.0),
        };
        key.map_err(|_| KeyError::WrongKind { algorithm })
    }
}

/// What the first block says it is.
fn label(text: &[u8]) -> Option<&str> {
    let text = str::from_utf8(text).ok()?.trim_start();
    let (label, _) = text.strip_prefix("-----BEGIN ")?.split_once("-----")?;
    Some(label)
}
