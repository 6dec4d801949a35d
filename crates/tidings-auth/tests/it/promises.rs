//! What holds of every token that is taken, whatever it says.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use tidings::Timestamp;
use tidings_auth::{Algorithm, Denied, Grant, Issuer, Key, MAX_SELECTORS, Verifier, explain};

/// 2026-01-01.
const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);

const SECRET: &[u8; 32] = b"0123456789abcdef0123456789abcdef";

/// Signs a token with these parts, and checks what is made of it.
pub(crate) fn check(header: &str, claims: &str) {
    let base64 = |text: &[u8]| URL_SAFE_NO_PAD.encode(text);
    let signed = format!(
        "{}.{}",
        base64(header.as_bytes()),
        base64(claims.as_bytes())
    );
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, SECRET);
    let signature = aws_lc_rs::hmac::sign(&key, signed.as_bytes());
    let token = format!("{signed}.{}", base64(signature.as_ref()));

    let outcome = verify(&token);
    assert_ne!(outcome, Err(Denied::WrongSignature));
    let Ok(grant) = outcome else {
        return;
    };
    check_grant(&grant);
    let explained = explain(&token, NOW).expect("it was read before").grant;
    assert_eq!(explained.as_ref(), Ok(&grant));
    let header: Value = serde_json::from_str(header).expect("it was read before");
    assert_eq!(header["alg"], "HS256");

    // Nobody else could have made it.
    for forged in [
        format!("{signed}."),
        format!("{signed}.{}", base64(&[0; 32])),
    ] {
        assert_eq!(verify(&forged), Err(Denied::WrongSignature));
    }
}

/// Whatever the text is, reading it is all that happens.
pub(crate) fn read(text: &str) {
    assert!(verify(text).is_err());
    if let Ok(explanation) = explain(text, NOW)
        && let Ok(grant) = explanation.grant
    {
        check_grant(&grant);
    }
}

fn check_grant(grant: &Grant) {
    let end = grant.expires_at.expect("every token expires");
    assert!(end > NOW);
    let rights = &grant.rights;
    assert!(rights.publish().iter().len() <= MAX_SELECTORS);
    assert!(rights.subscribe().iter().len() <= MAX_SELECTORS);
    if let Some(identity) = &grant.identity {
        assert!((1..=256).contains(&identity.len()));
    }
}

fn verify(token: &str) -> Result<Grant, Denied> {
    let key = Key::secret(Algorithm::Hs256, SECRET).expect("32 bytes are enough");
    let day = Duration::from_secs(24 * 3600);
    let issuer = Issuer::with_keys([key]).max_lifetime(day);
    let verifier = Verifier::new([issuer]).expect("one issuer with one key");
    let mut verifying = pin!(verifier.verify(token, NOW));
    let mut context = Context::from_waker(Waker::noop());
    let Poll::Ready(outcome) = verifying.as_mut().poll(&mut context) else {
        panic!("there is nothing to wait for");
    };
    if let Ok(grant) = &outcome {
        let end = grant.expires_at.expect("every token expires");
        assert!(end.since(NOW) <= day + Duration::from_secs(30));
        assert_eq!(grant.namespace, None);
    }
    outcome
}
