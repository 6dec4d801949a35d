use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::random::{LETTERS_AND_DIGITS, LOWER, SECRET_LENGTH, text};

/// What every API key begins with, so that it is known as one wherever it turns up.
const PREFIX: &str = "tdk_";

/// The length of the ids that are drawn.
const ID_LENGTH: usize = 12;

/// An API key: `tdk_<id>_<secret>`. Its owner has all of it; the hub keeps the id and the [`SecretHash`].
///
/// ```
/// use tidings_auth::ApiKey;
///
/// let key = ApiKey::generate();
/// let text = key.text();
/// assert!(text.starts_with("tdk_"));
/// assert_eq!(text.parse::<ApiKey>()?.hash(), key.hash());
/// # Ok::<(), tidings_auth::ApiKeyError>(())
/// ```
#[derive(Clone)]
pub struct ApiKey {
    id: String,
    secret: String,
}

/// Why a text is not an [`ApiKey`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApiKeyError {
    /// It does not begin with `tdk_`, or there is no `_` after the id.
    #[error("an API key is tdk_<id>_<secret>")]
    Form,
    /// The id is not 8 to 16 lower-case letters and digits.
    #[error("the id of an API key has 8 to 16 lower-case letters and digits")]
    Id,
    /// The secret is not 43 letters and digits.
    #[error("the secret of an API key has {SECRET_LENGTH} letters and digits")]
    Secret,
}

impl ApiKey {
    /// A new key, with a secret of 256 bits.
    pub fn generate() -> Self {
        Self {
            id: text(LOWER, ID_LENGTH),
            secret: text(LETTERS_AND_DIGITS, SECRET_LENGTH),
        }
    }

    /// Whether it can be the id of a key: 8 to 16 lower-case letters and digits.
    ///
    /// ```
    /// use tidings_auth::ApiKey;
    ///
    /// assert!(ApiKey::is_id("k3v9x1m7"));
    /// assert!(!ApiKey::is_id(&ApiKey::generate().text()));
    /// ```
    pub fn is_id(text: &str) -> bool {
        let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        (8..=16).contains(&text.len()) && text.bytes().all(is_allowed)
    }

    /// Its public part.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// All of it, which is for its owner alone.
    pub fn text(&self) -> String {
        format!("{PREFIX}{}_{}", self.id, self.secret)
    }

    /// What the hub keeps of its secret.
    pub fn hash(&self) -> SecretHash {
        SecretHash(Sha256::digest(&self.secret).into())
    }
}

impl FromStr for ApiKey {
    type Err = ApiKeyError;

    fn from_str(text: &str) -> Result<Self, ApiKeyError> {
        let parts = text
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split_once('_'));
        let (id, secret) = parts.ok_or(ApiKeyError::Form)?;
        if !Self::is_id(id) {
            return Err(ApiKeyError::Id);
        }
        if secret.len() != SECRET_LENGTH || !secret.bytes().all(|byte| byte.is_ascii_alphanumeric())
        {
            return Err(ApiKeyError::Secret);
        }
        Ok(Self {
            id: id.to_owned(),
            secret: secret.to_owned(),
        })
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// The SHA-256 of an API key's secret; as text, 64 hexadecimal digits. A secret of 256 random bits is not found by trying,
/// so nothing slower is needed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SecretHash(pub(crate) [u8; 32]);

/// The text is not a [`SecretHash`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the hash of an API key has 64 hexadecimal digits")]
pub struct SecretHashError;

impl fmt::Display for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretHash({self})")
    }
}

impl FromStr for SecretHash {
    type Err = SecretHashError;

    fn from_str(text: &str) -> Result<Self, SecretHashError> {
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != 32 || !rest.is_empty() {
            return Err(SecretHashError);
        }
        let digit = |byte: u8| char::from(byte).to_digit(16).ok_or(SecretHashError);
        let mut hash = [0; 32];
        for (byte, [high, low]) in hash.iter_mut().zip(pairs) {
            *byte = u8::try_from(digit(*high)? << 4 | digit(*low)?).map_err(|_| SecretHashError)?;
        }
        Ok(Self(hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_written() {
        let key = ApiKey::generate();
        let read: ApiKey = key.text().parse().unwrap();
        assert_eq!((read.id(), read.hash()), (key.id(), key.hash()));
        assert_ne!(key.hash(), ApiKey::generate().hash());
    }

    #[test]
    fn what_is_wrong_with_a_text_is_told() {
        let refused = |text: String| text.parse::<ApiKey>().unwrap_err();
        let secret = "x".repeat(SECRET_LENGTH);
        for text in [
            "",
            "tdk",
            "tdk_abcdefgh",
            "TDK_abcdefgh_x",
            "tdt_abcdefgh_x",
        ] {
            assert_eq!(refused(text.to_owned()), ApiKeyError::Form, "{text}");
        }
        for id in [
            "",
            "abcdefg",
            "abcdefghijklmnopq",
            "ABCDEFGH",
            "abcdefg-",
            "abcdefgé",
        ] {
            assert_eq!(
                refused(format!("tdk_{id}_{secret}")),
                ApiKeyError::Id,
                "{id}"
            );
        }
        for secret in [
            "",
            &secret[1..],
            &format!("{secret}x"),
            &format!("{}_", &secret[1..]),
        ] {
            assert_eq!(
                refused(format!("tdk_abcdefgh_{secret}")),
                ApiKeyError::Secret
            );
        }
    }

    #[test]
    fn nothing_printed_has_the_secret() {
        let key = ApiKey::generate();
        assert!(!format!("{key:?}").contains(&key.secret));
    }

    #[test]
    fn a_hash_is_the_sha_256_of_the_secret() {
        let key: ApiKey = format!("tdk_abcdefgh_{}", "a".repeat(43)).parse().unwrap();
        let expected: [u8; 32] = Sha256::digest("a".repeat(43)).into();
        assert_eq!(key.hash(), SecretHash(expected));
        assert_eq!(key.hash().to_string().parse(), Ok(key.hash()));
        assert_eq!(
            key.hash().to_string().to_uppercase().parse(),
            Ok(key.hash())
        );
        for text in [
            "",
            &"a".repeat(63),
            &"a".repeat(65),
            &"g".repeat(64),
            &"é".repeat(32),
        ] {
            assert_eq!(text.parse::<SecretHash>(), Err(SecretHashError), "{text}");
        }
    }
}
