use std::io::ErrorKind;

use tidings_client::Client;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task;

use crate::script::event;

/// One event of the flood, in bytes.
const BLOCK: usize = 8 * 1024;

/// More than all buffers between a server and a client hold.
const HELD: usize = 16 * 1024 * 1024;

/// Taken one by one: what is written meanwhile by a server that nothing stops is more than `HELD`
/// many times over.
const TAKEN: usize = 2000;

/// A stream of one event after another, written as far as there is room.
struct Flood {
    socket: TcpStream,
    block: Vec<u8>,
    written: usize,
}

impl Flood {
    /// Writes whatever there is room for now.
    fn write(&mut self) {
        loop {
            let at = self.written % BLOCK;
            match self.socket.try_write(&self.block[at..]) {
                Ok(length) => self.written += length,
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    return;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_slow_consumer_slows_the_server() {
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

    let block = format!("data: {}\n\n", "x".repeat(BLOCK - 8)).into_bytes();
    let mut flood = Flood {
        socket,
        block,
        written: 0,
    };
    for taken in 0..TAKEN {
        flood.write();
        let held = flood.written - taken * BLOCK;
        assert!(held < HELD, "{held} bytes ahead of event {taken}");
        while flood.written < (taken + 1) * BLOCK {
            flood.socket.writable().await.unwrap();
            flood.write();
        }
        event(&mut subscription).await;
        // Whatever reads behind the consumer's back does so now.
        task::yield_now().await;
    }
}
