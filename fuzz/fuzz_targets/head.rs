//! Whatever comes over a connection, the server closes it after its answer or without one, and answers the next.

#![no_main]

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::LazyLock;

use axum::Router;
use axum::routing::get;
use libfuzzer_sys::fuzz_target;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

static SERVER: LazyLock<(Runtime, SocketAddr)> = LazyLock::new(|| {
    let runtime = Runtime::new().expect("a runtime");
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"));
    let listener = listener.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let router = Router::new().route("/", get(async || "hello"));
    runtime.spawn(tidings_http::serve(listener, router));
    (runtime, address)
});

fuzz_target!(|input: &[u8]| {
    let address = SERVER.1;
    exchange(address, input, |stream| stream.shutdown(Shutdown::Write));
    let good = b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    assert!(exchange(address, good, |_| Ok(())).ends_with(b"hello"));
});

fn exchange(
    address: SocketAddr,
    bytes: &[u8],
    then: impl FnOnce(&TcpStream) -> io::Result<()>,
) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).expect("a connection");
    let mut answer = Vec::new();
    // The server may have closed, or reset, before it has read all of it.
    let _ = stream.write_all(bytes);
    let _ = then(&stream);
    let _ = stream.read_to_end(&mut answer);
    answer
}
