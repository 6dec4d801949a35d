use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    thread,
};

use anyhow::{Context, Result};

/// How much data an event has.
pub(crate) const DATA_BYTES: usize = 200;

const HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n\r\n";

/// Events are written so many at a time.
const AT_ONCE: usize = 256;

/// Serves as many events as the path says, or holds the stream open where it is `/hold`, for as long as this process lives.
pub(crate) fn start() -> Result<String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let url = format!("http://{}", listener.local_addr()?);
    thread::spawn(move || {
        let mut held = Vec::new();
        for socket in listener.incoming().flatten() {
            // A client that is gone has been told of by its own process.
            let _ = serve(socket, &mut held);
        }
    });
    Ok(url)
}

fn serve(mut socket: TcpStream, held: &mut Vec<TcpStream>) -> Result<()> {
    let mut request = [0; 4096];
    let length = socket.read(&mut request)?;
    let request = std::str::from_utf8(&request[..length])?;
    let path = request.split(' ').nth(1).context("no path")?;
    socket.write_all(HEAD.as_bytes())?;
    if path == "/hold" {
        socket.write_all(b": open\n\ndata: open\n\n")?;
        held.push(socket);
        return Ok(());
    }
    let events: usize = path.trim_start_matches('/').parse()?;
    thread::spawn(move || {
        // A client that has enough closes the connection.
        let _ = write_events(socket, events);
    });
    Ok(())
}

fn write_events(mut socket: TcpStream, events: usize) -> Result<()> {
    let data = "x".repeat(DATA_BYTES);
    let mut block = Vec::new();
    for first in (0..events).step_by(AT_ONCE) {
        block.clear();
        for number in first..events.min(first + AT_ONCE) {
            write!(block, "id: 7f3a-{number}\nevent: note\ndata: {data}\n\n")?;
        }
        socket.write_all(&block)?;
    }
    // The connection stays open: whoever comes again is no longer measured.
    let mut rest = [0; 64];
    while socket.read(&mut rest)? > 0 {}
    Ok(())
}
