//! What a token may do by what it says.

use serde_json::{Value, json};
use tidings::Topic;
use tidings_auth::{
    Algorithm, Credential, Denied, Grant, Issuer, Namespace, RightsTemplate, Verifier,
};

use crate::fixture::{ISSUER, SECOND, Signer, claims, verify};

fn with_tidings(tidings: Value) -> Value {
    let mut claims = claims();
    claims["tidings"] = tidings;
    claims
}

async fn granted(signer: &Signer, claims: &Value) -> Result<Grant, Denied> {
    verify(&signer.verifier(), &signer.says(claims)).await
}

async fn refused(tidings: Value) -> Denied {
    let signer = Signer::new(Algorithm::Hs256);
    granted(&signer, &with_tidings(tidings)).await.unwrap_err()
}

fn topic(text: &str) -> Topic {
    Topic::new(text).unwrap()
}

#[tokio::test]
async fn publishing_subscribing_and_administrating_are_claimed_separately() {
    let signer = Signer::new(Algorithm::Hs256);
    let claims = with_tidings(json!({"publish": ["in/*"], "subscribe": ["out/**"]}));
    let grant = granted(&signer, &claims).await.unwrap();
    assert!(grant.may_publish(&topic("in/1")) && !grant.may_publish(&topic("out/1")));
    assert!(grant.may_subscribe(&topic("out/1")) && !grant.may_subscribe(&topic("in/1")));
    assert!(!grant.is_admin());
    let admin = granted(&signer, &with_tidings(json!({"admin": true})))
        .await
        .unwrap();
    assert!(admin.is_admin() && !admin.may_subscribe(&topic("out/1")));
}

#[tokio::test]
async fn a_grant_names_its_token_and_ends_with_it() {
    let signer = Signer::new(Algorithm::Hs256);
    let mut claims = claims();
    claims["jti"] = "one".into();
    let grant = granted(&signer, &claims).await.unwrap();
    let credential = Credential::Token {
        issuer: Some(ISSUER.into()),
        jti: Some("one".into()),
    };
    assert_eq!(grant.credential, credential);
    assert_eq!(
        grant.expires_at.unwrap().as_millis(),
        (SECOND + 3600) * 1000
    );
    assert_eq!(grant.namespace, None);
}

#[tokio::test]
async fn the_identity_is_the_claimed_one_or_the_subject() {
    let signer = Signer::new(Algorithm::Hs256);
    let identity = async |claims: &Value| granted(&signer, claims).await.unwrap().identity;
    assert_eq!(identity(&claims()).await.as_deref(), Some("7"));
    let own = with_tidings(json!({"identity": "eve"}));
    assert_eq!(identity(&own).await.as_deref(), Some("eve"));
    let without = json!({"iss": ISSUER, "exp": SECOND + 60, "sub": ""});
    assert_eq!(identity(&without).await, None);
}

#[tokio::test]
async fn an_identity_is_never_a_pattern() {
    let signer = Signer::new(Algorithm::Hs256);
    for identity in ["*", "**", "a/b", "../b", "a\nb", ""] {
        let mut claims = with_tidings(json!({"subscribe": ["users/{identity}/**", "open"]}));
        claims["sub"] = identity.into();
        let grant = granted(&signer, &claims).await.unwrap();
        assert_eq!(grant.rights.subscribe().iter().len(), 1, "{identity}");
        assert!(!grant.may_subscribe(&topic("users/b/mail")), "{identity}");
    }
}

#[tokio::test]
async fn a_token_that_says_nothing_gets_what_its_issuer_gives() {
    let signer = Signer::new(Algorithm::Hs256);
    assert_eq!(
        *granted(&signer, &claims()).await.unwrap().rights,
        Default::default()
    );
    let rights = RightsTemplate::new([""; 0], ["users/{identity}/**"]).unwrap();
    let issuer = Issuer::with_keys([signer.key()]).default_rights(rights);
    let verifier = Verifier::new([issuer]).unwrap();
    let grant = verify(&verifier, &signer.says(&claims())).await.unwrap();
    assert!(grant.may_subscribe(&topic("users/7/mail")));
    assert!(!grant.may_subscribe(&topic("users/8/mail")));
    let nothing = signer.says(&with_tidings(json!({})));
    let grant = verify(&verifier, &nothing).await.unwrap();
    assert!(!grant.may_subscribe(&topic("users/7/mail")));
}

#[tokio::test]
async fn a_claim_of_the_wrong_form_is_not_taken_for_less() {
    let bad = |claim| Denied::BadClaim { claim };
    assert_eq!(refused(json!("admin")).await, bad("tidings"));
    assert_eq!(refused(json!(null)).await, bad("tidings"));
    assert_eq!(refused(json!({"subscibe": ["a"]})).await, bad("tidings"));
    assert_eq!(
        refused(json!({"publish": "a"})).await,
        bad("tidings.publish")
    );
    assert_eq!(
        refused(json!({"publish": [7]})).await,
        bad("tidings.publish")
    );
    assert_eq!(
        refused(json!({"publish": ["a*"]})).await,
        bad("tidings.publish")
    );
    assert_eq!(
        refused(json!({"subscribe": ["x-{identity}"]})).await,
        bad("tidings.subscribe")
    );
    assert_eq!(
        refused(json!({"subscribe": [""]})).await,
        bad("tidings.subscribe")
    );
    assert_eq!(
        refused(json!({"admin": "true"})).await,
        bad("tidings.admin")
    );
    assert_eq!(refused(json!({"admin": 1})).await, bad("tidings.admin"));
    assert_eq!(
        refused(json!({"identity": 7})).await,
        bad("tidings.identity")
    );
    let long = "x".repeat(257);
    assert_eq!(
        refused(json!({"identity": long})).await,
        bad("tidings.identity")
    );
}

#[tokio::test]
async fn a_list_has_at_most_256_selectors() {
    let signer = Signer::new(Algorithm::Hs256);
    let list = vec!["a"; 257];
    let most = with_tidings(json!({"publish": list[1..], "subscribe": list[1..]}));
    assert!(granted(&signer, &most).await.is_ok());
    let many = |claim| Denied::TooManySelectors { claim };
    assert_eq!(
        refused(json!({"publish": list})).await,
        many("tidings.publish")
    );
    assert_eq!(
        refused(json!({"subscribe": list})).await,
        many("tidings.subscribe")
    );
}

#[tokio::test]
async fn only_an_issuer_that_may_choose_the_namespace_does() {
    let signer = Signer::new(Algorithm::Hs256);
    let in_namespace = async |rule: &Namespace, claimed: Option<&str>| {
        let issuer = Issuer::with_keys([signer.key()]).in_namespace(rule.clone());
        let verifier = Verifier::new([issuer]).unwrap();
        let claims = match claimed {
            Some(name) => with_tidings(json!({"namespace": name})),
            None => claims(),
        };
        let grant = verify(&verifier, &signer.says(&claims)).await?;
        Ok(grant.namespace.map(|name| name.to_string()))
    };
    let bad = Err(Denied::BadClaim {
        claim: "tidings.namespace",
    });
    let missing = Err(Denied::MissingClaim {
        claim: "tidings.namespace",
    });
    let shop = Ok(Some("shop".to_owned()));
    let fixed = Namespace::Fixed("shop".into());
    assert_eq!(in_namespace(&Namespace::Default, None).await, Ok(None));
    assert_eq!(in_namespace(&Namespace::Default, Some("shop")).await, bad);
    assert_eq!(in_namespace(&fixed, None).await, shop);
    assert_eq!(in_namespace(&fixed, Some("shop")).await, shop);
    assert_eq!(in_namespace(&fixed, Some("bank")).await, bad);
    assert_eq!(in_namespace(&Namespace::Claimed, Some("shop")).await, shop);
    assert_eq!(in_namespace(&Namespace::Claimed, None).await, missing);
    for name in ["", "a/b", "a b", "a.b", "a_b", "A", "é", &"x".repeat(65)] {
        assert_eq!(
            in_namespace(&Namespace::Claimed, Some(name)).await,
            bad,
            "{name}"
        );
    }
}
