use std::{fmt, str::FromStr};

use jsonwebtoken::Algorithm as Jwa;

/// How a token is signed (RFC 7518, section 3; RFC 8037). There is no `none`.
///
/// ```
/// use tidings_auth::Algorithm;
///
/// assert_eq!("ES256".parse(), Ok(Algorithm::Es256));
/// assert!("none".parse::<Algorithm>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
    /// RSA (PKCS #1 v1.5) with SHA-256.
    Rs256,
    /// RSA (PKCS #1 v1.5) with SHA-384.
    Rs384,
    /// RSA (PKCS #1 v1.5) with SHA-512.
    Rs512,
    /// RSA (PSS) with SHA-256.
    Ps256,
    /// RSA (PSS) with SHA-384.
    Ps384,
    /// RSA (PSS) with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
}

/// The text is not the name of an [`Algorithm`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected one of HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA"
)]
pub struct AlgorithmError;

/// What keys an algorithm goes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// A shared secret of at least so many bytes: as many as the hash has (RFC 7518, section 3.2).
    Hmac {
        least: usize,
    },
    Rsa,
    P256,
    P384,
    Ed25519,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Hs256,
        Self::Hs384,
        Self::Hs512,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
    ];

    /// Its name in a token's header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }

    pub(crate) fn family(self) -> Family {
        match self {
            Self::Hs256 => Family::Hmac { least: 32 },
            Self::Hs384 => Family::Hmac { least: 48 },
            Self::Hs512 => Family::Hmac { least: 64 },
            Self::Rs256 | Self::Rs384 | Self::Rs512 => Family::Rsa,
            Self::Ps256 | Self::Ps384 | Self::Ps512 => Family::Rsa,
            Self::Es256 => Family::P256,
            Self::Es384 => Family::P384,
            Self::EdDsa => Family::Ed25519,
        }
    }

    pub(crate) fn jwa(self) -> Jwa {
        match self {
            Self::Hs256 => Jwa::HS256,
            Self::Hs384 => Jwa::HS384,
            Self::Hs512 => Jwa::HS512,
            Self::Rs256 => Jwa::RS256,
            Self::Rs384 => Jwa::RS384,
            Self::Rs512 => Jwa::RS512,
            Self::Ps256 => Jwa::PS256,
            Self::Ps384 => Jwa::PS384,
            Self::Ps512 => Jwa::PS512,
            Self::Es256 => Jwa::ES256,
            Self::Es384 => Jwa::ES384,
            Self::EdDsa => Jwa::EdDSA,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Algorithm {
    type Err = AlgorithmError;

    fn from_str(text: &str) -> Result<Self, AlgorithmError> {
        let mut all = Self::ALL.into_iter();
        all.find(|own| own.as_str() == text).ok_or(AlgorithmError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_exact_names_are_algorithms() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.as_str().parse(), Ok(algorithm));
        }
        for text in [
            "", "none", "None", "NoNe", "hs256", "HS256 ", "EDDSA", "ES512", "HS",
        ] {
            assert_eq!(text.parse::<Algorithm>(), Err(AlgorithmError), "{text}");
        }
    }
}
