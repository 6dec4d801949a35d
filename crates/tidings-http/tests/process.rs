//! What streams cost the process. One test at a time: descriptors and memory are those of the whole process.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;

use tidings::{Broker, Event, Retention, Topic};
use tidings_http::Server;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::Mutex,
    task::{JoinHandle, JoinSet},
};

static ALONE: Mutex<()> = Mutex::const_new(());

async fn serve(broker: &Broker) -> (SocketAddr, JoinHandle<()>) {
    let route = tidings_http::sse(broker, Topic::new("t").unwrap());
    let router = axum::Router::new().route("/", route);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::new(router).engine_threads(2);
    let server = server.run(listener, std::future::pending());
    let server = tokio::spawn(async move {
        server.await;
    });
    (address, server)
}

/// Asks for the stream with little room for it, and reads the head and no more.
async fn open(address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(8 << 10).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let request = b"GET / HTTP/1.1\r\nhost: test\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    stream
}

async fn publish(broker: &Broker, data: &str) {
    let topic = Topic::new("t").unwrap();
    broker.publish(topic, Event::new(data)).await.unwrap();
}

async fn deserted(broker: &Broker) {
    let mut changes = broker.changes();
    while broker.stats().subscriptions > 0 {
        changes.changed().await.unwrap();
    }
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Resident memory in KiB.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.unwrap().trim().strip_suffix(" kB").unwrap();
    kib.parse().unwrap()
}

#[tokio::test]
async fn streams_that_come_and_go_leave_no_descriptor_behind() {
    let _alone = ALONE.lock().await;
    let broker = Broker::new();
    let (address, server) = serve(&broker).await;
    drop(open(address).await);
    deserted(&broker).await;
    let before = descriptors();

    let mut clients = JoinSet::new();
    for client in 0..20 {
        clients.spawn(async move {
            for round in 0..100 {
                let stream = open(address).await;
                if (client + round) % 3 == 0 {
                    stream.set_zero_linger().unwrap();
                }
            }
        });
    }
    while !clients.is_empty() {
        publish(&broker, "to whoever is there").await;
        clients.join_next().await.unwrap().unwrap();
    }
    deserted(&broker).await;

    // The last sockets close with their subscriptions, a moment later or before.
    while descriptors() > before {
        tokio::task::yield_now().await;
    }
    server.abort();
}

#[tokio::test]
async fn readers_that_stop_hold_little_however_much_is_published() {
    let _alone = ALONE.lock().await;
    let retention = Retention {
        events: 10,
        ..Retention::default()
    };
    let broker = Broker::builder().retention(retention).build();
    let (address, server) = serve(&broker).await;
    let mut stalled = Vec::new();
    for _ in 0..50 {
        stalled.push(open(address).await);
    }
    let data = "x".repeat(64 << 10);
    publish(&broker, &data).await;
    let has_taken_it = |reader: &tidings::Connection| reader.sent_events == 1;
    while !broker.connections().iter().all(has_taken_it) {
        tokio::task::yield_now().await;
    }
    for _ in 0..50 {
        publish(&broker, &data).await;
    }
    let before = memory();

    for _ in 0..3_000 {
        publish(&broker, &data).await;
        tokio::task::yield_now().await;
    }

    let grown = memory().saturating_sub(before);
    assert!(grown < 16 << 10, "{grown} KiB for 187 MiB of events");
    assert_eq!(broker.stats().subscriptions, 50);
    server.abort();
}
