//! The yardstick below which nothing goes: answers the head, then writes to one socket after the other for each request that publishes.
//!
//! Not a server to use: whoever does not take all of a write at once is dropped.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::{Context, Result};

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
/// The number of the last event.
static LAST: AtomicU64 = AtomicU64::new(0);
/// The longest request that is read.
const BODY_LIMIT: usize = 16 << 20;

/// Who follows a topic, or all topics below one: `/a/*`.
type Topics = Arc<Mutex<HashMap<String, Vec<Arc<TcpStream>>>>>;

/// Listens on the port that is the only argument.
fn main() -> Result<()> {
    let port = std::env::args().nth(1).context("which port?")?.parse()?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    let topics = Topics::default();
    for socket in listener.incoming() {
        // A reader that is gone already is not worth the end of the others.
        let _ = socket
            .map_err(anyhow::Error::from)
            .and_then(|socket| accept(socket, &topics));
    }
    Ok(())
}

fn accept(mut socket: TcpStream, topics: &Topics) -> Result<()> {
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut start = [0; 4];
    socket.peek(&mut start)?;
    if !start.starts_with(b"GET") {
        let topics = topics.clone();
        thread::spawn(move || serve_publisher(socket, &topics));
        return Ok(());
    }
    let mut head = [0; 2048];
    let length = socket.read(&mut head)?;
    let head = std::str::from_utf8(&head[..length])?;
    let path = head.split(' ').nth(1).context("a request without a path")?;
    socket.write_all(HEAD)?;
    socket.set_nonblocking(true)?;
    let socket = Arc::new(socket);
    let mut topics = lock(topics);
    for topic in path.trim_start_matches('/').split(',') {
        let sockets = topics.entry(format!("/{topic}")).or_default();
        sockets.push(socket.clone());
    }
    Ok(())
}

/// Takes one request after the other: each line of a body is `{topic} {data}`.
fn serve_publisher(socket: TcpStream, topics: &Topics) -> Result<()> {
    socket.set_read_timeout(None)?;
    let mut input = BufReader::new(socket);
    loop {
        let mut length = 0;
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            if input.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse::<usize>()?.min(BODY_LIMIT);
            }
        }
        let mut body = vec![0; length];
        input.read_exact(&mut body)?;
        publish(&String::from_utf8(body)?, topics);
        input.get_mut().write_all(ANSWER)?;
    }
}

fn publish(body: &str, topics: &Topics) {
    let mut topics = lock(topics);
    let mut frames = Vec::new();
    let mut lines = body.lines().peekable();
    while let Some((path, data)) = lines.next().and_then(|line| line.split_once(' ')) {
        let id = LAST.fetch_add(1, Ordering::Relaxed) + 1;
        let event = format!("id: {id}\ndata: {data}\n\n");
        frames.extend_from_slice(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes());
        // What comes in one request for one topic leaves in one write.
        let goes_on = lines
            .peek()
            .and_then(|line| line.split_once(' '))
            .is_some_and(|next| next.0 == path);
        if goes_on {
            continue;
        }
        write_to_all(topics.get_mut(path), &frames);
        if let Some((parent, _)) = path.rsplit_once('/').filter(|it| !it.0.is_empty()) {
            write_to_all(topics.get_mut(&format!("{parent}/*")), &frames);
        }
        frames.clear();
    }
}

fn write_to_all(sockets: Option<&mut Vec<Arc<TcpStream>>>, frames: &[u8]) {
    let Some(sockets) = sockets else {
        return;
    };
    sockets.retain(|socket| {
        let is_taken = (&**socket)
            .write(frames)
            .is_ok_and(|sent| sent == frames.len());
        if !is_taken {
            // Other topics may have it too; whether it was still open does not matter.
            let _ = socket.shutdown(Shutdown::Both);
        }
        is_taken
    });
}

fn lock(topics: &Topics) -> MutexGuard<'_, HashMap<String, Vec<Arc<TcpStream>>>> {
    topics.lock().unwrap_or_else(PoisonError::into_inner)
}
