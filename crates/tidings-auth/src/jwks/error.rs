use std::error::Error;

/// Why the keys of an issuer were not fetched. Those fetched before are kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JwksError {
    /// There was no answer within 5 seconds, or no connection to an address that is allowed.
    #[error("the keys were not answered for")]
    Unanswered(#[source] Box<dyn Error + Send + Sync>),
    /// The answer was not 200; redirects are not followed.
    #[error("the answer had the status {0}")]
    Status(u16),
    /// The answer is larger than 64 KiB.
    #[error("the answer is larger than {} bytes", super::source::MAX_BYTES)]
    TooLarge,
    /// The answer is not a JSON Web Key Set (RFC 7517, section 5).
    #[error("the answer is not a JSON Web Key Set")]
    NotAKeySet,
    /// There are more than 100 keys.
    #[error("the answer has more than {} keys", super::document::MAX_KEYS)]
    TooManyKeys,
}
