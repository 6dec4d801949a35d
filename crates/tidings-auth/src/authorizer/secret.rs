use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What the text of a secret begins with.
const PREFIX: &str = "whsec_";

const MAKING: &str = "`echo \"whsec_$(openssl rand -base64 32)\"` makes one";

/// How many bytes a secret has.
const BYTES: RangeInclusive<usize> = 24..=64;

/// What questions to an application are signed with: `whsec_` and 24 to 64 bytes in base64, as Standard Webhooks has it.
///
/// ```
/// use tidings_auth::AuthorizerSecret;
///
/// let secret: AuthorizerSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse()?;
/// assert_eq!(format!("{secret:?}"), "AuthorizerSecret(…)");
/// # Ok::<(), tidings_auth::AuthorizerSecretError>(())
/// ```
#[derive(Clone)]
pub struct AuthorizerSecret(hmac::Key);

/// Why a text is no secret to sign with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorizerSecretError {
    /// It begins otherwise.
    #[error("must begin with {PREFIX}: {MAKING}")]
    Prefix,
    /// What follows is not base64, with padding.
    #[error("must be base64 behind {PREFIX}: {MAKING}")]
    Base64,
    /// It is too short to be safe, or too long to be meant.
    #[error(
        "must be {} to {} bytes in base64 behind {PREFIX}, and these are {actual}: {MAKING}",
        BYTES.start(),
        BYTES.end()
    )]
    Length {
        /// How many bytes it has.
        actual: usize,
    },
}

impl AuthorizerSecret {
    /// The signature of a message (Standard Webhooks, "Signature scheme"): version 1 is HMAC-SHA256 in base64.
    pub(super) fn sign(&self, id: &str, seconds: u64, body: &str) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(format!("{id}.{seconds}.").as_bytes());
        context.update(body.as_bytes());
        format!("v1,{}", STANDARD.encode(context.sign()))
    }
}

impl FromStr for AuthorizerSecret {
    type Err = AuthorizerSecretError;

    fn from_str(text: &str) -> Result<Self, AuthorizerSecretError> {
        let text = text.strip_prefix(PREFIX);
        let text = text.ok_or(AuthorizerSecretError::Prefix)?;
        let secret = STANDARD.decode(text);
        let secret = secret.map_err(|_| AuthorizerSecretError::Base64)?;
        if !BYTES.contains(&secret.len()) {
            let actual = secret.len();
            return Err(AuthorizerSecretError::Length { actual });
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &secret)))
    }
}

impl fmt::Debug for AuthorizerSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthorizerSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed by another implementation.
    #[test]
    fn a_message_is_signed_as_others_sign_it() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let secret: AuthorizerSecret = secret.parse().unwrap();
        let body = r#"{"test": 2432232314}"#;
        assert_eq!(
            secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn a_secret_has_its_prefix_its_coding_and_its_length() {
        let read = |text: &str| text.parse::<AuthorizerSecret>().err();
        let of = |bytes: usize| format!("whsec_{}", STANDARD.encode(vec![7; bytes]));
        assert_eq!(read(&of(24)), None);
        assert_eq!(read(&of(64)), None);
        for bytes in [0, 23, 65] {
            let length = AuthorizerSecretError::Length { actual: bytes };
            assert_eq!(read(&of(bytes)), Some(length));
        }
        for text in ["", "whsec", "x", &of(32)[6..]] {
            assert_eq!(read(text), Some(AuthorizerSecretError::Prefix), "{text}");
        }
        for text in ["whsec_?", "whsec_AAAA\n", "whsec_A"] {
            assert_eq!(read(text), Some(AuthorizerSecretError::Base64), "{text}");
        }
    }
}
