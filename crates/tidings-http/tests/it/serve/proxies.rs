use std::time::Duration;

use tidings::{Broker, Event, Topic};
use tidings_http::TrustedProxies;
use tokio::time::{self, Instant};

use super::*;

fn proxies(networks: &[&str]) -> TrustedProxies {
    TrustedProxies::new(networks.iter().map(|network| network.parse().unwrap()))
}

/// A server that trusts whoever is on this machine.
async fn behind_proxy(limits: ServeLimits) -> Running {
    let trusted = proxies(&["127.0.0.1", "::1"]);
    start_as(limits, |server| server.trusted_proxies(trusted)).await
}

async fn behind_preamble(limits: ServeLimits) -> Running {
    let trusted = proxies(&["127.0.0.1"]).with_proxy_protocol();
    start_as(limits, |server| server.trusted_proxies(trusted)).await
}

fn one_for_each() -> ServeLimits {
    let mut limits = ServeLimits::default();
    limits.connections_per_address = 1;
    limits
}

fn request(target: &str, fields: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{fields}\r\n")
}

async fn body(server: &Running, request: &str) -> String {
    let answer = server.exchange(request).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
    body.to_owned()
}

/// As a listener for `[::]` has those who come by IPv4.
#[tokio::test]
async fn a_peer_that_is_told_as_ipv6_is_the_one_of_ipv4() {
    let trusted = proxies(&["127.0.0.1"]);
    let place = "[::ffff:127.0.0.1]:0";
    let limits = ServeLimits::default();
    let server = start_at(place, limits, |server| server.trusted_proxies(trusted)).await;
    let remote = body(&server, &request("/remote", "")).await;
    assert!(remote.starts_with("127.0.0.1:"), "{remote}");
    let fields = "x-forwarded-for: ::ffff:192.0.2.1\r\n";
    let remote = body(&server, &request("/remote", fields)).await;
    assert_eq!(remote, "192.0.2.1:0");
}

#[tokio::test]
async fn the_client_is_the_one_that_a_trusted_proxy_names() {
    let server = behind_proxy(ServeLimits::default()).await;
    for (fields, remote) in [
        ("x-forwarded-for: 203.0.113.9, 192.0.2.1\r\n", "192.0.2.1:0"),
        (
            "forwarded: for=\"[2001:db8::1]:4711\"\r\n",
            "[2001:db8::1]:4711",
        ),
    ] {
        assert_eq!(body(&server, &request("/remote", fields)).await, remote);
    }
    for fields in ["", "x-forwarded-for: who?\r\n"] {
        let remote = body(&server, &request("/remote", fields)).await;
        assert!(remote.starts_with("127.0.0.1:"), "{fields}: {remote}");
    }
    let fields = "x-forwarded-for: 192.0.2.1\r\nx-forwarded-proto: https\r\n\
                  x-forwarded-host: hub.example\r\n";
    let arrival = body(&server, &request("/arrival", fields)).await;
    assert_eq!(arrival, "https hub.example");
}

#[tokio::test]
async fn what_others_say_of_themselves_is_ignored() {
    let trusted = proxies(&["10.0.0.0/8", "127.0.0.2"]);
    let server = start_as(ServeLimits::default(), |server| {
        server.trusted_proxies(trusted)
    })
    .await;
    let fields = "x-forwarded-for: 192.0.2.1\r\nforwarded: for=192.0.2.1;proto=https\r\n\
                  x-forwarded-proto: https\r\nx-forwarded-host: evil.example\r\n";
    let remote = body(&server, &request("/remote", fields)).await;
    assert!(remote.starts_with("127.0.0.1:"), "{remote}");
    assert_eq!(body(&server, &request("/arrival", fields)).await, "http ");
}

#[tokio::test]
async fn one_client_behind_a_proxy_cannot_take_the_place_of_others() {
    let mut server = behind_proxy(one_for_each()).await;
    let as_client = |address: &str| format!("x-forwarded-for: {address}\r\n");
    let stream = request("/stream", &as_client("192.0.2.1"));
    let (_held, head) = server.begin(&stream).await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let sender = server.streams.recv().await.unwrap();

    let same = request("/remote", &as_client("192.0.2.1"));
    let refused = server.exchange(&same).await;
    assert!(refused.starts_with("HTTP/1.1 429"), "{refused}");
    assert!(refused.contains("retry-after: "), "{refused}");
    let other = request("/remote", &as_client("192.0.2.2"));
    assert_eq!(body(&server, &other).await, "192.0.2.2:0");

    drop(sender);
    while server.exchange(&same).await.starts_with("HTTP/1.1 429") {}
}

#[tokio::test]
async fn clients_of_one_ipv6_site_count_as_one() {
    let mut server = behind_proxy(one_for_each()).await;
    let as_client = |address: &str| format!("x-forwarded-for: {address}\r\n");
    let stream = request("/stream", &as_client("2001:db8::1"));
    let (_held, _) = server.begin(&stream).await;
    let _sender = server.streams.recv().await.unwrap();

    let neighbour = request("/remote", &as_client("2001:db8::2"));
    let refused = server.exchange(&neighbour).await;
    assert!(refused.starts_with("HTTP/1.1 429"), "{refused}");
    let other = request("/remote", &as_client("2001:db8:0:1::1"));
    assert_eq!(body(&server, &other).await, "[2001:db8:0:1::1]:0");
}

#[tokio::test]
async fn clients_that_cannot_be_told_apart_count_as_one() {
    let mut server = behind_proxy(one_for_each()).await;
    let stream = request("/stream", "x-forwarded-for: unknown\r\n");
    let (_held, _) = server.begin(&stream).await;
    let _sender = server.streams.recv().await.unwrap();

    let conflict = "x-forwarded-for: 192.0.2.1\r\nforwarded: for=192.0.2.2\r\n";
    let refused = server.exchange(&request("/remote", conflict)).await;
    assert!(refused.starts_with("HTTP/1.1 429"), "{refused}");
}

#[tokio::test]
async fn a_stream_that_a_thread_writes_holds_the_place_of_its_client() {
    let broker = Broker::new();
    let topic = Topic::new("t").unwrap();
    let route = tidings_http::sse(&broker, topic.clone());
    let router = Router::new().route("/", route);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::new(router)
        .limits(one_for_each())
        .engine_threads(1)
        .events_past_layers()
        .trusted_proxies(proxies(&["127.0.0.1"]));
    let server = tokio::spawn(server.run(listener, std::future::pending()));
    let open = async || {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = "GET / HTTP/1.1\r\nhost: test\r\nx-forwarded-for: 192.0.2.1\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let head = read_until(&mut stream, "\r\n\r\n").await;
        (stream, head)
    };
    let (mut stream, head) = open().await;
    assert!(head.contains("connection: close"), "{head}");
    let publish = async |event| broker.publish(topic.clone(), event).await.unwrap();
    publish(Event::new("1")).await;
    read_until(&mut stream, "data: 1\n\n").await;
    assert!(open().await.1.starts_with("HTTP/1.1 429"));

    drop(stream);

    while open().await.1.starts_with("HTTP/1.1 429") {}
    server.abort();
}

#[tokio::test]
async fn a_preamble_names_the_client_of_all_that_follows() {
    let server = behind_preamble(ServeLimits::default()).await;
    let fields = "x-forwarded-for: 203.0.113.9\r\n";
    let request = request("/remote", fields);
    let text = format!("PROXY TCP4 192.0.2.1 10.0.0.1 4711 443\r\n{request}");
    assert_eq!(body(&server, &text).await, "192.0.2.1:4711");

    let mut stream = server.connect().await;
    let addresses = [192, 0, 2, 1, 10, 0, 0, 1, 0x12, 0x67, 0x01, 0xBB];
    stream
        .write_all(b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c")
        .await
        .unwrap();
    stream.write_all(&addresses).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let answer = read_to_end(&mut stream).await;
    assert!(answer.ends_with("192.0.2.1:4711"), "{answer}");
}

#[tokio::test]
async fn a_proxy_behind_a_proxy_is_asked_in_its_turn() {
    let server = behind_preamble(ServeLimits::default()).await;
    let request = request("/remote", "x-forwarded-for: 203.0.113.9\r\n");
    let other = format!("PROXY TCP4 127.0.0.1 10.0.0.1 4711 443\r\n{request}");
    assert_eq!(body(&server, &other).await, "203.0.113.9:0");
}

#[tokio::test]
async fn fields_of_a_client_that_the_preamble_does_not_name_are_ignored() {
    let server = behind_preamble(ServeLimits::default()).await;
    let fields = "x-forwarded-for: 203.0.113.9\r\nx-forwarded-proto: https\r\n";
    for preamble in ["PROXY UNKNOWN\r\n", "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"] {
        let of = |target| format!("{preamble}{}", request(target, fields));
        let remote = body(&server, &of("/remote")).await;
        assert!(remote.starts_with("127.0.0.1:"), "{remote}");
        assert_eq!(body(&server, &of("/arrival")).await, "http ");
    }
}

#[tokio::test]
async fn a_connection_without_its_preamble_is_closed_without_an_answer() {
    let server = behind_preamble(ServeLimits::default()).await;
    for bytes in [
        REMOTE,
        "PROXY TCP4 nonsense\r\n",
        "\r\n\r\nGET / HTTP/1.1\r\n",
    ] {
        let mut stream = server.connect().await;
        stream.write_all(bytes.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // The connection may be reset, since the server has not read the last bytes.
        let _ = stream.read_to_end(&mut answer).await;
        assert_eq!(answer, b"", "{bytes:?}");
    }
    for bytes in ["", "PROXY TCP4 192", "\r\n\r\n\0\r\nQUIT\n"] {
        let mut stream = server.connect().await;
        stream.write_all(bytes.as_bytes()).await.unwrap();
        let start = Instant::now();
        time::pause();
        assert_eq!(read_to_end(&mut stream).await, "");
        assert_eq!(start.elapsed().as_secs(), 5);
        time::resume();
    }
    let elsewhere = proxies(&["10.0.0.1"]).with_proxy_protocol();
    let server = start_as(ServeLimits::default(), |server| {
        server.trusted_proxies(elsewhere)
    })
    .await;
    let answer = server.exchange(REMOTE_AND_CLOSE).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn a_client_named_by_a_preamble_has_the_cap_of_one_address() {
    let mut server = behind_preamble(one_for_each()).await;
    let as_client = |address: &str, request: &str| {
        format!("PROXY TCP4 {address} 10.0.0.1 4711 443\r\n{request}")
    };
    let (_held, _) = server.begin(&as_client("192.0.2.1", STREAM)).await;
    let _sender = server.streams.recv().await.unwrap();

    let refused = server.exchange(&as_client("192.0.2.1", REMOTE)).await;
    assert!(refused.starts_with("HTTP/1.1 429"), "{refused}");
    assert!(refused.contains("connection: close"), "{refused}");
    let other = as_client("192.0.2.2", REMOTE_AND_CLOSE);
    assert_eq!(body(&server, &other).await, "192.0.2.2:4711");
}

#[tokio::test]
async fn peers_that_are_slow_to_begin_hold_up_nobody() {
    let server = behind_preamble(ServeLimits::default()).await;
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(server.connect().await);
    }
    let request = request("/remote", "");
    let good = format!("PROXY TCP4 192.0.2.1 10.0.0.1 4711 443\r\n{request}");
    let answered = time::timeout(Duration::from_secs(60), body(&server, &good)).await;
    assert_eq!(answered.unwrap(), "192.0.2.1:4711");
}
