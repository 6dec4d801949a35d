use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{JwksError, Key, json};

/// The most keys of an issuer.
pub(super) const MAX_KEYS: usize = 100;

/// A JSON Web Key Set as it was fetched.
#[derive(Debug)]
pub(super) struct Document {
    /// Those that can be used. Others are for other purposes or for a newer time, and are left out (RFC 7517, section 5).
    pub(super) keys: Vec<Key>,
    /// Equal for equal documents.
    pub(super) digest: [u8; 32],
}

impl Document {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, JwksError> {
        let set = json::object(bytes).map_err(|_| JwksError::NotAKeySet)?;
        let keys = set.get("keys").and_then(Value::as_array);
        let keys = keys.ok_or(JwksError::NotAKeySet)?;
        if keys.len() > MAX_KEYS {
            return Err(JwksError::TooManyKeys);
        }
        let keys = keys.iter().filter_map(Value::as_object);
        Ok(Self {
            keys: keys.filter_map(|key| Key::from_jwk(key).ok()).collect(),
            digest: Sha256::digest(bytes).into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = r#"{"kty":"OKP","crv":"Ed25519","kid":"1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

    fn keys(items: &str) -> Result<usize, JwksError> {
        let text = format!(r#"{{"keys":[{items}]}}"#);
        Document::read(text.as_bytes()).map(|document| document.keys.len())
    }

    #[test]
    fn keys_that_cannot_be_used_are_left_out() {
        assert_eq!(keys(KEY).unwrap(), 1);
        let symmetric = r#"{"kty":"oct","kid":"1","k":"AAAA"}"#;
        let unknown = r#"{"kty":"XYZ"},7,null"#;
        assert_eq!(keys(&format!("{symmetric},{unknown},{KEY}")).unwrap(), 1);
        assert_eq!(keys("").unwrap(), 0);
    }

    #[test]
    fn too_many_keys_are_refused() {
        assert_eq!(keys(&[KEY; MAX_KEYS].join(",")).unwrap(), MAX_KEYS);
        let refused = keys(&[KEY; MAX_KEYS + 1].join(","));
        assert!(matches!(refused, Err(JwksError::TooManyKeys)));
    }

    #[test]
    fn anything_else_is_no_key_set() {
        for text in [
            "",
            "[]",
            "{}",
            r#"{"keys":{}}"#,
            r#"{"keys":[],"keys":[]}"#,
            KEY,
        ] {
            let refused = Document::read(text.as_bytes());
            assert!(matches!(refused, Err(JwksError::NotAKeySet)), "{text}");
        }
    }
}
