//! What a connect pays for its credential: a token that is remembered, one that is seen for the first time, an API key, and
//! the look at what is revoked.

use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use criterion::Criterion;
use tidings::Timestamp;
use tidings_auth::{
    Algorithm, ApiKey, Grant, Issuer, Key, KeyRing, Minter, NewToken, Revocations, Revoked, Rights,
    StoredKey, Verifier,
};

const SECRET: &[u8; 32] = b"0123456789abcdef0123456789abcdef";

const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    let mut group = criterion.benchmark_group("connect");

    let token = token();
    let warm = verifier();
    verify(&warm, &token);
    group.bench_function("token-remembered", |bencher| {
        bencher.iter(|| verify(&warm, black_box(&token)));
    });
    group.bench_function("token-new", |bencher| {
        bencher.iter_batched(
            verifier,
            |cold| verify(&cold, black_box(&token)),
            criterion::BatchSize::SmallInput,
        );
    });

    let key = ApiKey::generate();
    let ring = KeyRing::new([StoredKey {
        id: key.id().to_owned(),
        hash: key.hash(),
        identity: Some("7".into()),
        namespace: None,
        rights: Arc::new(Rights::everything()),
        expires_at: None,
    }]);
    let ring = ring.expect("one key");
    let text = key.text();
    group.bench_function("api-key", |bencher| {
        bencher.iter(|| ring.verify(black_box(&text), NOW));
    });

    let grant = verify(&warm, &token);
    let revocations = Revocations::new(Duration::from_secs(86_400));
    group.bench_function("nothing-revoked", |bencher| {
        bencher.iter(|| revocations.is_revoked(black_box(&grant), NOW));
    });
    for number in 0..50_000 {
        let revoked = Revoked::Jti(format!("{number}"));
        revocations
            .revoke(revoked, None, NOW)
            .expect("there is room");
    }
    group.bench_function("50000-revoked", |bencher| {
        bencher.iter(|| revocations.is_revoked(black_box(&grant), NOW));
    });
    group.finish();
    criterion.final_summary();
}

fn verifier() -> Verifier {
    let key = Key::secret(Algorithm::Hs256, SECRET).expect("32 bytes are enough");
    Verifier::new([Issuer::with_keys([key])]).expect("one issuer with one key")
}

fn token() -> String {
    let minter = Minter::secret(Algorithm::Hs256, SECRET).expect("32 bytes are enough");
    let token = NewToken {
        publish: vec!["users/{identity}/**".to_owned()],
        subscribe: vec!["users/{identity}/**".to_owned(), "news/*".to_owned()],
        identity: Some("7".to_owned()),
        ..NewToken::default()
    };
    minter.mint(&token, NOW).expect("every hub takes it")
}

fn verify(verifier: &Verifier, token: &str) -> Grant {
    let mut verifying = pin!(verifier.verify(token, NOW));
    let mut context = Context::from_waker(Waker::noop());
    let Poll::Ready(Ok(grant)) = verifying.as_mut().poll(&mut context) else {
        panic!("the token is good, and there is nothing to wait for");
    };
    grant
}
