/// Why a credential is not taken.
///
/// The text is for operators and names no part of the credential. Clients are told [`Denied::PUBLIC_MESSAGE`] whatever it
/// is, so that they learn nothing by trying.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Denied {
    /// The token is longer than 8 KiB.
    #[error("the token is longer than {} bytes", crate::token::MAX_BYTES)]
    TooLong,
    /// The text is not a signed token: three parts in base64url, of which the first two are JSON objects.
    #[error("the text is not a signed token")]
    NotAToken,
    /// An object in the token has a key twice.
    #[error("the token has a JSON object that repeats a key")]
    RepeatedKey,
    /// A field of the token's header is missing, of the wrong type, or one that must not be there.
    #[error("the field '{field}' of the token's header is missing or not allowed")]
    Header {
        /// Its name.
        field: &'static str,
    },
    /// The algorithm is not one that is supported; `none` never is.
    #[error("the token's algorithm is not supported")]
    UnknownAlgorithm,
    /// The key that the token names is for another algorithm.
    #[error("the token's algorithm is not that of the key")]
    WrongAlgorithm,
    /// A claim that the token must have is missing.
    #[error("the token has no claim '{claim}'")]
    MissingClaim {
        /// Its name.
        claim: &'static str,
    },
    /// A claim is of the wrong type or not allowed to be what it is.
    #[error("the claim '{claim}' of the token cannot be taken")]
    BadClaim {
        /// Its name.
        claim: &'static str,
    },
    /// A claim has more selectors than [`MAX_SELECTORS`](crate::MAX_SELECTORS).
    #[error("the claim '{claim}' of the token has too many selectors")]
    TooManySelectors {
        /// Its name.
        claim: &'static str,
    },
    /// The token is from no issuer that is configured.
    #[error("the token's issuer is not known")]
    UnknownIssuer,
    /// The token is for others.
    #[error("the token is for another audience")]
    WrongAudience,
    /// Its time is over.
    #[error("the credential has expired")]
    Expired,
    /// Its time has not begun.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// It lives longer than its issuer is allowed to let it.
    #[error("the token lives too long")]
    LivesTooLong,
    /// The issuer has no such key, or several that it might be.
    #[error("the token's key is not known")]
    UnknownKey,
    /// The issuer's keys cannot be had for now.
    #[error("the keys of the token's issuer cannot be had")]
    KeysUnavailable,
    /// The signature was not made with the issuer's key.
    #[error("the token's signature is wrong")]
    WrongSignature,
    /// The text is not an API key.
    #[error("the text is not an API key")]
    NotAnApiKey,
    /// There is no API key of this id.
    #[error("the API key's id is not known")]
    UnknownApiKey,
    /// The API key has another secret.
    #[error("the API key's secret is wrong")]
    WrongApiKey,
    /// The ticket was never given out, was used, or is too old.
    #[error("the ticket is not known, was used, or is too old")]
    UnknownTicket,
    /// It was revoked.
    #[error("the credential was revoked")]
    Revoked,
}

impl Denied {
    /// What clients are told.
    pub const PUBLIC_MESSAGE: &'static str = "the credentials are missing or not valid";

    /// Whether the same credential may well be taken a little later: nothing is known against it.
    pub fn is_temporary(self) -> bool {
        self == Self::KeysUnavailable
    }
}
