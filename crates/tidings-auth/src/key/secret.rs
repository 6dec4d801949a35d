use crate::algorithm::Family;
use crate::{Algorithm, KeyError};

/// Whether it can be a shared secret of the algorithm.
pub(crate) fn check_secret(algorithm: Algorithm, secret: &[u8]) -> Result<(), KeyError> {
    let Family::Hmac { least } = algorithm.family() else {
        return Err(KeyError::WrongKind { algorithm });
    };
    let text = secret.strip_prefix("\u{feff}".as_bytes()).unwrap_or(secret);
    if text.trim_ascii_start().starts_with(b"-----BEGIN") {
        return Err(KeyError::PemAsSecret);
    }
    if secret.len() < least {
        return Err(KeyError::ShortSecret {
            algorithm,
            least,
            actual: secret.len(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_as_long_as_the_hash() {
        for (algorithm, least) in [
            (Algorithm::Hs256, 32),
            (Algorithm::Hs384, 48),
            (Algorithm::Hs512, 64),
        ] {
            assert_eq!(check_secret(algorithm, &vec![7; least]), Ok(()));
            let short = KeyError::ShortSecret {
                algorithm,
                least,
                actual: least - 1,
            };
            assert_eq!(check_secret(algorithm, &vec![7; least - 1]), Err(short));
        }
    }

    #[test]
    fn a_key_in_pem_is_no_secret() {
        for start in ["", "\n\t ", "\u{feff}", "\u{feff}\r\n"] {
            let secret = format!("{start}-----BEGIN PUBLIC KEY-----\n{}", "A".repeat(64));
            let refused = check_secret(Algorithm::Hs256, secret.as_bytes());
            assert_eq!(refused, Err(KeyError::PemAsSecret));
        }
    }

    #[test]
    fn only_hmac_has_secrets() {
        for algorithm in Algorithm::ALL {
            let is_hmac = algorithm.as_str().starts_with("HS");
            assert_eq!(check_secret(algorithm, &[7; 64]).is_ok(), is_hmac);
        }
    }
}
