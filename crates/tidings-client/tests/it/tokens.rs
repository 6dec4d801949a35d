use std::future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use tidings_client::{
    Body, Client, ClientBuilder, Exchange, Item, NewEvent, PublishError, SubscribeError, Token,
    TokenReason, Transport,
};
use tokio::task;

use crate::script::{Server, all_data, answer, no_content, stream};

const RECEIPT: &str = r#"{"id":"e-5","receivers":2,"durability":"disk"}"#;

type Asked = Arc<Mutex<Vec<TokenReason>>>;

/// A provider that gives the tokens 1, 2, 3 and so on, which last so long.
fn counting(builder: ClientBuilder, lifetime: Option<Duration>) -> (ClientBuilder, Asked) {
    let asked = Asked::default();
    let told = asked.clone();
    let builder = builder.token_provider(move |reason| {
        let mut told = told.lock().unwrap();
        told.push(reason);
        let token = Token::new(told.len().to_string());
        future::ready(Ok::<_, std::io::Error>(match lifetime {
            Some(lifetime) => token.expires_in(lifetime),
            None => token,
        }))
    });
    (builder, asked)
}

#[tokio::test]
async fn the_provider_is_told_why_it_is_asked() {
    let goodbye = "event: tidings.goodbye\ndata: {\"reason\":\"token-expired\"}\n\n";
    let mut server = Server::start([
        stream("data: a\n\n"),
        stream(goodbye),
        answer("401 Who", "", ""),
        answer("503 Busy", "", ""),
        answer("401 Who", "", ""),
        answer("403 No", "", ""),
    ])
    .await;
    let mut asked = None;
    let client = server.client_with(|builder| {
        let (builder, told) = counting(builder, None);
        asked = Some(told);
        builder
    });
    let items: Vec<_> = futures_util::StreamExt::collect(client.subscribe(["t"]).open()).await;
    assert!(matches!(items[0], Ok(Item::Event(_))));
    let Some(Err(SubscribeError::Refused(problem))) = items.last() else {
        panic!("{items:?}");
    };
    assert_eq!(problem.status, 401);
    let reason = "token-expired".to_owned();
    let expected = [
        TokenReason::First,
        TokenReason::Reconnect,
        TokenReason::Goodbye { reason },
        TokenReason::Unauthorized,
        TokenReason::Reconnect,
    ];
    assert_eq!(*asked.unwrap().lock().unwrap(), expected);
    for number in 1..=5 {
        let token = format!("Bearer {number}");
        let request = server.request().await;
        assert_eq!(request.header("authorization"), Some(token.as_str()));
    }
}

#[tokio::test]
async fn a_token_that_holds_is_used_until_it_does_not() {
    let receipt = || answer("200 OK", "", RECEIPT);
    let server = Server::start([receipt(), stream("data: a\n\n"), no_content()]).await;
    let mut asked = None;
    let client = server.client_with(|builder| {
        let (builder, told) = counting(builder, Some(Duration::from_secs(3600)));
        asked = Some(told);
        builder
    });
    client.publish("t", NewEvent::new("x")).await.unwrap();
    assert_eq!(all_data(client.subscribe(["t"]).open()).await, ["a"]);
    assert_eq!(*asked.unwrap().lock().unwrap(), [TokenReason::First]);
}

#[tokio::test]
async fn a_token_that_lasts_longer_than_any_clock_is_a_token() {
    let mut server = Server::start([answer("200 OK", "", RECEIPT)]).await;
    let client = server.client_with(|builder| counting(builder, Some(Duration::MAX)).0);
    client.publish("t", NewEvent::new("a")).await.unwrap();
    let told = server.request().await;
    assert_eq!(told.header("authorization"), Some("Bearer 1"));
}

/// Takes every event.
#[derive(Debug)]
struct Taking;

impl Transport for Taking {
    fn send(&self, _: http::Request<Bytes>) -> Exchange<'_> {
        Box::pin(async { Ok(http::Response::new(Body::from(RECEIPT))) })
    }
}

/// How often the provider was asked for ten publishes at once.
async fn asked_for_ten(
    token: impl Fn() -> Result<Token, &'static str> + Send + Sync + 'static,
) -> usize {
    let token = Arc::new(token);
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let builder = Client::builder("http://example.org/").transport(Taking);
    let builder = builder.publish_attempts(1).token_provider(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        let token = token.clone();
        async move {
            task::yield_now().await;
            token()
        }
    });
    let client = builder.build().unwrap();
    let publishes = (0..10).map(|_| client.publish("t", NewEvent::new("a")));
    let published = join_all(publishes).await;
    let expected = client.publish("t", NewEvent::new("a")).await.is_ok();
    assert!(
        published
            .iter()
            .all(|published| published.is_ok() == expected)
    );
    asked.load(Ordering::Relaxed) - usize::from(!expected)
}

#[tokio::test]
async fn who_wants_a_token_at_the_same_time_shares_one() {
    assert_eq!(asked_for_ten(|| Ok(Token::new("1"))).await, 1);
    assert_eq!(asked_for_ten(|| Err("no token")).await, 1);
}

#[tokio::test]
async fn a_token_whose_time_is_over_is_replaced_before_it_is_refused() {
    let receipt = || answer("200 OK", "", RECEIPT);
    let mut server = Server::start([receipt(), no_content(), receipt()]).await;
    let mut asked = None;
    let client = server.client_with(|builder| {
        let (builder, told) = counting(builder, Some(Duration::ZERO));
        asked = Some(told);
        builder
    });
    client.publish("t", NewEvent::new("x")).await.unwrap();
    assert!(all_data(client.subscribe(["t"]).open()).await.is_empty());
    client.publish("t", NewEvent::new("x")).await.unwrap();
    let expected = [
        TokenReason::First,
        TokenReason::Expired,
        TokenReason::Expired,
    ];
    assert_eq!(*asked.unwrap().lock().unwrap(), expected);
    for token in ["Bearer 1", "Bearer 2", "Bearer 3"] {
        assert_eq!(server.request().await.header("authorization"), Some(token));
    }
}

#[tokio::test]
async fn a_publish_that_is_refused_is_tried_with_one_other_token() {
    let refused = || answer("401 Who", "", "");
    let receipt = answer("200 OK", "", RECEIPT);
    let mut server = Server::start([refused(), receipt, refused(), refused()]).await;
    let client = server.client_with(|builder| counting(builder, None).0);
    client.publish("t", NewEvent::new("x")).await.unwrap();
    let (first, second) = (server.request().await, server.request().await);
    assert_eq!(first.header("authorization"), Some("Bearer 1"));
    assert_eq!(second.header("authorization"), Some("Bearer 2"));
    let key = "idempotency-key";
    assert_eq!(first.header(key), second.header(key));
    let published = client.publish("t", NewEvent::new("y")).await;
    assert!(matches!(published, Err(PublishError::Refused(problem)) if problem.status == 401));
}

#[tokio::test]
async fn a_provider_without_a_token_is_named_as_the_cause() {
    let server = Server::start([]).await;
    let client = server.client_with(|builder| {
        let builder = builder.attempts(2).publish_attempts(1);
        builder.token_provider(|_| future::ready(Err::<Token, _>("the vault is closed")))
    });
    let published = client.publish("t", NewEvent::new("x")).await;
    let Err(error @ PublishError::Credentials(_)) = published else {
        panic!("{published:?}");
    };
    assert!(error.is_transient());
    let mut subscription = client.stream().open();
    let next = futures_util::StreamExt::next(&mut subscription).await;
    let Some(Err(error)) = next else {
        panic!("{next:?}");
    };
    assert_eq!(
        error.to_string(),
        "gave up after 2 attempts: no token: the vault is closed"
    );
}

#[tokio::test]
async fn a_provider_is_told_that_it_has_failed() {
    let mut server = Server::start([answer("200 OK", "", RECEIPT)]).await;
    let asked = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&asked);
    let client = server.client_with(|builder| {
        builder.jitter(|| 0.0).token_provider(move |reason| {
            let mut asked = told.lock().unwrap();
            asked.push(reason);
            let is_open = asked.len() == 3;
            future::ready(
                is_open
                    .then(|| Token::new("t"))
                    .ok_or("the vault is closed"),
            )
        })
    });
    client.publish("t", NewEvent::new("x")).await.unwrap();
    let expected = [TokenReason::First, TokenReason::Failed, TokenReason::Failed];
    assert_eq!(*asked.lock().unwrap(), expected);
    assert_eq!(
        server.request().await.header("authorization"),
        Some("Bearer t")
    );
}

#[tokio::test]
async fn another_origin_never_sees_a_token() {
    let mut other = Server::start([no_content()]).await;
    let server = Server::start([]).await;
    let client = server.client_with(|builder| counting(builder, None).0);
    let elsewhere = client.stream_at(&other.url).unwrap();
    assert!(all_data(elsewhere.open()).await.is_empty());
    assert_eq!(other.request().await.header("authorization"), None);
}
