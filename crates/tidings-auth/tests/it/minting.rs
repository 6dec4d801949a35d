//! Tokens that the hub's own command line makes and explains.

use std::time::Duration;

use serde_json::json;
use tidings::Topic;
use tidings_auth::{
    Algorithm, Denied, Issuer, KeyError, MintError, Minter, Namespace, NewToken, Verifier, explain,
};

use crate::fixture::{ISSUER, NOW, SECOND, Signer, after, claims, verify};

const SECRET: &[u8; 64] = b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn minter() -> Minter {
    Minter::secret(Algorithm::Hs256, SECRET).unwrap()
}

#[tokio::test]
async fn a_token_of_every_algorithm_is_taken_for_what_it_was_to_say() {
    let token = NewToken {
        publish: vec!["in/{identity}".to_owned()],
        subscribe: vec!["out/**".to_owned()],
        admin: true,
        identity: Some("7".to_owned()),
        namespace: Some("shop".to_owned()),
        issuer: Some(ISSUER.to_owned()),
        audience: Some("hub".to_owned()),
        jti: Some("one".to_owned()),
        lifetime: Duration::from_secs(60),
    };
    for algorithm in Algorithm::ALL {
        let (minter, key) = match algorithm.as_str().starts_with("HS") {
            true => (
                Minter::secret(algorithm, SECRET).unwrap(),
                tidings_auth::Key::secret(algorithm, SECRET).unwrap(),
            ),
            false => {
                let signer = Signer::new(algorithm);
                let pem = signer.private_pem();
                (
                    Minter::pem(algorithm, pem.as_bytes()).unwrap(),
                    signer.key(),
                )
            }
        };
        let text = minter.with_kid("k").mint(&token, NOW).unwrap();
        let issuer = Issuer::with_keys([key.with_kid("k")])
            .named(ISSUER)
            .for_audience("hub")
            .in_namespace(Namespace::Claimed);
        let verifier = Verifier::new([issuer]).unwrap();
        let grant = verify(&verifier, &text).await.unwrap();
        assert_eq!(Ok(&grant), explain(&text, NOW).unwrap().grant.as_ref());
        assert!(
            grant.may_publish(&Topic::new("in/7").unwrap()),
            "{algorithm}"
        );
        assert!(grant.is_admin());
        assert_eq!(grant.namespace.as_deref(), Some("shop"));
        assert_eq!(grant.expires_at, Some(after(60)));
    }
}

#[test]
fn a_token_without_a_jti_is_given_one() {
    let jti = || {
        let text = minter().mint(&NewToken::default(), NOW).unwrap();
        let claims = explain(&text, NOW).unwrap().claims;
        claims["jti"].as_str().unwrap().to_owned()
    };
    assert_ne!(jti(), jti());
    assert!(jti().len() >= 22);
}

#[test]
fn what_no_hub_would_take_is_not_made() {
    let refused = |token: NewToken| minter().mint(&token, NOW).unwrap_err();
    let selector = NewToken {
        subscribe: vec!["a*".to_owned()],
        ..NewToken::default()
    };
    let bad = Denied::BadClaim {
        claim: "tidings.subscribe",
    };
    assert_eq!(refused(selector), MintError::Refused(bad));
    let over = NewToken {
        lifetime: Duration::ZERO,
        ..NewToken::default()
    };
    assert_eq!(refused(over), MintError::Refused(Denied::Expired));
    let long = NewToken {
        audience: Some("x".repeat(8192)),
        ..NewToken::default()
    };
    assert_eq!(refused(long), MintError::Refused(Denied::TooLong));
}

#[test]
fn keys_that_do_not_sign_are_refused() {
    let ec = Signer::new(Algorithm::Es256);
    let pem = |algorithm, text: &str| Minter::pem(algorithm, text.as_bytes()).unwrap_err();
    for algorithm in [
        Algorithm::Rs256,
        Algorithm::Es384,
        Algorithm::EdDsa,
        Algorithm::Hs256,
    ] {
        assert_eq!(
            pem(algorithm, &ec.private_pem()),
            KeyError::WrongKind { algorithm }
        );
    }
    let public = pem(Algorithm::Es256, &ec.public_pem());
    assert!(matches!(public, KeyError::NotPem { .. }));
    let secret = Minter::secret(Algorithm::Hs256, ec.private_pem().as_bytes());
    assert_eq!(secret.unwrap_err(), KeyError::PemAsSecret);
    let short = Minter::secret(Algorithm::Hs256, b"short").unwrap_err();
    assert!(matches!(short, KeyError::ShortSecret { actual: 5, .. }));
}

#[test]
fn an_explanation_shows_what_is_wrong() {
    let signer = Signer::new(Algorithm::Hs256);
    let mut old = claims();
    old["exp"] = (SECOND - 1).into();
    old["nbf"] = (SECOND - 60).into();
    let explanation = explain(&signer.says(&old), NOW).unwrap();
    assert_eq!(explanation.grant, Err(Denied::Expired));
    assert_eq!(explanation.claims, old);
    assert_eq!(explanation.header["alg"], "HS256");
    assert_eq!(explanation.issued_at, Some(NOW));
    assert!(explanation.not_before < explanation.expires_at);

    let unsigned = signer.token(r#"{"alg":"none"}"#, &claims().to_string());
    let explanation = explain(&unsigned, NOW).unwrap();
    assert_eq!(explanation.grant, Err(Denied::UnknownAlgorithm));
    assert_eq!(explanation.expires_at, Some(after(3600)));

    let bad = json!({"exp": "soon"});
    let explanation = explain(&signer.says(&bad), NOW).unwrap();
    assert_eq!(explanation.grant, Err(Denied::BadClaim { claim: "exp" }));
    assert_eq!(explanation.expires_at, None);

    assert_eq!(explain("nothing", NOW), Err(Denied::NotAToken));
}

#[test]
fn a_minter_prints_no_secret() {
    let printed = format!("{:?}", minter().with_kid("k"));
    assert!(
        printed.contains("Hs256") && !printed.contains("48, 49"),
        "{printed}"
    );
}
