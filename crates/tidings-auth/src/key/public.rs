use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey,
    VerificationAlgorithm,
};
use jsonwebtoken::DecodingKey;

use crate::algorithm::Family;
use crate::{Algorithm, KeyError};

/// An RSA key of this modulus and exponent, both big-endian.
pub(super) fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<DecodingKey, KeyError> {
    let modulus = without_zeros(modulus);
    let exponent = without_zeros(exponent);
    let leading = modulus
        .first()
        .map_or(0, |byte| byte.leading_zeros() as usize);
    let bits = modulus.len() * 8 - leading;
    if !(2048..=8192).contains(&bits) {
        return Err(KeyError::RsaSize { bits });
    }
    // With the exponent 1 everything is its own signature.
    let is_odd = exponent.last().is_some_and(|byte| byte % 2 == 1);
    if !is_odd || exponent == [1] || exponent.len() > 8 {
        return Err(KeyError::RsaExponent);
    }
    Ok(DecodingKey::from_rsa_raw_components(modulus, exponent))
}

/// The uncompressed point of an EC key, which must be on the algorithm's curve; or an Ed25519 key.
pub(super) fn point(algorithm: Algorithm, point: &[u8]) -> Result<DecodingKey, KeyError> {
    let (length, verification): (_, &'static dyn VerificationAlgorithm) = match algorithm.family() {
        Family::P256 => (65, &ECDSA_P256_SHA256_FIXED),
        Family::P384 => (97, &ECDSA_P384_SHA384_FIXED),
        Family::Ed25519 => (32, &ED25519),
        Family::Hmac { .. } | Family::Rsa => return Err(KeyError::WrongKind { algorithm }),
    };
    // The library reads other forms too, which are told from this one by their length.
    if point.len() != length || ParsedPublicKey::new(verification, point).is_err() {
        return Err(KeyError::WrongKind { algorithm });
    }
    Ok(match algorithm.family() {
        Family::Ed25519 => DecodingKey::from_ed_der(point),
        _ => DecodingKey::from_ec_der(point),
    })
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let start = number.iter().position(|byte| *byte != 0);
    &number[start.unwrap_or(number.len())..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_rsa_key_is_neither_short_nor_huge() {
        let bits = |bytes: usize, first: u8| {
            let mut modulus = vec![0xff; bytes];
            modulus[0] = first;
            match rsa(&modulus, &[1, 0, 1]) {
                Ok(_) => None,
                Err(KeyError::RsaSize { bits }) => Some(bits),
                Err(other) => panic!("{other}"),
            }
        };
        assert_eq!(bits(256, 0x80), None);
        assert_eq!(bits(256, 0x7f), Some(2047));
        assert_eq!(bits(257, 0), None);
        assert_eq!(bits(128, 0x80), Some(1024));
        assert_eq!(bits(1024, 0x80), None);
        assert_eq!(bits(1025, 0x80), Some(8200));
        assert!(rsa(&[], &[3]).is_err());
    }

    #[test]
    fn an_rsa_exponent_is_odd_and_not_one() {
        let refused = |exponent: &[u8]| rsa(&[0xff; 256], exponent).is_err();
        for exponent in [&[][..], &[0], &[1], &[0, 1], &[2], &[1, 0, 0], &[1; 9]] {
            assert!(refused(exponent), "{exponent:?}");
        }
        assert!(!refused(&[3]));
        assert!(!refused(&[0, 1, 0, 1]));
    }

    #[test]
    fn a_point_off_the_curve_is_no_key() {
        let mut off = [1; 65];
        off[0] = 4;
        assert!(point(Algorithm::Es256, &off).is_err());
        assert!(point(Algorithm::Es256, &[]).is_err());
        assert!(point(Algorithm::Hs256, &[1; 32]).is_err());
        assert!(point(Algorithm::Rs256, &[1; 32]).is_err());
    }
}
