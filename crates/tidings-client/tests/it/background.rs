use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http::Response;
use tidings_client::{Body, Client, EnqueueError, Exchange, NewEvent, Publisher, Transport};
use tokio::time::{self, Instant};

use crate::script::{Reply, Request, Server, answer};

const RECEIPT: &str = r#"{"published":1,"first":"e-1","last":"e-1","durability":"disk"}"#;

fn receipt(published: usize) -> Reply {
    let body = format!(
        r#"{{"published":{published},"first":"e-1","last":"e-{published}","durability":"disk"}}"#
    );
    answer("200 OK", "", &body)
}

fn data(request: &Request) -> Vec<String> {
    let lines = request.body.lines().map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line["data"].as_str().unwrap().to_owned()
    });
    lines.collect()
}

#[tokio::test]
async fn what_gathers_while_a_batch_is_under_way_goes_as_one() {
    let mut server = Server::start([receipt(3), receipt(1)]).await;
    let publisher = server.client().publisher().start();
    for data in ["one", "two", "three"] {
        publisher.publish("t", &NewEvent::new(data)).await.unwrap();
    }
    publisher.flush().await;
    let first = server.request().await;
    assert_eq!(first.line, "POST /api/events");
    assert_eq!(data(&first), ["one", "two", "three"]);
    publisher
        .publish("t", &NewEvent::new("four"))
        .await
        .unwrap();
    let delivered = publisher.close().await;
    assert_eq!((delivered.published, delivered.failed), (4, 0));
    assert_eq!(data(&server.request().await), ["four"]);
}

#[tokio::test]
async fn a_batch_of_unknown_outcome_goes_again_as_it_was() {
    let mut server = Server::start([Reply::Close(String::new()), receipt(2)]).await;
    let publisher = server.client().publisher().start();
    publisher.publish("t", &NewEvent::new("one")).await.unwrap();
    publisher.publish("t", &NewEvent::new("two")).await.unwrap();
    assert_eq!(publisher.close().await.published, 2);
    assert_eq!(server.request().await.body, server.request().await.body);
}

#[tokio::test]
async fn an_event_that_is_refused_takes_no_other_with_it() {
    let refused = || answer("409 Conflict", "", r#"{"detail":"the topic has ended"}"#);
    let mut server = Server::start([refused(), receipt(2), refused(), receipt(1), refused()]).await;
    let failures = Arc::new(Mutex::new(Vec::new()));
    let told = failures.clone();
    let publisher = server
        .client()
        .publisher()
        .on_failure(move |error, events| told.lock().unwrap().push((error.to_string(), events)))
        .start();
    for data in ["a", "b", "c", "bad"] {
        publisher.publish("t", &NewEvent::new(data)).await.unwrap();
    }
    let delivered = publisher.close().await;
    assert_eq!((delivered.published, delivered.failed), (3, 1));
    let why = "the hub refused: the topic has ended (HTTP 409)";
    assert_eq!(delivered.error.unwrap().to_string(), why);
    assert_eq!(*failures.lock().unwrap(), [(why.to_owned(), 1)]);
    let tried = ["a b c bad", "a b", "c bad", "c", "bad"];
    for expected in tried {
        assert_eq!(data(&server.request().await).join(" "), expected);
    }
}

#[tokio::test]
async fn a_refusal_that_no_event_is_to_blame_for_is_for_all_of_them() {
    for status in [
        "401 Unauthorized",
        "404 Not Found",
        "405 Method Not Allowed",
    ] {
        let mut server = Server::start((0..5).map(|_| answer(status, "", ""))).await;
        let publisher = server.client().publisher().start();
        for data in ["a", "b", "c"] {
            publisher.publish("t", &NewEvent::new(data)).await.unwrap();
        }
        let delivered = publisher.close().await;
        assert_eq!((delivered.published, delivered.failed), (0, 3), "{status}");
        assert_eq!(data(&server.request().await), ["a", "b", "c"]);
        server.quiet();
    }
}

/// Is busy so often, and says for how many seconds.
#[derive(Clone, Debug, Default)]
struct Busy {
    often: usize,
    seconds: u64,
    asked: Arc<Mutex<Vec<Instant>>>,
}

impl Transport for Busy {
    fn send(&self, _: http::Request<Bytes>) -> Exchange<'_> {
        let mut asked = self.asked.lock().unwrap();
        asked.push(Instant::now());
        let answer = match asked.len() > self.often {
            true => Response::builder().body(Body::from(RECEIPT)),
            false => Response::builder()
                .status(429)
                .header("retry-after", self.seconds)
                .body(Body::from("")),
        };
        Box::pin(async { Ok(answer.unwrap()) })
    }
}

impl Busy {
    fn publisher(&self) -> Publisher {
        let builder = Client::builder("http://example.org/").transport(self.clone());
        builder.build().unwrap().publisher().start()
    }
}

#[tokio::test(start_paused = true)]
async fn a_hub_that_wants_to_be_left_alone_is_left_alone() {
    let hub = Busy {
        often: 2,
        seconds: 60,
        ..Busy::default()
    };
    let publisher = hub.publisher();
    publisher.publish("t", &NewEvent::new("a")).await.unwrap();
    publisher.flush().await;
    assert_eq!(publisher.close().await.published, 1);
    let asked = hub.asked.lock().unwrap();
    assert_eq!(asked.len(), 3);
    assert!(asked[1] - asked[0] >= Duration::from_secs(60));
    assert!(asked[2] - asked[1] >= Duration::from_secs(60));
}

#[tokio::test(start_paused = true)]
async fn a_close_does_not_wait_for_a_hub_that_wants_to_be_left_alone() {
    let hub = Busy {
        often: usize::MAX,
        seconds: 3600,
        ..Busy::default()
    };
    let publisher = hub.publisher();
    publisher.publish("t", &NewEvent::new("a")).await.unwrap();
    assert!(publisher.flush().now_or_never().is_none());
    time::sleep(Duration::from_secs(10)).await;
    let closed = Instant::now();
    assert_eq!(publisher.close().await.failed, 1);
    assert!(closed.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn memory_is_bounded_and_whoever_publishes_waits_for_room() {
    let mut server = Server::start([Reply::Hold(String::new()), receipt(1), receipt(1)]).await;
    let publisher = server.client().publisher().memory(600).start();
    let event = || NewEvent::new("x".repeat(400));
    publisher.publish("t", &event()).await.unwrap();
    server.request().await;
    assert_eq!(
        publisher.try_publish("t", &event()),
        Err(EnqueueError::Full)
    );
    let event = event();
    let mut waiting = Box::pin(publisher.publish("t", &event));
    assert!(waiting.as_mut().now_or_never().is_none());
    let large = publisher.try_publish("t", &NewEvent::new("x".repeat(600)));
    assert!(matches!(
        large,
        Err(EnqueueError::TooLarge { limit: 600, .. })
    ));
}

#[tokio::test]
async fn room_comes_back_as_events_are_published() {
    let server = Server::start((0..20).map(|_| receipt(1))).await;
    let publisher = server.client().publisher().memory(600).start();
    for _ in 0..20 {
        let event = NewEvent::new("x".repeat(400));
        publisher.publish("t", &event).await.unwrap();
    }
    assert_eq!(publisher.close().await.published, 20);
}

#[tokio::test]
async fn one_that_is_dropped_publishes_what_it_has() {
    let mut server = Server::start([receipt(2)]).await;
    let publisher = server.client().publisher().start();
    publisher.try_publish("t", &NewEvent::new("one")).unwrap();
    publisher.try_publish("t", &NewEvent::new("two")).unwrap();
    drop(publisher);
    assert_eq!(data(&server.request().await), ["one", "two"]);
}

#[tokio::test]
async fn a_hub_that_stays_away_does_not_hold_up_a_close_for_ever() {
    let away = || Reply::Close(String::new());
    let server = Server::start([away(), away()]).await;
    let client = server.client_with(|builder| builder.publish_attempts(2));
    let publisher = client.publisher().start();
    publisher.try_publish("t", &NewEvent::new("one")).unwrap();
    let delivered = publisher.close().await;
    assert_eq!((delivered.published, delivered.failed), (0, 1));
    assert!(delivered.error.unwrap().is_transient());
}
