use bytes::Bytes;
use futures_util::StreamExt;
use http::{Request, Response};
use tidings_client::{
    Body, Client, Exchange, GapReason, Item, NewEvent, PublishError, RedirectError, Start,
    SubscribeError, Transport,
};

use crate::script::{Reply, Server, all_data, answer, event, no_content, stream};

fn redirect(status: u16, location: &str) -> Reply {
    answer(
        &format!("{status} Elsewhere"),
        &format!("Location: {location}\r\n"),
        "",
    )
}

fn after_7() -> Start {
    Start::After("e-7".to_owned())
}

#[tokio::test]
async fn every_kind_of_redirect_is_followed_with_credentials_within_the_origin() {
    for status in [301, 302, 303, 307, 308] {
        let mut server = Server::start([redirect(status, "/there?x=1"), no_content()]).await;
        let client = server.client_with(|builder| builder.bearer_token("secret"));
        let subscription = client.subscribe(["t"]).from(after_7()).open();
        assert!(all_data(subscription).await.is_empty());
        server.request().await;
        let second = server.request().await;
        assert_eq!(second.line, "GET /there?x=1");
        assert_eq!(second.header("authorization"), Some("Bearer secret"));
        assert_eq!(second.header("last-event-id"), Some("e-7"));
    }
}

#[tokio::test]
async fn another_origin_learns_neither_credentials_nor_position() {
    let mut other = Server::start([no_content()]).await;
    let mut server = Server::start([redirect(307, &format!("{}/there", other.url))]).await;
    let client = server.client_with(|builder| builder.header("x-api-key", "secret"));
    let subscription = client.subscribe(["t"]).from(after_7()).open();
    assert!(all_data(subscription).await.is_empty());
    assert_eq!(server.request().await.header("x-api-key"), Some("secret"));
    let elsewhere = other.request().await;
    assert_eq!(elsewhere.line, "GET /there");
    assert_eq!(elsewhere.header("x-api-key"), None);
    assert_eq!(elsewhere.header("last-event-id"), None);
}

#[tokio::test]
async fn where_the_position_is_not_told_a_gap_says_so_first() {
    let mut other = Server::start([stream("id: b-1\ndata: one\n\n"), no_content()]).await;
    let there = || redirect(307, &format!("{}/there", other.url));
    let server = Server::start([there(), there()]).await;
    let mut items = server.client().stream().from(after_7()).open();
    let Some(Ok(Item::Gap(gap))) = items.next().await else {
        panic!("a gap comes first");
    };
    assert_eq!(gap.reason, GapReason::UnknownId);
    assert_eq!(gap.requested.as_deref(), Some("e-7"));
    assert_eq!(items.position(), "e-7");
    assert_eq!(event(&mut items).await.data, "one");
    assert!(items.next().await.is_none(), "the second time it was told");
    other.request().await;
    assert_eq!(other.request().await.header("last-event-id"), Some("b-1"));
}

#[tokio::test]
async fn credentials_in_an_address_are_sent_and_not_shown() {
    let mut other = Server::start([no_content()]).await;
    let away = redirect(307, &format!("{}/there", other.url));
    let mut server = Server::start([redirect(302, "/here"), away]).await;
    let address = server
        .url
        .replace("http://", "http://Al%C3%AF:open%3Asesame@");
    let client = Client::builder(&address).build().unwrap();
    assert_eq!(client.url(), format!("{}/", server.url));
    assert!(!format!("{client:?}").contains("sesame"), "{client:?}");
    assert!(all_data(client.stream().open()).await.is_empty());
    for _ in 0..2 {
        let asked = server.request().await;
        let expected = "Basic QWzDrzpvcGVuOnNlc2FtZQ==";
        assert_eq!(asked.header("authorization"), Some(expected));
    }
    assert_eq!(other.request().await.header("authorization"), None);
}

#[tokio::test]
async fn a_token_goes_before_credentials_in_an_address() {
    let mut server = Server::start([no_content()]).await;
    let address = server.url.replace("http://", "http://user:password@");
    let client = Client::builder(&address).bearer_token("secret").build();
    let items = client.unwrap().stream().open();
    assert!(all_data(items).await.is_empty());
    let asked = server.request().await;
    assert_eq!(asked.header("authorization"), Some("Bearer secret"));
}

#[tokio::test]
async fn credentials_stay_dropped_for_the_redirects_that_follow() {
    let mut other = Server::start([redirect(307, "/again"), no_content()]).await;
    let server = Server::start([redirect(307, &format!("{}/there", other.url))]).await;
    let client = server.client_with(|builder| builder.bearer_token("secret"));
    assert!(all_data(client.subscribe(["t"]).open()).await.is_empty());
    assert_eq!(other.request().await.header("authorization"), None);
    assert_eq!(other.request().await.header("authorization"), None);
}

#[tokio::test]
async fn a_loop_comes_to_an_end() {
    let server = Server::start((0..21).map(|_| redirect(302, "/round"))).await;
    let mut subscription = server.client().subscribe(["t"]).open();
    assert!(matches!(
        subscription.next().await,
        Some(Err(SubscribeError::Redirect(RedirectError::TooMany { .. })))
    ));
}

#[tokio::test]
async fn a_redirect_may_be_written_as_people_write() {
    let there = redirect(302, "/là bas/{}#x");
    let mut server = Server::start([there, no_content()]).await;
    assert!(all_data(server.client().stream().open()).await.is_empty());
    server.request().await;
    assert_eq!(server.request().await.line, "GET /l%C3%A0%20bas/%7B%7D");
}

#[tokio::test]
async fn a_redirect_to_nowhere_is_an_error() {
    let too_long = format!("Location: /{}\r\n", "a".repeat(70_000));
    for header in [
        "",
        "Location: \r\n",
        "Location: ftp://127.0.0.1/\r\n",
        &too_long,
    ] {
        let server = Server::start([answer("302 Found", header, "")]).await;
        let mut subscription = server.client().subscribe(["t"]).open();
        assert!(matches!(
            subscription.next().await,
            Some(Err(SubscribeError::Redirect(
                RedirectError::Location { .. }
            )))
        ));
    }
}

/// Is encrypted, and redirects to where nothing is.
#[derive(Debug)]
struct Downgrading;

impl Transport for Downgrading {
    fn send(&self, request: Request<Bytes>) -> Exchange<'_> {
        assert_eq!(request.uri().scheme_str(), Some("https"));
        let answer = Response::builder()
            .status(307)
            .header("location", "http://example.org/there")
            .body(Body::from(""));
        Box::pin(async { Ok(answer.unwrap()) })
    }
}

#[tokio::test]
async fn from_https_there_is_no_way_to_http() {
    let builder = Client::builder("https://example.org/").transport(Downgrading);
    let client = builder.bearer_token("secret").build().unwrap();
    let next = client.stream().open().next().await;
    assert!(matches!(
        next,
        Some(Err(SubscribeError::Redirect(RedirectError::Downgrade {
            location
        }))) if location == "http://example.org/there"
    ));
}

#[tokio::test]
async fn an_id_stays_with_the_origin_that_gave_it() {
    let mut other = Server::start([
        answer("503 Busy", "", ""),
        answer(
            "200 OK",
            "Content-Type: text/event-stream\r\n",
            "id: b-1\ndata: b\n\n",
        ),
        no_content(),
    ])
    .await;
    let to_other = || redirect(307, &format!("{}/there", other.url));
    let of_a = "id: a-1\ndata: a\n\n";
    let here = answer("200 OK", "Content-Type: text/event-stream\r\n", of_a);
    let mut server = Server::start([here, to_other(), to_other(), to_other()]).await;
    assert_eq!(all_data(server.client().stream().open()).await, ["a", "b"]);
    for expected in [None, Some("a-1"), Some("a-1"), Some("b-1")] {
        assert_eq!(server.request().await.header("last-event-id"), expected);
    }
    for expected in [None, None, Some("b-1")] {
        assert_eq!(other.request().await.header("last-event-id"), expected);
    }
}

#[tokio::test]
async fn a_publish_is_redirected_only_as_a_whole() {
    let receipt = r#"{"id":"e-1","receivers":0,"durability":"memory"}"#;
    let mut server = Server::start([redirect(308, "/there"), answer("200 OK", "", receipt)]).await;
    let published = server.client().publish("t", NewEvent::new("hi")).await;
    assert_eq!(published.unwrap().id, "e-1");
    server.request().await;
    let second = server.request().await;
    assert_eq!(
        (second.line.as_str(), second.body.as_str()),
        ("POST /there", "hi")
    );

    let server = Server::start([redirect(303, "/there")]).await;
    let published = server.client().publish("t", NewEvent::new("hi")).await;
    assert!(matches!(
        published,
        Err(PublishError::Redirect(RedirectError::Method {
            status: 303
        }))
    ));
}
