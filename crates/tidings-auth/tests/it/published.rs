//! Keys that issuers publish, over real sockets. What the time is says the test.

use std::sync::Arc;

use serde_json::json;
use tidings_auth::{Algorithm, Denied, Issuer, JwksError, JwksUrl, Verifier};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::fixture::{ISSUER, NOW, SECOND, Signer, after, claims};
use crate::script::{Reply, Server};

const DAY: u64 = 24 * 3600;

/// The key set with these keys, each of this name.
fn set(keys: &[(&Signer, &str)]) -> String {
    let keys: Vec<_> = keys.iter().map(|(signer, kid)| signer.jwk(kid)).collect();
    json!({"keys": keys}).to_string()
}

/// A token that is good for a day, and names its key.
fn token(signer: &Signer, kid: &str) -> String {
    token_until(signer, kid, SECOND + DAY)
}

fn token_until(signer: &Signer, kid: &str, exp: u64) -> String {
    let header = json!({"alg": signer.algorithm.as_str(), "kid": kid});
    let mut claims = claims();
    claims["exp"] = exp.into();
    claims.as_object_mut().unwrap().remove("iat");
    signer.token(&header.to_string(), &claims.to_string())
}

fn verifier(server: &Server) -> Verifier {
    Verifier::new([Issuer::with_jwks(server.url()).named(ISSUER)]).unwrap()
}

fn failure(verifier: &Verifier) -> Arc<JwksError> {
    verifier.key_sets()[0].failure.clone().expect("a failure")
}

#[tokio::test]
async fn keys_are_fetched_for_the_first_token_and_once() {
    for algorithm in [
        Algorithm::Rs256,
        Algorithm::Ps512,
        Algorithm::Es384,
        Algorithm::EdDsa,
    ] {
        let signer = Signer::new(algorithm);
        let server = Server::start(Reply::Body(set(&[(&signer, "a")]))).await;
        let verifier = verifier(&server);
        assert!(verifier.key_sets()[0].is_stale(NOW));
        for _ in 0..3 {
            assert!(verifier.verify(&token(&signer, "a"), NOW).await.is_ok());
        }
        let state = &verifier.key_sets()[0];
        assert_eq!((state.keys, state.fetched_at), (1, Some(NOW)));
        assert_eq!(state.issuer.as_deref(), Some(ISSUER));
        assert_eq!(server.accepted(), 1);
    }
}

#[tokio::test]
async fn all_who_come_meanwhile_wait_for_one_fetch() {
    let signer = Signer::new(Algorithm::EdDsa);
    let permits = Arc::new(Semaphore::new(0));
    let reply = Reply::Permitted(Arc::clone(&permits), set(&[(&signer, "a")]));
    let server = Server::start(reply).await;
    let verifier = Arc::new(verifier(&server));
    let mut waiting = JoinSet::new();
    for _ in 0..100 {
        let (verifier, token) = (Arc::clone(&verifier), token(&signer, "a"));
        waiting.spawn(async move { verifier.verify(&token, NOW).await });
    }
    permits.add_permits(1);
    while let Some(outcome) = waiting.join_next().await {
        assert!(outcome.unwrap().is_ok());
    }
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn ten_thousand_made_up_keys_are_one_fetch_in_30_seconds() {
    let signer = Signer::new(Algorithm::EdDsa);
    let server = Server::start(Reply::Body(set(&[(&signer, "a")]))).await;
    let verifier = Arc::new(verifier(&server));
    verifier.refresh(NOW).await;
    assert_eq!(server.accepted(), 1);

    let made_up = Signer::new(Algorithm::EdDsa);
    for (seconds, fetches) in [(0, 1), (29, 1), (30, 2), (59, 2), (60, 3)] {
        let now = after(seconds);
        let mut waiting = JoinSet::new();
        for number in 0..2000 {
            let token = token(&made_up, &format!("{seconds}-{number}"));
            let verifier = Arc::clone(&verifier);
            waiting.spawn(async move { verifier.verify(&token, now).await });
        }
        while let Some(outcome) = waiting.join_next().await {
            assert_eq!(outcome.unwrap(), Err(Denied::UnknownKey));
        }
        assert_eq!(server.accepted(), fetches, "after {seconds} s");
    }
    assert!(
        verifier
            .verify(&token(&signer, "a"), after(60))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn bad_claims_cost_no_fetch() {
    let signer = Signer::new(Algorithm::EdDsa);
    let server = Server::start(Reply::Body(set(&[(&signer, "a")]))).await;
    let verifier = verifier(&server);
    let expired = token_until(&signer, "a", SECOND);
    assert_eq!(verifier.verify(&expired, NOW).await, Err(Denied::Expired));
    assert_eq!(server.accepted(), 0);
}

#[tokio::test]
async fn a_new_key_is_found_by_its_name_and_an_old_one_is_let_go() {
    let (old, new) = (Signer::new(Algorithm::Es256), Signer::new(Algorithm::Es256));
    let server = Server::start(Reply::Body(set(&[(&old, "old")]))).await;
    let verifier = verifier(&server);
    let remembered = token(&old, "old");
    assert!(verifier.verify(&remembered, NOW).await.is_ok());

    server.reply(Reply::Body(set(&[(&old, "old"), (&new, "new")])));
    assert_eq!(
        verifier.verify(&token(&new, "new"), after(29)).await,
        Err(Denied::UnknownKey)
    );
    assert!(
        verifier
            .verify(&token(&new, "new"), after(30))
            .await
            .is_ok()
    );
    assert!(verifier.verify(&remembered, after(30)).await.is_ok());

    server.reply(Reply::Body(set(&[(&new, "new")])));
    verifier.refresh(after(329)).await;
    assert!(verifier.verify(&remembered, after(329)).await.is_ok());
    verifier.refresh(after(330)).await;
    assert_eq!(server.accepted(), 3);
    assert_eq!(
        verifier.verify(&remembered, after(330)).await,
        Err(Denied::UnknownKey)
    );
    assert!(
        verifier
            .verify(&token(&new, "new"), after(330))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn another_key_of_the_same_name_takes_the_place_of_the_first() {
    let (old, new) = (Signer::new(Algorithm::Es256), Signer::new(Algorithm::Es256));
    let server = Server::start(Reply::Body(set(&[(&old, "a")]))).await;
    let verifier = verifier(&server);
    assert!(verifier.verify(&token(&old, "a"), NOW).await.is_ok());
    server.reply(Reply::Body(set(&[(&new, "a")])));
    verifier.refresh(after(300)).await;
    assert!(verifier.verify(&token(&new, "a"), after(300)).await.is_ok());
    let outcome = verifier.verify(&token(&old, "a"), after(300)).await;
    assert_eq!(outcome, Err(Denied::WrongSignature));
}

#[tokio::test]
async fn two_issuers_with_keys_of_one_name_do_not_answer_for_each_other() {
    let (one, two) = (Signer::new(Algorithm::Es256), Signer::new(Algorithm::Es256));
    let first = Server::start(Reply::Body(set(&[(&one, "a")]))).await;
    let second = Server::start(Reply::Body(set(&[(&two, "a")]))).await;
    let other = "https://other.example.com";
    let verifier = Verifier::new([
        Issuer::with_jwks(first.url()).named(ISSUER),
        Issuer::with_jwks(second.url()).named(other),
    ]);
    let verifier = verifier.unwrap();
    let says = |signer: &Signer, iss: &str| {
        let mut claims = claims();
        claims["iss"] = iss.into();
        signer.token(r#"{"alg":"ES256","kid":"a"}"#, &claims.to_string())
    };
    assert!(verifier.verify(&says(&one, ISSUER), NOW).await.is_ok());
    assert!(verifier.verify(&says(&two, other), NOW).await.is_ok());
    for token in [says(&one, other), says(&two, ISSUER)] {
        let outcome = verifier.verify(&token, NOW).await;
        assert_eq!(outcome, Err(Denied::WrongSignature));
    }
}

#[tokio::test]
async fn a_published_secret_is_no_key() {
    let secret = Signer::new(Algorithm::Hs256);
    let server = Server::start(Reply::Body(set(&[(&secret, "a")]))).await;
    let verifier = verifier(&server);
    assert_eq!(
        verifier.verify(&token(&secret, "a"), NOW).await,
        Err(Denied::UnknownKey)
    );
    assert_eq!(verifier.key_sets()[0].keys, 0);
}

#[tokio::test]
async fn the_last_good_keys_serve_for_a_day_while_there_are_no_others() {
    let signer = Signer::new(Algorithm::EdDsa);
    let server = Server::start(Reply::Body(set(&[(&signer, "a")]))).await;
    let verifier = verifier(&server);
    let remembered = token_until(&signer, "a", SECOND + DAY);
    assert!(verifier.verify(&remembered, NOW).await.is_ok());
    let late = token_until(&signer, "a", SECOND + DAY + 600);

    server.reply(Reply::Raw(
        "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n".to_owned(),
    ));
    verifier.refresh(after(300)).await;
    assert!(matches!(*failure(&verifier), JwksError::Status(500)));
    verifier.refresh(after(329)).await;
    assert_eq!(server.accepted(), 2);
    verifier.refresh(after(DAY)).await;
    assert_eq!(server.accepted(), 3);
    assert!(verifier.verify(&late, after(DAY)).await.is_ok());
    assert!(!verifier.key_sets()[0].is_stale(after(DAY)));

    let over = after(DAY + 1);
    assert!(verifier.key_sets()[0].is_stale(over));
    assert_eq!(
        verifier.verify(&late, over).await,
        Err(Denied::KeysUnavailable)
    );
    assert!(Denied::KeysUnavailable.is_temporary());

    server.reply(Reply::Body(set(&[(&signer, "a")])));
    verifier.refresh(after(DAY + 31)).await;
    assert!(verifier.verify(&late, after(DAY + 31)).await.is_ok());
    assert!(verifier.key_sets()[0].failure.is_none());
}

#[tokio::test]
async fn what_is_no_key_set_changes_nothing() {
    let signer = Signer::new(Algorithm::EdDsa);
    let good = set(&[(&signer, "a")]);
    let server = Server::start(Reply::Body(good.clone())).await;
    let verifier = verifier(&server);
    verifier.refresh(NOW).await;
    let keys = vec![signer.jwk("a"); 101];
    let wrong = [
        "<html>".to_owned(),
        "{}".to_owned(),
        good.replace("\"keys\"", "\"keys\":[],\"keys\""),
        json!({"keys": keys}).to_string(),
        format!("{good}{}", " ".repeat(64 * 1024)),
    ];
    for (step, body) in wrong.into_iter().enumerate() {
        let now = after(300 + 30 * step as u64);
        server.reply(Reply::Body(body));
        verifier.refresh(now).await;
        assert_eq!(server.accepted(), 2 + step);
        failure(&verifier);
        assert!(verifier.verify(&token(&signer, "a"), now).await.is_ok());
    }
}

#[tokio::test]
async fn an_answer_without_end_is_cut() {
    let server = Server::start(Reply::Endless).await;
    let verifier = verifier(&server);
    verifier.refresh(NOW).await;
    assert!(matches!(*failure(&verifier), JwksError::TooLarge));
    // What the sockets hold, and not the 100 MB that would come.
    assert!(server.sent() < 32 * 1024 * 1024, "{}", server.sent());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_come_is_given_up() {
    let server = Server::start(Reply::Silence).await;
    let verifier = verifier(&server);
    let signer = Signer::new(Algorithm::EdDsa);
    let outcome = verifier.verify(&token(&signer, "a"), NOW).await;
    assert_eq!(outcome, Err(Denied::KeysUnavailable));
    assert!(matches!(*failure(&verifier), JwksError::Unanswered(_)));
}

#[tokio::test]
async fn an_answer_that_does_not_come_takes_no_keys_away() {
    let signer = Signer::new(Algorithm::EdDsa);
    let server = Server::start(Reply::Body(set(&[(&signer, "a")]))).await;
    let verifier = verifier(&server);
    verifier.refresh(NOW).await;
    server.reply(Reply::Silence);
    tokio::time::pause();
    let unknown = verifier.verify(&token(&signer, "b"), after(30)).await;
    assert_eq!(unknown, Err(Denied::UnknownKey));
    assert!(matches!(*failure(&verifier), JwksError::Unanswered(_)));
    assert!(
        verifier
            .verify(&token(&signer, "a"), after(30))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let signer = Signer::new(Algorithm::EdDsa);
    let target = Server::start(Reply::Body(set(&[(&signer, "a")]))).await;
    for location in [
        format!("http://{}/jwks.json", target.address),
        "http://169.254.169.254/latest/meta-data".to_owned(),
        "/jwks.json".to_owned(),
    ] {
        let answer =
            format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
        let server = Server::start(Reply::Raw(answer)).await;
        let verifier = verifier(&server);
        let outcome = verifier.verify(&token(&signer, "a"), NOW).await;
        assert_eq!(outcome, Err(Denied::KeysUnavailable));
        assert!(matches!(*failure(&verifier), JwksError::Status(302)));
        assert_eq!((server.accepted(), target.accepted()), (1, 0));
    }
}

#[tokio::test]
async fn a_name_that_leads_to_a_private_address_is_not_connected_to() {
    let server = Server::start(Reply::Silence).await;
    let (_, port) = server.address.rsplit_once(':').unwrap();
    let url = JwksUrl::new(&format!("https://localhost:{port}/jwks.json")).unwrap();
    let verifier = Verifier::new([Issuer::with_jwks(url)]).unwrap();
    verifier.refresh(NOW).await;
    let failure = failure(&verifier);
    let mut cause: Option<&dyn std::error::Error> = Some(&*failure);
    let mut causes = Vec::new();
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    assert!(
        causes.iter().any(|cause| cause.contains("not allowed")),
        "{causes:?}"
    );
    assert_eq!(server.accepted(), 0);
}

#[tokio::test]
async fn a_fetch_goes_on_when_whoever_asked_for_it_has_gone() {
    let signer = Signer::new(Algorithm::EdDsa);
    let permits = Arc::new(Semaphore::new(0));
    let reply = Reply::Permitted(Arc::clone(&permits), set(&[(&signer, "a")]));
    let server = Server::start(reply).await;
    let verifier = verifier(&server);
    let text = token(&signer, "a");
    {
        let mut leaving = Box::pin(verifier.verify(&text, NOW));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(leaving.as_mut().poll(&mut context).is_pending());
    }
    permits.add_permits(1);
    assert!(verifier.verify(&text, NOW).await.is_ok());
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn a_clock_that_is_put_back_stops_no_fetch() {
    let signer = Signer::new(Algorithm::EdDsa);
    let server = Server::start(Reply::Body(set(&[(&signer, "a")]))).await;
    let verifier = verifier(&server);
    verifier.refresh(after(DAY)).await;
    verifier.refresh(NOW).await;
    assert_eq!(server.accepted(), 2);
    assert!(verifier.verify(&token(&signer, "a"), NOW).await.is_ok());
}

#[tokio::test]
async fn issuers_that_do_not_answer_hold_up_no_other() {
    let signer = Signer::new(Algorithm::EdDsa);
    let silent = Server::start(Reply::Silence).await;
    let server = Server::start(Reply::Body(set(&[(&signer, "a")]))).await;
    let verifier = Verifier::new([
        Issuer::with_jwks(silent.url()).named("https://silent.example.com"),
        Issuer::with_jwks(server.url()).named(ISSUER),
    ]);
    let verifier = verifier.unwrap();
    let text = token(&signer, "a");
    let refresh = verifier.refresh(NOW);
    tokio::select! {
        biased;
        () = refresh => panic!("the silent issuer answered"),
        outcome = verifier.verify(&text, NOW) => assert!(outcome.is_ok()),
    }
}
