use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::reader::Plain;
use super::*;

const PLAIN: [Drain; 3] = [Drain::Engine, Drain::Fed, Drain::Body];

#[tokio::test]
async fn a_peer_that_resets_is_gone() {
    for drain in PLAIN {
        let broker = broker().build();
        let site = Site::of(drain, &broker, to("a")).await;
        let mut reader = site.read().await;
        reader.until("\n\n").await;

        reader.plain().socket.set_zero_linger().unwrap();
        drop(reader);

        deserted(&broker).await;
    }
}

#[tokio::test]
async fn a_peer_that_closes_is_gone() {
    for drain in PLAIN {
        let broker = broker().build();
        let site = Site::of(drain, &broker, to("a")).await;
        let mut reader = site.read().await;
        reader.until("\n\n").await;

        drop(reader);

        deserted(&broker).await;
    }
}

#[tokio::test]
async fn a_peer_that_closes_its_half_is_gone() {
    for drain in PLAIN {
        let broker = broker().build();
        let site = Site::of(drain, &broker, to("a")).await;
        let mut reader = site.read().await;
        reader.until("\n\n").await;

        reader.plain().socket.shutdown().await.unwrap();

        deserted(&broker).await;
        assert_eq!(reader.end().await, End::Cut, "{drain:?}");
    }
}

#[tokio::test]
async fn a_peer_that_leaves_before_its_stream_is_written_is_gone() {
    let broker = broker().build();
    let site = Site::of(Drain::Fed, &broker, to("a")).await;
    for _ in 0..50 {
        let mut socket = TcpStream::connect(site.address).await.unwrap();
        socket.set_zero_linger().unwrap();
        let request = b"GET / HTTP/1.1\r\nhost: test\r\n\r\n";
        socket.write_all(request).await.unwrap();
    }
    let mut reader = site.read().await;
    publish(&broker, "a", Event::new("").ending_topic()).await;

    assert_eq!(reader.end().await, End::Whole);
    deserted(&broker).await;
}

#[tokio::test]
async fn a_second_request_on_the_connection_is_not_answered() {
    let broker = broker().build();
    let site = Site::of(Drain::Fed, &broker, to("a")).await;
    let mut socket = TcpStream::connect(site.address).await.unwrap();
    let request = "GET / HTTP/1.1\r\nhost: test\r\n\r\n";
    socket
        .write_all(request.repeat(2).as_bytes())
        .await
        .unwrap();
    let plain = Plain::begin(socket).await;
    assert!(plain.head.contains("connection: close"), "{}", plain.head);
    let mut reader = Reader::of(plain);
    reader.until("\n\n").await;

    // More than what a socket holds.
    reader
        .plain()
        .socket
        .write_all(&[b'x'; 8 << 20])
        .await
        .unwrap();
    publish(&broker, "a", Event::new("1")).await;
    reader.until("data: 1\n\n").await;
    reader
        .plain()
        .socket
        .write_all(request.as_bytes())
        .await
        .unwrap();
    publish(&broker, "a", Event::new("2").ending_topic()).await;

    assert_eq!(reader.end().await, End::Whole);
    assert!(reader.into_text().ends_with("data: 2\n\n"));
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_cut_in_time() {
    for drain in PLAIN {
        let broker = broker().build();
        let mut limits = ServeLimits::default();
        limits.write_timeout = Duration::from_millis(200);
        let site = Site::start(drain, route(&broker, to("a"), quiet()), limits).await;
        let mut reader = site.read().await;
        reader.until("\n\n").await;

        publish(&broker, "a", Event::new("x".repeat(1 << 20))).await;
        deserted(&broker).await;

        assert_eq!(reader.end().await, End::Cut, "{drain:?}");
    }
}

#[tokio::test]
async fn a_stream_holds_its_place_among_the_connections() {
    let broker = broker().build();
    let mut limits = ServeLimits::default();
    limits.connections = 1;
    let site = Site::start(Drain::Fed, route(&broker, to("a"), quiet()), limits).await;
    let mut reader = site.read().await;
    publish(&broker, "a", Event::new("1")).await;
    reader.until("data: 1\n\n").await;
    assert_eq!(status(&site).await, "429");

    drop(reader);

    while status(&site).await == "429" {}
}

async fn status(site: &Site) -> String {
    let mut socket = TcpStream::connect(site.address).await.unwrap();
    let request = b"HEAD / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n";
    socket.write_all(request).await.unwrap();
    let mut head = Vec::new();
    let _ = tokio::io::AsyncReadExt::read_to_end(&mut socket, &mut head).await;
    String::from_utf8_lossy(&head[9..12]).into_owned()
}
