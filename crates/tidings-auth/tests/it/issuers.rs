//! Which issuer answers for a token, with which of its keys, and for how long.

use std::time::Duration;

use serde_json::json;
use tidings::Timestamp;
use tidings_auth::{Algorithm, Denied, Issuer, Key, KeyError, Namespace, Verifier, VerifierError};

use crate::fixture::{ISSUER, NOW, SECOND, Signer, after, claims, verify};

const OTHER: &str = "https://other.example.com";

fn says(signer: &Signer, iss: Option<&str>) -> String {
    let mut claims = claims();
    match iss {
        Some(iss) => claims["iss"] = iss.into(),
        None => {
            claims.as_object_mut().unwrap().remove("iss");
        }
    }
    signer.says(&claims)
}

#[tokio::test]
async fn an_issuer_answers_with_its_own_keys_alone() {
    let (one, two) = (Signer::new(Algorithm::Es256), Signer::new(Algorithm::Es256));
    let issuer =
        |signer: &Signer, name| Issuer::with_keys([signer.key().with_kid("1")]).named(name);
    let verifier = Verifier::new([issuer(&one, ISSUER), issuer(&two, OTHER)]).unwrap();
    assert!(verify(&verifier, &says(&one, Some(ISSUER))).await.is_ok());
    assert!(verify(&verifier, &says(&two, Some(OTHER))).await.is_ok());
    for (signer, iss) in [(&one, OTHER), (&two, ISSUER)] {
        let outcome = verify(&verifier, &says(signer, Some(iss))).await;
        assert_eq!(outcome, Err(Denied::WrongSignature));
    }
    let unknown = verify(&verifier, &says(&one, None)).await;
    assert_eq!(unknown, Err(Denied::UnknownIssuer));
}

#[tokio::test]
async fn an_issuer_without_a_name_answers_for_all_that_have_no_other() {
    let (one, two) = (Signer::new(Algorithm::Hs256), Signer::new(Algorithm::Hs256));
    let named = Issuer::with_keys([one.key()]).named(ISSUER);
    let verifier = Verifier::new([named, Issuer::with_keys([two.key()])]).unwrap();
    for iss in [None, Some(OTHER), Some("")] {
        assert!(verify(&verifier, &says(&two, iss)).await.is_ok());
    }
    let borrowed = verify(&verifier, &says(&two, Some(ISSUER))).await;
    assert_eq!(borrowed, Err(Denied::WrongSignature));
}

#[tokio::test]
async fn the_key_is_the_one_of_that_name_or_the_only_one_that_fits() {
    let signers = [Algorithm::Hs256, Algorithm::Hs256, Algorithm::Es256].map(Signer::new);
    let keys = [
        signers[0].key().with_kid("a"),
        signers[1].key().with_kid("b"),
        signers[2].key().with_kid("c"),
    ];
    let verifier = Verifier::new([Issuer::with_keys(keys)]).unwrap();
    let with_kid = async |signer: &Signer, kid: Option<&str>| {
        let header = json!({"alg": signer.algorithm.as_str(), "kid": kid});
        let header = match kid {
            Some(_) => header.to_string(),
            None => signer.header(),
        };
        let token = signer.token(&header, &claims().to_string());
        verify(&verifier, &token).await.map(|_| ())
    };
    assert_eq!(with_kid(&signers[0], Some("a")).await, Ok(()));
    assert_eq!(with_kid(&signers[1], Some("b")).await, Ok(()));
    assert_eq!(
        with_kid(&signers[0], Some("b")).await,
        Err(Denied::WrongSignature)
    );
    assert_eq!(
        with_kid(&signers[0], Some("c")).await,
        Err(Denied::WrongAlgorithm)
    );
    assert_eq!(
        with_kid(&signers[0], Some("d")).await,
        Err(Denied::UnknownKey)
    );
    assert_eq!(with_kid(&signers[0], None).await, Err(Denied::UnknownKey));
    assert_eq!(with_kid(&signers[2], None).await, Ok(()));
}

#[tokio::test]
async fn a_key_without_a_name_serves_tokens_that_name_one() {
    let signer = Signer::new(Algorithm::Hs256);
    let token = signer.token(r#"{"alg":"HS256","kid":"any"}"#, &claims().to_string());
    assert!(verify(&signer.verifier(), &token).await.is_ok());
}

#[tokio::test]
async fn a_token_is_good_until_the_second_it_names() {
    let signer = Signer::new(Algorithm::Hs256);
    let verifier = signer.verifier();
    let token = signer.says(&claims());
    let before = Timestamp::from_millis((SECOND + 3600) * 1000 - 1);
    assert!(verifier.verify(&token, before).await.is_ok());
    assert_eq!(
        verifier.verify(&token, after(3600)).await,
        Err(Denied::Expired)
    );
    // The first time it is seen as well.
    let fresh = signer.verifier().verify(&token, after(3600)).await;
    assert_eq!(fresh, Err(Denied::Expired));
}

#[tokio::test]
async fn the_issuer_s_clock_may_be_half_a_minute_ahead() {
    let signer = Signer::new(Algorithm::Hs256);
    for claim in ["nbf", "iat"] {
        let mut claims = claims();
        claims[claim] = (SECOND + 30).into();
        assert!(
            verify(&signer.verifier(), &signer.says(&claims))
                .await
                .is_ok()
        );
        claims[claim] = (SECOND + 31).into();
        let early = verify(&signer.verifier(), &signer.says(&claims)).await;
        assert_eq!(early, Err(Denied::NotYetValid), "{claim}");
    }
}

#[tokio::test]
async fn an_issuer_may_be_allowed_shorter_and_longer_lives() {
    let signer = Signer::new(Algorithm::Hs256);
    let taken = async |max: u64, lifetime: u64| {
        let max = Duration::from_secs(max);
        let issuer = Issuer::with_keys([signer.key()]).max_lifetime(max);
        let verifier = Verifier::new([issuer]).unwrap();
        assert_eq!(verifier.longest_lifetime(), max + Duration::from_secs(30));
        let mut claims = claims();
        claims["exp"] = (SECOND + lifetime).into();
        verify(&verifier, &signer.says(&claims)).await.is_ok()
    };
    assert!(taken(600, 600).await);
    assert!(!taken(600, 601).await);
    assert!(taken(864_000, 864_000).await);
}

#[tokio::test]
async fn any_of_the_audiences_is_enough_and_none_means_none() {
    let signer = Signer::new(Algorithm::Hs256);
    let issuer = || Issuer::with_keys([signer.key()]);
    let outcome = async |issuer: Issuer, aud: serde_json::Value| {
        let mut claims = claims();
        claims["aud"] = aud;
        let verifier = Verifier::new([issuer]).unwrap();
        verify(&verifier, &signer.says(&claims)).await.map(|_| ())
    };
    let both = || issuer().for_audience("a").for_audience("b");
    assert_eq!(outcome(both(), json!("b")).await, Ok(()));
    assert_eq!(outcome(both(), json!(["x", "a"])).await, Ok(()));
    assert_eq!(
        outcome(both(), json!(["x"])).await,
        Err(Denied::WrongAudience)
    );
    assert_eq!(
        outcome(issuer(), json!("a")).await,
        Err(Denied::WrongAudience)
    );
    assert_eq!(
        outcome(issuer(), json!([])).await,
        Err(Denied::WrongAudience)
    );
}

#[tokio::test]
async fn what_was_found_bad_is_not_remembered_as_good() {
    let signer = Signer::new(Algorithm::Hs256);
    let verifier = signer.verifier();
    let good = signer.says(&claims());
    let forged = Signer::new(Algorithm::Hs256).says(&claims());
    for _ in 0..3 {
        assert!(verifier.verify(&good, NOW).await.is_ok());
        assert_eq!(
            verifier.verify(&forged, NOW).await,
            Err(Denied::WrongSignature)
        );
    }
}

#[test]
fn issuers_that_leave_a_choice_are_refused() {
    let signer = Signer::new(Algorithm::Hs256);
    let refused = |issuers: Vec<Issuer>| Verifier::new(issuers).unwrap_err();
    let issuer = || Issuer::with_keys([signer.key()]);
    let same = refused(vec![issuer().named(ISSUER), issuer().named(ISSUER)]);
    assert!(matches!(
        same,
        VerifierError::SameIssuer { issuer: Some(_) }
    ));
    let unnamed = refused(vec![issuer(), issuer()]);
    assert!(matches!(
        unnamed,
        VerifierError::SameIssuer { issuer: None }
    ));
    let none = refused(vec![Issuer::with_keys([])]);
    assert!(matches!(none, VerifierError::NoKey { .. }));
    let twice = refused(vec![Issuer::with_keys([signer.key(), signer.key()])]);
    assert!(matches!(twice, VerifierError::SameKey { .. }));
    let namespace = issuer().in_namespace(Namespace::Fixed("a/b".into()));
    assert!(matches!(
        refused(vec![namespace]),
        VerifierError::Namespace { .. }
    ));
    assert_eq!(none.to_string(), "the issuer without a name has no key");
}

/// Every kind of key with every algorithm: it is taken for those that it goes with, and for no other.
#[test]
fn a_key_is_taken_for_algorithms_of_its_kind_alone() {
    let kinds = [
        Algorithm::Rs256,
        Algorithm::Es256,
        Algorithm::Es384,
        Algorithm::EdDsa,
    ];
    for signer in kinds.map(Signer::new) {
        let pem = signer.public_pem();
        for algorithm in Algorithm::ALL {
            let names = (signer.algorithm.as_str(), algorithm.as_str());
            let fits = match names {
                ("RS256", name) => name.starts_with("RS") || name.starts_with("PS"),
                (own, name) => own == name,
            };
            let outcome = Key::pem(algorithm, pem.as_bytes());
            assert_eq!(outcome.is_ok(), fits, "{names:?}");
            let as_secret = Key::secret(algorithm, pem.as_bytes());
            let is_hmac = algorithm.as_str().starts_with("HS");
            let expected = match is_hmac {
                true => KeyError::PemAsSecret,
                false => KeyError::WrongKind { algorithm },
            };
            assert_eq!(as_secret.unwrap_err(), expected);
        }
        assert!(Key::jwk(&signer.jwk("1").to_string()).is_ok());
        let private = signer.private_pem();
        let refused = Key::pem(signer.algorithm, private.as_bytes());
        assert_eq!(refused.unwrap_err(), KeyError::Private);
    }
}

/// Made for this test and used nowhere: RSA with 1024 bits, and EC on secp256k1, whose points are as long as those of P-256.
const WEAK: [(Algorithm, &str); 2] = [
    (Algorithm::Rs256, include_str!("keys/rsa-1024.pub.pem")),
    (Algorithm::Es256, include_str!("keys/secp256k1.pub.pem")),
];

#[test]
fn short_keys_and_other_curves_are_refused() {
    let refused = WEAK.map(|(algorithm, pem)| Key::pem(algorithm, pem.as_bytes()).unwrap_err());
    let algorithm = Algorithm::Es256;
    let expected = [
        KeyError::RsaSize { bits: 1024 },
        KeyError::WrongKind { algorithm },
    ];
    assert_eq!(refused, expected);
}

#[test]
fn what_is_no_public_key_in_pem_is_refused() {
    let signer = Signer::new(Algorithm::EdDsa);
    let pem = signer.public_pem();
    for text in [
        String::new(),
        "key".to_owned(),
        pem.replace("PUBLIC KEY", "CERTIFICATE"),
        pem.replace("-----BEGIN", "BEGIN"),
    ] {
        let refused = Key::pem(Algorithm::EdDsa, text.as_bytes()).unwrap_err();
        assert!(matches!(refused, KeyError::NotPem { .. }), "{text}");
    }
    let cut = pem.replace("MCow", "MCo");
    assert!(Key::pem(Algorithm::EdDsa, cut.as_bytes()).is_err());
}

#[test]
fn nothing_printed_has_a_secret() {
    let secret = "0123456789abcdef0123456789abcdef";
    let key = Key::secret(Algorithm::Hs256, secret.as_bytes()).unwrap();
    let verifier = Verifier::new([Issuer::with_keys([key.clone()])]).unwrap();
    let printed = format!("{key:?} {verifier:?}");
    assert!(
        !printed.contains(secret) && !printed.contains("48, 49, 50"),
        "{printed}"
    );
}
