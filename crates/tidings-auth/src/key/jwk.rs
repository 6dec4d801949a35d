use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::public;
use crate::{Algorithm, Key, KeyError};

impl Key {
    /// A public key out of a JSON Web Key (RFC 7517; RFC 7518, section 6; RFC 8037).
    pub(crate) fn from_jwk(jwk: &Map<String, Value>) -> Result<Self, KeyError> {
        if jwk.contains_key("d") {
            return Err(KeyError::Private);
        }
        if text(jwk, "use")?.is_some_and(|purpose| purpose != "sig") {
            return Err(KeyError::Jwk { member: "use" });
        }
        let verifies = |operations: &Value| {
            let operations = operations.as_array();
            operations.is_some_and(|operations| operations.iter().any(|one| one == "verify"))
        };
        if !jwk.get("key_ops").is_none_or(verifies) {
            return Err(KeyError::Jwk { member: "key_ops" });
        }
        let algorithm = algorithm(jwk)?;
        let material = match required(jwk, "kty")? {
            "RSA" => public::rsa(&bytes(jwk, "n")?, &bytes(jwk, "e")?)?,
            "EC" => {
                let (x, y) = (bytes(jwk, "x")?, bytes(jwk, "y")?);
                public::point(algorithm, &[&[4], &*x, &*y].concat())?
            }
            _ => public::point(algorithm, &bytes(jwk, "x")?)?,
        };
        let key = Self::new(algorithm, material);
        Ok(match text(jwk, "kid")? {
            Some(kid) => key.with_kid(kid),
            None => key,
        })
    }
}

/// The one algorithm that the key is for.
fn algorithm(jwk: &Map<String, Value>) -> Result<Algorithm, KeyError> {
    use Algorithm::{EdDsa, Es256, Es384, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512};

    let fitting: &[Algorithm] = match required(jwk, "kty")? {
        "RSA" => &[Rs256, Rs384, Rs512, Ps256, Ps384, Ps512],
        "EC" => match required(jwk, "crv")? {
            "P-256" => &[Es256],
            "P-384" => &[Es384],
            _ => return Err(KeyError::Jwk { member: "crv" }),
        },
        "OKP" => match required(jwk, "crv")? {
            "Ed25519" => &[EdDsa],
            _ => return Err(KeyError::Jwk { member: "crv" }),
        },
        _ => return Err(KeyError::Jwk { member: "kty" }),
    };
    let Some(name) = text(jwk, "alg")? else {
        return Ok(fitting[0]);
    };
    let mut fitting = fitting.iter().copied();
    fitting
        .find(|algorithm| algorithm.as_str() == name)
        .ok_or(KeyError::Jwk { member: "alg" })
}

fn text<'a>(
    jwk: &'a Map<String, Value>,
    member: &'static str,
) -> Result<Option<&'a str>, KeyError> {
    let text = |value: &'a Value| value.as_str().ok_or(KeyError::Jwk { member });
    jwk.get(member).map(text).transpose()
}

fn required<'a>(jwk: &'a Map<String, Value>, member: &'static str) -> Result<&'a str, KeyError> {
    text(jwk, member)?.ok_or(KeyError::Jwk { member })
}

fn bytes(jwk: &Map<String, Value>, member: &'static str) -> Result<Vec<u8>, KeyError> {
    URL_SAFE_NO_PAD
        .decode(required(jwk, member)?)
        .map_err(|_| KeyError::Jwk { member })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8037, appendix A.2.
    const ED25519: &str =
        r#""kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#;

    /// RFC 7517, appendix A.1.
    const P256: &str = r#""kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM""#;

    fn read(members: &str) -> Result<Algorithm, KeyError> {
        Key::jwk(&format!("{{{members}}}")).map(|key| key.algorithm())
    }

    #[test]
    fn a_key_is_for_one_algorithm() {
        let modulus = URL_SAFE_NO_PAD.encode([0xff; 256]);
        let rsa = format!(r#""kty":"RSA","n":"{modulus}","e":"AQAB""#);
        assert_eq!(read(&rsa), Ok(Algorithm::Rs256));
        assert_eq!(
            read(&format!(r#"{rsa},"alg":"PS384""#)),
            Ok(Algorithm::Ps384)
        );
        assert_eq!(read(P256), Ok(Algorithm::Es256));
        assert_eq!(read(ED25519), Ok(Algorithm::EdDsa));
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        let refused = |members: &str, member| {
            assert_eq!(read(members), Err(KeyError::Jwk { member }), "{members}");
        };
        refused(&format!(r#"{P256},"alg":"ES384""#), "alg");
        refused(&format!(r#"{P256},"alg":"HS256""#), "alg");
        refused(&format!(r#"{P256},"alg":"none""#), "alg");
        refused(&format!(r#"{P256},"use":"enc""#), "use");
        refused(&format!(r#"{P256},"key_ops":["sign"]"#), "key_ops");
        refused(&format!(r#"{P256},"kid":7"#), "kid");
        refused(
            r#""kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA""#,
            "kty",
        );
        refused(r#""kty":"EC","crv":"P-521","x":"","y":"""#, "crv");
        refused(r#""kty":"EC","crv":"P-256","x":"AA""#, "y");
        refused(r#""kty":"RSA","n":"A===","e":"AQAB""#, "n");
        refused("", "kty");
        let private = format!(r#"{P256},"d":"AA""#);
        assert_eq!(read(&private), Err(KeyError::Private));
        assert_eq!(Key::jwk("[]").unwrap_err(), KeyError::NotJwk);
    }

    #[test]
    fn a_curve_that_is_not_the_point_s_is_refused() {
        let claimed = P256.replace("P-256", "P-384");
        let algorithm = Algorithm::Es384;
        assert_eq!(read(&claimed), Err(KeyError::WrongKind { algorithm }));
    }
}
