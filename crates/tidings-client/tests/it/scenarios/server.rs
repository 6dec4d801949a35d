use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

use socket2::SockRef;
use tokio::sync::mpsc::UnboundedSender;

use crate::scenarios::data::{Answer, At, End, Exchange, Framing};

/// Two origins that answer requests by a script, one exchange after the other.
pub(crate) struct Server {
    shared: Arc<Shared>,
}

struct Shared {
    script: Vec<Exchange>,
    origins: [String; 2],
    received: Mutex<Vec<Received>>,
    hangs: UnboundedSender<Hang>,
}

/// The server has fallen silent.
#[derive(Clone, Copy)]
pub(crate) struct Hang {
    /// Whether the client has nothing to go by.
    pub(crate) at_once: bool,
    pub(crate) after: Option<usize>,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) at: At,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, Vec<u8>>,
    pub(crate) body: String,
}

impl Server {
    pub(crate) fn start(script: Vec<Exchange>, hangs: UnboundedSender<Hang>) -> Self {
        let listeners = [At::A, At::B].map(|at| (at, TcpListener::bind("127.0.0.1:0").unwrap()));
        let origin = |listener: &TcpListener| format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            script,
            origins: [origin(&listeners[0].1), origin(&listeners[1].1)],
            received: Mutex::new(Vec::new()),
            hangs,
        });
        for (at, listener) in listeners {
            let shared = shared.clone();
            thread::spawn(move || {
                for socket in listener.incoming() {
                    let (shared, socket) = (shared.clone(), socket.unwrap());
                    // An exchange that fails is one that the client has given up.
                    thread::spawn(move || shared.serve(at, socket));
                }
            });
        }
        Self { shared }
    }

    pub(crate) fn origin(&self) -> &str {
        &self.shared.origins[0]
    }

    pub(crate) fn script(&self) -> &[Exchange] {
        &self.shared.script
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap().clone()
    }
}

impl Shared {
    fn serve(&self, at: At, mut socket: TcpStream) -> io::Result<()> {
        socket.set_nodelay(true)?;
        let mut bytes = Vec::new();
        while let Some(request) = read_request(at, &mut socket, &mut bytes)? {
            let number = {
                let mut received = self.received.lock().unwrap();
                received.push(request);
                received.len() - 1
            };
            let Some(exchange) = self.script.get(number) else {
                return Ok(());
            };
            if !self.answer(&exchange.answer, &mut socket)? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Says whether the connection is still of use.
    fn answer(&self, answer: &Answer, socket: &mut TcpStream) -> io::Result<bool> {
        if let Some(raw) = &answer.raw {
            socket.write_all(raw.as_bytes())?;
            return Ok(false);
        }
        if !answer.is_empty() {
            self.write(answer, socket)?;
        }
        match answer.end {
            End::Clean if answer.framing == Framing::Close => socket.shutdown(Shutdown::Write)?,
            End::Clean => return Ok(true),
            End::Cut => return Ok(false),
            End::Reset => {
                SockRef::from(&*socket).set_linger(Some(Duration::ZERO))?;
                return Ok(false);
            }
            End::Hang => {
                let at_once = answer.is_empty();
                let after = answer.hang_after;
                // A scenario can be over by now.
                let _ = self.hangs.send(Hang { at_once, after });
            }
        }
        io::copy(socket, &mut io::sink())?;
        Ok(false)
    }

    fn write(&self, answer: &Answer, socket: &mut TcpStream) -> io::Result<()> {
        let status = answer.status.unwrap_or(200);
        let parts = answer.body.iter().flatten();
        let parts: Vec<_> = parts.map(|part| part.bytes()).collect();
        let framing = (!matches!(status, 204 | 304)).then_some(answer.framing);
        let mut head = format!("HTTP/1.1 {status} Scripted\r\n");
        match framing {
            Some(Framing::Chunked) => head += "Transfer-Encoding: chunked\r\n",
            Some(Framing::Length) => {
                let length = parts.iter().map(Vec::len).sum::<usize>() + answer.longer_by;
                head += &format!("Content-Length: {length}\r\n");
            }
            Some(Framing::Close) | None => {}
        }
        match &answer.headers {
            Some(headers) => {
                for (name, value) in headers {
                    head += &format!("{name}: {}\r\n", self.fill(value));
                }
            }
            None => head += "Content-Type: text/event-stream\r\n",
        }
        head += "\r\n";
        if answer.head.is_some() {
            for byte in head.as_bytes() {
                socket.write_all(&[*byte])?;
                thread::yield_now();
            }
        } else {
            socket.write_all(head.as_bytes())?;
        }
        let chunked = framing == Some(Framing::Chunked);
        for part in parts {
            match chunked {
                true => write_chunk(socket, &part)?,
                false => socket.write_all(&part)?,
            }
            thread::yield_now();
        }
        if chunked && answer.end == End::Clean {
            write_chunk(socket, b"")?;
        }
        Ok(())
    }

    fn fill(&self, value: &str) -> String {
        let value = value.replace("{a}", &self.origins[0]);
        let value = value.replace("{b}", &self.origins[1]);
        let Some((before, rest)) = value.split_once("{now+") else {
            return value;
        };
        let (seconds, after) = rest.split_once('}').unwrap();
        let time = SystemTime::now() + Duration::from_secs(seconds.parse().unwrap());
        format!("{before}{}{after}", httpdate::fmt_http_date(time))
    }
}

fn write_chunk(socket: &mut TcpStream, part: &[u8]) -> io::Result<()> {
    let mut chunk = format!("{:x}\r\n", part.len()).into_bytes();
    chunk.extend_from_slice(part);
    chunk.extend_from_slice(b"\r\n");
    socket.write_all(&chunk)
}

/// The next request, unless the client has closed the connection.
fn read_request(
    at: At,
    socket: &mut TcpStream,
    bytes: &mut Vec<u8>,
) -> io::Result<Option<Received>> {
    loop {
        if let Some(request) = parse(at, bytes) {
            bytes.clear();
            return Ok(Some(request));
        }
        let mut piece = [0; 4096];
        match socket.read(&mut piece)? {
            0 => return Ok(None),
            length => bytes.extend_from_slice(&piece[..length]),
        }
    }
}

fn parse(at: At, bytes: &[u8]) -> Option<Received> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let mut lines = bytes[..end].split(|byte| *byte == b'\n');
    let first = String::from_utf8(lines.next()?.to_vec()).unwrap();
    let mut words = first.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let headers: BTreeMap<_, _> = lines
        .map(|line| {
            let colon = line.iter().position(|byte| *byte == b':').unwrap();
            let name = String::from_utf8(line[..colon].to_ascii_lowercase()).unwrap();
            (name, line[colon + 1..].trim_ascii().to_vec())
        })
        .collect();
    let length = headers.get("content-length").map_or(0, |length| {
        let length = std::str::from_utf8(length).unwrap();
        length.parse().unwrap()
    });
    let body = bytes.get(end + 4..end + 4 + length)?;
    Some(Received {
        at,
        method,
        path,
        headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    })
}
