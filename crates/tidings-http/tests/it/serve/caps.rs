use super::*;

fn one_connection() -> ServeLimits {
    let mut limits = ServeLimits::default();
    limits.connections = 1;
    limits
}

#[tokio::test]
async fn a_connection_over_the_cap_is_told_to_come_back() {
    let mut server = start(one_connection()).await;
    let _held = server.open_stream().await;

    let answer = server.exchange(REMOTE).await;

    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 429"), "{head}");
    assert!(head.contains("retry-after: "), "{head}");
    assert!(head.contains("connection: close"), "{head}");
    assert!(
        head.contains("content-type: application/problem+json"),
        "{head}"
    );
    let problem: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(problem["status"], 429);
}

#[tokio::test]
async fn an_event_source_over_the_cap_is_sent_away_with_a_status_that_does_not_stop_it() {
    let mut server = start(one_connection()).await;
    let _held = server.open_stream().await;
    let browser = |accept: &str| {
        let head = "GET /stream HTTP/1.1\r\nhost: test\r\nsec-fetch-mode: cors";
        format!("{head}\r\naccept: {accept}\r\n\r\n")
    };

    let event_source = server.exchange(&browser("text/event-stream")).await;
    let page = server.exchange(&browser("text/event-stream, */*")).await;

    assert!(event_source.starts_with("HTTP/1.1 200"), "{event_source}");
    assert!(event_source.contains("retry: "), "{event_source}");
    assert!(page.starts_with("HTTP/1.1 429"), "{page}");
}

#[tokio::test]
async fn a_connection_that_ends_makes_room_for_another() {
    let mut server = start(one_connection()).await;
    let held = server.open_stream().await;
    let refused = server.exchange(REMOTE).await;
    assert!(refused.starts_with("HTTP/1.1 429"), "{refused}");

    drop(held);

    while server
        .exchange(REMOTE_AND_CLOSE)
        .await
        .starts_with("HTTP/1.1 429")
    {}
}

#[tokio::test]
async fn a_connection_over_the_cap_that_asks_for_nothing_is_closed() {
    let mut server = start(one_connection()).await;
    let _held = server.open_stream().await;

    let mut silent = server.connect().await;
    tokio::time::pause();

    assert_eq!(read_to_end(&mut silent).await, "");
}

#[tokio::test]
async fn the_per_address_cap_leaves_loopback_alone() {
    let mut limits = ServeLimits::default();
    limits.connections_per_address = 1;
    let mut server = start(limits).await;

    let _first = server.open_stream().await;
    let _second = server.open_stream().await;
}
