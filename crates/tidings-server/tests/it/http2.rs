use h2::client::{self, SendRequest};
use h2::{Reason, RecvStream};
use http::{Request, Response, StatusCode};
use tidings_testkit::{Event, Hub, PATIENCE, Parser};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::{data, hub, numbers};

/// A connection by prior knowledge; its task ends with it.
async fn connect(hub: &Hub) -> (SendRequest<bytes::Bytes>, JoinHandle<Result<(), h2::Error>>) {
    let socket = TcpStream::connect(hub.address())
        .await
        .expect("a connection");
    let (requests, connection) = client::handshake(socket).await.expect("HTTP/2");
    (requests, tokio::spawn(connection))
}

async fn get(
    requests: &mut SendRequest<bytes::Bytes>,
    hub: &Hub,
    target: &str,
) -> Response<RecvStream> {
    let request = Request::get(format!("{}{target}", hub.url()))
        .body(())
        .expect("a request");
    let (response, _) = requests
        .send_request(request, true)
        .expect("an open connection");
    let response = timeout(PATIENCE, response)
        .await
        .expect("an answer in time");
    response.expect("an answer")
}

/// Reads `count` events, or all of them to a clean end of the stream.
async fn events(body: &mut RecvStream, count: Option<usize>) -> Vec<Event> {
    let (mut parser, mut events) = (Parser::default(), Vec::new());
    while count.is_none_or(|count| events.len() < count) {
        let chunk = timeout(PATIENCE, body.data()).await.expect("data in time");
        let Some(chunk) = chunk else {
            assert_eq!(count, None, "the stream ended early");
            break;
        };
        let chunk = chunk.expect("no reset");
        let flow = body.flow_control();
        flow.release_capacity(chunk.len())
            .expect("capacity to release");
        parser.feed(&chunk, &mut events);
    }
    events
}

#[tokio::test]
async fn a_stream_over_http_2_is_followed_to_its_clean_end() {
    let hub = hub();
    let (mut requests, connection) = connect(&hub).await;
    let response = get(&mut requests, &hub, "/api/events/stream?topic=t").await;

    assert_eq!(response.status(), StatusCode::OK);
    let headers = response.headers();
    assert_eq!(headers["content-type"], "text/event-stream");
    assert_eq!(headers["cache-control"], "no-cache, no-transform");
    for absent in ["connection", "transfer-encoding", "content-length"] {
        assert!(!headers.contains_key(absent), "{headers:?}");
    }
    for n in 1..=100 {
        hub.publish("t", "n", &n.to_string());
    }
    hub.finish("t", "done", "101");
    let mut body = response.into_body();
    assert_eq!(data(&events(&mut body, None).await), numbers(1..=101));
    assert!(body.is_end_stream());
    drop(requests);
    connection.abort();
}

#[tokio::test]
async fn many_streams_share_one_connection() {
    let hub = hub();
    let (mut requests, connection) = connect(&hub).await;
    let mut bodies = Vec::new();
    for n in 0..50 {
        let target = format!("/api/events/stream?topic=t{}&topic=all", n % 5);
        bodies.push(get(&mut requests, &hub, &target).await.into_body());
    }
    hub.publish("t3", "n", "three");
    hub.publish("all", "n", "all");
    for (n, body) in bodies.iter_mut().enumerate() {
        let expected: &[&str] = if n % 5 == 3 {
            &["three", "all"]
        } else {
            &["all"]
        };
        assert_eq!(data(&events(body, Some(expected.len())).await), expected);
    }
    connection.abort();
}

#[tokio::test]
async fn a_stream_that_is_reset_leaves_the_others_alone() {
    let hub = hub();
    let (mut requests, connection) = connect(&hub).await;
    let stays = get(&mut requests, &hub, "/api/events/stream?topic=t").await;
    let leaves = get(&mut requests, &hub, "/api/events/stream?topic=t").await;
    hub.publish("t", "n", "1");
    drop(leaves);
    hub.publish("t", "n", "2");
    let mut body = stays.into_body();
    assert_eq!(data(&events(&mut body, Some(2)).await), ["1", "2"]);
    connection.abort();
}

#[tokio::test]
async fn events_are_published_and_listed_over_http_2() {
    let hub = hub();
    let mut stream = hub.stream("topic=t");
    let (mut requests, connection) = connect(&hub).await;
    let request = Request::post(format!("{}/api/events?topic=t&event=note", hub.url()))
        .body(())
        .expect("a request");
    let (response, mut body) = requests.send_request(request, false).expect("a stream");
    body.send_data("over h2".into(), true).expect("a body");
    let response = timeout(PATIENCE, response)
        .await
        .expect("an answer in time");
    assert_eq!(response.expect("an answer").status(), StatusCode::OK);
    assert_eq!(stream.expect("note").data, "over h2");
    let listed = get(&mut requests, &hub, "/api/events?topic=t").await;
    assert_eq!(listed.status(), StatusCode::OK);
    assert_eq!(listed.headers()["content-type"], "application/json");
    connection.abort();
}

#[tokio::test]
async fn a_terminated_hub_ends_its_http_2_streams_cleanly() {
    let hub = hub();
    let (mut requests, connection) = connect(&hub).await;
    let response = get(&mut requests, &hub, "/api/events/stream?topic=t").await;
    hub.signal(tidings_testkit::Signal::SIGTERM);
    let seen = events(&mut response.into_body(), None).await;
    assert_eq!(
        seen.last().map(|event| event.event.as_str()),
        Some("tidings.goodbye")
    );
    drop(requests);
    let ended = timeout(PATIENCE, connection)
        .await
        .expect("the connection ends");
    let ended = ended.expect("no panic");
    let graceful = ended.as_ref().err().and_then(h2::Error::reason);
    assert!(
        matches!(graceful, None | Some(Reason::NO_ERROR)),
        "{ended:?}"
    );
    assert_eq!(hub.wait().code, Some(0));
}
