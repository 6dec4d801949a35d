//! Every algorithm against everything that is done to tokens (RFC 8725, section 2).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tidings_auth::{Algorithm, Denied, Issuer, Verifier};

use crate::fixture::{ISSUER, NOW, SECOND, Signer, claims, keyed_hash, token};

/// What was done to a token, the token, and what it is refused for.
type Case = (String, String, Denied);

/// Tries everything on one algorithm, beginning with what must be taken.
async fn check(algorithm: Algorithm) {
    let signer = Signer::new(algorithm);
    let key = signer.key().with_kid("1");
    let issuer = Issuer::with_keys([key]).named(ISSUER).for_audience("hub");
    let verifier = Verifier::new([issuer]).unwrap();

    let good = signer.says(&good_claims());
    let grant = verifier.verify(&good, NOW).await.unwrap();
    assert_eq!(grant.identity.as_deref(), Some("7"));

    let cases = [
        headers(&signer),
        signatures(&signer),
        payloads(&signer),
        texts(&signer),
    ];
    for (what, token, denied) in cases.into_iter().flatten() {
        let outcome = verifier.verify(&token, NOW).await;
        assert_eq!(outcome, Err(denied), "{algorithm}: {what}");
    }
}

fn good_claims() -> Value {
    let mut claims = claims();
    claims["aud"] = "hub".into();
    claims
}

fn headers(signer: &Signer) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut case = |header: String, denied| {
        let token = signer.token(&header, &good_claims().to_string());
        cases.push((header, token, denied));
    };
    let name = signer.algorithm.as_str();
    for alg in [
        "none",
        "None",
        "NoNe",
        "NONE",
        "",
        "HS1",
        "ES256K",
        &name.to_lowercase(),
    ] {
        case(format!(r#"{{"alg":"{alg}"}}"#), Denied::UnknownAlgorithm);
    }
    for other in Algorithm::ALL
        .into_iter()
        .filter(|other| *other != signer.algorithm)
    {
        case(format!(r#"{{"alg":"{other}"}}"#), Denied::WrongAlgorithm);
        case(
            format!(r#"{{"alg":"{other}","kid":"1"}}"#),
            Denied::WrongAlgorithm,
        );
    }
    for field in ["jwk", "jku", "x5u", "x5c", "crit"] {
        let own = json!({"alg": name, field: ["https://attacker.example"]});
        case(own.to_string(), Denied::Header { field });
    }
    for kid in ["../1", "", "1\u{0}", "' OR 1=1", "2"] {
        case(
            json!({"alg": name, "kid": kid}).to_string(),
            Denied::UnknownKey,
        );
    }
    case(
        format!(r#"{{"alg":"{name}","alg":"{name}"}}"#),
        Denied::RepeatedKey,
    );
    case(
        format!(r#"{{"alg":"none","alg":"{name}"}}"#),
        Denied::RepeatedKey,
    );
    case(
        format!(r#"{{"alg":"{name}","\u0061lg":"none"}}"#),
        Denied::RepeatedKey,
    );
    case(
        format!(r#"{{"alg":["{name}"]}}"#),
        Denied::Header { field: "alg" },
    );
    case(
        r#"{"typ":"JWT"}"#.to_owned(),
        Denied::Header { field: "alg" },
    );
    case(
        format!(r#"{{"alg":"{name}","kid":1}}"#),
        Denied::Header { field: "kid" },
    );
    case(
        format!(r#"{{"alg":"{name}","typ":"dpop+jwt"}}"#),
        Denied::Header { field: "typ" },
    );
    case(format!(r#"["{name}"]"#), Denied::NotAToken);
    case(String::new(), Denied::NotAToken);
    cases
}

fn signatures(signer: &Signer) -> Vec<Case> {
    let good = signer.says(&good_claims());
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let mut cases = Vec::new();
    let mut case = |what: &str, token: String| {
        cases.push((what.to_owned(), token, Denied::WrongSignature));
    };
    let mut with = |what: &str, signature: &[u8]| {
        case(
            what,
            format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)),
        );
    };
    with("no signature", &[]);
    with("a short signature", &signature[1..]);
    with("a long signature", &[&signature[..], &[0]].concat());
    with("zeros", &vec![0; signature.len()]);
    for at in [0, signature.len() / 2, signature.len() - 1] {
        let mut flipped = signature.clone();
        flipped[at] ^= 1;
        with("a flipped bit", &flipped);
    }
    case("padding", format!("{good}="));
    case("another alphabet", format!("{signed}.++//"));
    let other = Signer::new(signer.algorithm);
    case("another key", other.says(&good_claims()));
    let mut claims = good_claims();
    claims["sub"] = "8".into();
    let (header, _) = signed.split_once('.').unwrap();
    let (_, signature) = good.rsplit_once('.').unwrap();
    let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
    case("other claims", format!("{header}.{claims}.{signature}"));

    if !signer.algorithm.as_str().starts_with("HS") {
        let pem = signer.public_pem();
        for secret in [pem.as_str(), pem.trim_end()] {
            for algorithm in [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512] {
                let forge = |message: &[u8]| keyed_hash(algorithm, secret.as_bytes(), message);
                let header = json!({"alg": algorithm.as_str(), "kid": "1"}).to_string();
                let forged = token(&header, &good_claims().to_string(), forge);
                cases.push((
                    "the public key as secret".to_owned(),
                    forged,
                    Denied::WrongAlgorithm,
                ));
                let header = signer.header();
                let forged = token(&header, &good_claims().to_string(), forge);
                cases.push(("a keyed hash".to_owned(), forged, Denied::WrongSignature));
            }
        }
    }
    cases
}

fn payloads(signer: &Signer) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut case = |change: &[(&str, Option<Value>)], denied| {
        let mut claims = good_claims();
        let object = claims.as_object_mut().unwrap();
        for (claim, value) in change {
            match value {
                Some(value) => object.insert((*claim).to_owned(), value.clone()),
                None => object.remove(*claim),
            };
        }
        cases.push((claims.to_string(), signer.says(&claims), denied));
    };
    for claim in ["exp", "nbf", "iat"] {
        let types = [
            json!(format!("{}", SECOND + 60)),
            json!(SECOND as f64 + 60.5),
            json!(SECOND as f64),
            json!(-1),
            json!(true),
            json!([SECOND]),
            json!({}),
            json!(1e300),
            Value::Null,
        ];
        for value in types {
            case(&[(claim, Some(value))], Denied::BadClaim { claim });
        }
    }
    case(&[("exp", None)], Denied::MissingClaim { claim: "exp" });
    case(&[("exp", Some(json!(SECOND)))], Denied::Expired);
    case(&[("exp", Some(json!(0)))], Denied::Expired);
    case(
        &[("exp", Some(json!(SECOND + 86_401)))],
        Denied::LivesTooLong,
    );
    case(&[("exp", Some(json!(u64::MAX)))], Denied::LivesTooLong);
    case(
        &[("iat", Some(json!(SECOND - 86_400)))],
        Denied::LivesTooLong,
    );
    let without_iat = [("iat", None), ("exp", Some(json!(SECOND + 86_401)))];
    case(&without_iat, Denied::LivesTooLong);
    case(&[("nbf", Some(json!(SECOND + 31)))], Denied::NotYetValid);
    case(&[("iat", Some(json!(SECOND + 31)))], Denied::NotYetValid);
    case(&[("aud", None)], Denied::MissingClaim { claim: "aud" });
    for aud in [
        json!(""),
        json!("Hub"),
        json!("hub "),
        json!([]),
        json!(["a", "b"]),
    ] {
        case(&[("aud", Some(aud))], Denied::WrongAudience);
    }
    for aud in [json!(7), json!(null), json!({"hub": 1}), json!(["hub", 7])] {
        case(&[("aud", Some(aud))], Denied::BadClaim { claim: "aud" });
    }
    case(&[("iss", None)], Denied::UnknownIssuer);
    case(
        &[("iss", Some(json!("https://id.example.com/")))],
        Denied::UnknownIssuer,
    );
    case(
        &[("iss", Some(json!([ISSUER])))],
        Denied::BadClaim { claim: "iss" },
    );
    case(
        &[("sub", Some(json!(7)))],
        Denied::BadClaim { claim: "sub" },
    );
    case(
        &[("sub", Some(json!("x".repeat(257))))],
        Denied::BadClaim { claim: "sub" },
    );
    case(
        &[("jti", Some(json!(7)))],
        Denied::BadClaim { claim: "jti" },
    );

    let repeated = format!(
        r#"{{"iss":"{ISSUER}","aud":"hub","exp":1,"exp":{}}}"#,
        SECOND + 60
    );
    cases.push((
        "exp twice".to_owned(),
        signer.token(&signer.header(), &repeated),
        Denied::RepeatedKey,
    ));
    let inner = format!(
        r#"{{"iss":"{ISSUER}","aud":"hub","exp":{},"tidings":{{"admin":false,"admin":true}}}}"#,
        SECOND + 60
    );
    cases.push((
        "admin twice".to_owned(),
        signer.token(&signer.header(), &inner),
        Denied::RepeatedKey,
    ));
    for payload in ["", "7", "[]", "{", "{}{}"] {
        cases.push((
            payload.to_owned(),
            signer.token(&signer.header(), payload),
            Denied::NotAToken,
        ));
    }
    cases
}

fn texts(signer: &Signer) -> Vec<Case> {
    let good = signer.says(&good_claims());
    let (header, rest) = good.split_once('.').unwrap();
    let (claims, signature) = rest.split_once('.').unwrap();
    let mut long = good_claims();
    long["pad"] = "x".repeat(8 * 1024).into();
    let mut cases = vec![("8 KiB".to_owned(), signer.says(&long), Denied::TooLong)];
    for text in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        format!("{header}.{claims}"),
        format!("{header}.{claims}.{signature}.{signature}"),
        format!("{header}.{claims}.x.y.z"),
        format!("{header}=.{claims}.{signature}"),
        format!("{header}.{claims}=.{signature}"),
        format!(" {good}"),
        format!("{header}\n.{claims}.{signature}"),
        format!("Bearer {good}"),
        format!("{{\"protected\":\"{header}\",\"payload\":\"{claims}\"}}"),
    ] {
        cases.push((text.clone(), text, Denied::NotAToken));
    }
    cases
}

#[tokio::test]
async fn hs256_tokens_are_taken_as_they_are_or_not_at_all() {
    check(Algorithm::Hs256).await;
}

#[tokio::test]
async fn hs384_tokens_are_taken_as_they_are_or_not_at_all() {
    check(Algorithm::Hs384).await;
}

#[tokio::test]
async fn hs512_tokens_are_taken_as_they_are_or_not_at_all() {
    check(Algorithm::Hs512).await;
}

#[tokio::test]
async fn rs256_tokens_are_taken_as_they_are_or_not_at_all() {
    check(Algorithm::Rs256).await;
}

#[tokio::test]
async fn rs384_tokens_are_taken_as_they_are_or_not_at_all() {
    check(Algorithm::Rs384).await;
}

#[tokio::test]
async fn rs512_tokens_are_taken_as_they_are_or_not_at_all() {
    check(Algorithm::Rs512).await;
}

#[tokio::test]
async fn ps256_tokens_are_taken_as_they_are_or_not_at_all() {
    check(Algorithm::Ps256).await;
}

#[tokio::test]
async fn ps384_tokens_are_taken_as_they_are_or_not_at_all() {
    check(Algorithm::Ps384).await;
}

#[tokio::test]
async fn ps512_tokens_are_taken_as_they_are_or_not_at_all() {
    check(Algorithm::Ps512).await;
}

#[tokio::test]
async fn es256_tokens_are_taken_as_they_are_or_not_at_all() {
    check(Algorithm::Es256).await;
}

#[tokio::test]
async fn es384_tokens_are_taken_as_they_are_or_not_at_all() {
    check(Algorithm::Es384).await;
}

#[tokio::test]
async fn eddsa_tokens_are_taken_as_they_are_or_not_at_all() {
    check(Algorithm::EdDsa).await;
}
