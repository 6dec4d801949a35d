use std::io::ErrorKind;
use std::time::Duration;

use futures_util::StreamExt;
use tidings_client::Client;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time;

use crate::script::event;

/// More than all buffers between a server and a client hold.
const MUCH: usize = 64 * 1024 * 1024;

/// A stream of one event after another, written as far as there is room.
struct Flood {
    socket: TcpStream,
    block: Vec<u8>,
    written: usize,
}

impl Flood {
    /// Says whether there was room.
    fn write(&mut self) -> bool {
        let at = self.written % self.block.len();
        match self.socket.try_write(&self.block[at..]) {
            Ok(length) => self.written += length,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                return false;
            }
        }
        true
    }
}

#[tokio::test]
async fn a_consumer_that_does_not_read_stops_the_server() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let client = Client::builder(url).build().unwrap();
    let mut subscription = client.stream().open();
    let reading = tokio::spawn(async move {
        event(&mut subscription).await;
        subscription
    });
    let (mut socket, _) = listener.accept().await.unwrap();
    assert_ne!(socket.read(&mut [0; 4096]).await.unwrap(), 0);
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: first\n\n";
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut subscription = reading.await.unwrap();

    let block = format!("data: {}\n\n", "x".repeat(8 * 1024 - 8)).into_bytes();
    let mut flood = Flood {
        socket,
        block,
        written: 0,
    };
    // Nobody polls the subscription, so what is written fills buffers and then waits. Paused time
    // moves only when nobody has anything left to do.
    time::pause();
    loop {
        if flood.write() {
            assert!(flood.written < MUCH, "everything was taken");
            continue;
        }
        tokio::select! {
            writable = flood.socket.writable() => writable.unwrap(),
            () = time::sleep(Duration::from_millis(1)) => break,
        }
    }
    time::resume();

    while flood.written < MUCH {
        if flood.write() {
            continue;
        }
        tokio::select! {
            writable = flood.socket.writable() => writable.unwrap(),
            item = subscription.next() => assert!(matches!(item, Some(Ok(_))), "{item:?}"),
        }
    }
}
