//! Keys that are made for each test, and tokens that say anything at all.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384,
    RSA_PSS_SHA512, RsaEncoding, RsaKeyPair, RsaPublicKeyComponents,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tidings::Timestamp;
use tidings_auth::{Algorithm, Denied, Grant, Issuer, Key, Verifier};

/// 2026-01-01, in seconds.
pub(crate) const SECOND: u64 = 1_767_225_600;

pub(crate) const NOW: Timestamp = Timestamp::from_millis(SECOND * 1000);

pub(crate) const ISSUER: &str = "https://id.example.com";

/// So many seconds later.
pub(crate) fn after(seconds: u64) -> Timestamp {
    Timestamp::from_millis((SECOND + seconds) * 1000)
}

/// Somebody who signs tokens with one key.
pub(crate) struct Signer {
    pub(crate) algorithm: Algorithm,
    key: Private,
}

enum Private {
    Secret(Vec<u8>),
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl Signer {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        let key = match algorithm {
            Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => {
                let mut secret = vec![0; 64];
                aws_lc_rs::rand::fill(&mut secret).unwrap();
                Private::Secret(secret)
            }
            Algorithm::Es256 => {
                Private::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
            }
            Algorithm::Es384 => {
                Private::Ec(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap())
            }
            Algorithm::EdDsa => Private::Ed(Ed25519KeyPair::generate().unwrap()),
            _ => Private::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()),
        };
        Self { algorithm, key }
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.key {
            Private::Secret(secret) => keyed_hash(self.algorithm, secret, message),
            Private::Rsa(key) => {
                let encoding: &'static dyn RsaEncoding = match self.algorithm {
                    Algorithm::Rs256 => &RSA_PKCS1_SHA256,
                    Algorithm::Rs384 => &RSA_PKCS1_SHA384,
                    Algorithm::Rs512 => &RSA_PKCS1_SHA512,
                    Algorithm::Ps256 => &RSA_PSS_SHA256,
                    Algorithm::Ps384 => &RSA_PSS_SHA384,
                    _ => &RSA_PSS_SHA512,
                };
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(encoding, &SystemRandom::new(), message, &mut signature)
                    .unwrap();
                signature
            }
            Private::Ec(key) => {
                let signature = key.sign(&SystemRandom::new(), message).unwrap();
                signature.as_ref().to_vec()
            }
            Private::Ed(key) => key.sign(message).as_ref().to_vec(),
        }
    }

    /// What a hub is given to check this signer's tokens with.
    pub(crate) fn key(&self) -> Key {
        match &self.key {
            Private::Secret(secret) => Key::secret(self.algorithm, secret).unwrap(),
            _ => Key::pem(self.algorithm, self.public_pem().as_bytes()).unwrap(),
        }
    }

    pub(crate) fn public_pem(&self) -> String {
        let der: PublicKeyX509Der<'_> = match &self.key {
            Private::Secret(_) => panic!("a secret is not public"),
            Private::Rsa(key) => key.public_key().as_der().unwrap(),
            Private::Ec(key) => key.public_key().as_der().unwrap(),
            Private::Ed(key) => key.public_key().as_der().unwrap(),
        };
        pem("PUBLIC KEY", der.as_ref())
    }

    pub(crate) fn private_pem(&self) -> String {
        let der: Vec<u8> = match &self.key {
            Private::Secret(_) => panic!("a secret is not in PEM"),
            Private::Rsa(key) => {
                let der: Pkcs8V1Der<'_> = key.as_der().unwrap();
                der.as_ref().to_vec()
            }
            Private::Ec(key) => key.to_pkcs8v1().unwrap().as_ref().to_vec(),
            Private::Ed(key) => key.to_pkcs8().unwrap().as_ref().to_vec(),
        };
        pem("PRIVATE KEY", &der)
    }

    /// The public key as a JSON Web Key of this name.
    pub(crate) fn jwk(&self, kid: &str) -> Value {
        let base64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut jwk = match &self.key {
            Private::Secret(secret) => json!({"kty": "oct", "k": base64(secret)}),
            Private::Rsa(key) => {
                let public = RsaPublicKeyComponents::<Vec<u8>>::from(key.public_key());
                json!({"kty": "RSA", "n": base64(&public.n), "e": base64(&public.e)})
            }
            Private::Ec(key) => {
                let point = key.public_key().as_ref();
                let (x, y) = point[1..].split_at(point.len() / 2);
                let crv = if x.len() == 32 { "P-256" } else { "P-384" };
                json!({"kty": "EC", "crv": crv, "x": base64(x), "y": base64(y)})
            }
            Private::Ed(key) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": base64(key.public_key().as_ref())})
            }
        };
        jwk["kid"] = kid.into();
        jwk["alg"] = self.algorithm.as_str().into();
        jwk["use"] = "sig".into();
        jwk
    }

    /// A token with this header and these claims, signed.
    pub(crate) fn token(&self, header: &str, claims: &str) -> String {
        token(header, claims, |message| self.sign(message))
    }

    /// A token with a usual header, and these claims.
    pub(crate) fn says(&self, claims: &Value) -> String {
        self.token(&self.header(), &claims.to_string())
    }

    pub(crate) fn header(&self) -> String {
        json!({"typ": "JWT", "alg": self.algorithm.as_str()}).to_string()
    }

    /// A verifier that knows this signer alone, as [`ISSUER`].
    pub(crate) fn verifier(&self) -> Verifier {
        Verifier::new([Issuer::with_keys([self.key()]).named(ISSUER)]).unwrap()
    }
}

/// Claims that are good for an hour.
pub(crate) fn claims() -> Value {
    json!({"iss": ISSUER, "sub": "7", "iat": SECOND, "exp": SECOND + 3600})
}

/// A token of these parts, with whatever signature.
pub(crate) fn token(header: &str, claims: &str, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let base64 = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let signed = format!("{}.{}", base64(header), base64(claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

pub(crate) fn keyed_hash(algorithm: Algorithm, secret: &[u8], message: &[u8]) -> Vec<u8> {
    let hash = match algorithm {
        Algorithm::Hs384 => hmac::HMAC_SHA384,
        Algorithm::Hs512 => hmac::HMAC_SHA512,
        _ => hmac::HMAC_SHA256,
    };
    hmac::sign(&hmac::Key::new(hash, secret), message)
        .as_ref()
        .to_vec()
}

/// What the verifier, whose keys are all given, makes of a token now.
pub(crate) async fn verify(verifier: &Verifier, token: &str) -> Result<Grant, Denied> {
    verifier.verify(token, NOW).await
}

fn pem(label: &str, der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    let lines: Vec<_> = base64
        .as_bytes()
        .chunks(64)
        .map(|line| str::from_utf8(line).unwrap())
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}
