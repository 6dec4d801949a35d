use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

/// What is gathered of an answer before any of it is given on, as nginx does by default.
const BUFFER: usize = 32 << 10;

/// A reverse proxy that buffers answers: the client gets the first byte when the answer is whole or the buffer is full,
/// unless the server asks for something else by `X-Accel-Buffering: no`.
///
/// It takes one `GET` on each connection. Dropping it ends it; exchanges that are under way end with their peers.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
    listening: Option<JoinHandle<()>>,
}

impl Proxy {
    /// A proxy of the server at `server`, to which it speaks the given version of HTTP: `1.0` or `1.1`.
    ///
    /// # Panics
    ///
    /// When no port is free.
    #[must_use]
    pub fn of(server: SocketAddr, version: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("the address of a listener");
        let is_over = Arc::new(AtomicBool::new(false));
        let listening = thread::spawn({
            let is_over = is_over.clone();
            move || {
                while let Ok((client, _)) = listener.accept()
                    && !is_over.load(Ordering::SeqCst)
                {
                    // An exchange that fails is one that its client sees cut.
                    thread::spawn(move || exchange(client, server, version));
                }
            }
        });
        Self {
            address,
            is_over,
            listening: Some(listening),
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        // It waits for another connection.
        let _ = TcpStream::connect(self.address);
        if let Some(listening) = self.listening.take() {
            let _ = listening.join();
        }
    }
}

fn exchange(mut client: TcpStream, server: SocketAddr, version: &str) -> io::Result<()> {
    let mut from_client = BufReader::new(client.try_clone()?);
    let request = head(&mut from_client)?;
    let mut to_server = TcpStream::connect(server)?;
    to_server.set_nodelay(true)?;
    client.set_nodelay(true)?;
    to_server.write_all(forwarded(&request, version)?.as_bytes())?;
    let leaving = to_server.try_clone()?;
    thread::spawn(move || {
        let left = io::copy(&mut from_client, &mut io::sink());
        left.and_then(|_| leaving.shutdown(Shutdown::Both))
    });

    let mut from_server = BufReader::new(to_server);
    let answer = head(&mut from_server)?;
    let (asks, rest): (Vec<_>, Vec<_>) = answer
        .iter()
        .partition(|line| line.to_ascii_lowercase().starts_with("x-accel-buffering:"));
    let buffers = !asks.iter().any(|line| line.ends_with("no"));
    let rest: Vec<_> = rest.into_iter().map(String::as_str).collect();
    let mut held = format!("{}\r\n\r\n", rest.join("\r\n")).into_bytes();
    if !buffers {
        client.write_all(&held)?;
        held.clear();
    }
    loop {
        let piece = from_server.fill_buf()?;
        let length = piece.len();
        held.extend_from_slice(piece);
        from_server.consume(length);
        if !buffers || length == 0 || held.len() >= BUFFER {
            client.write_all(&held)?;
            held.clear();
        }
        if length == 0 {
            return client.shutdown(Shutdown::Write);
        }
    }
}

/// The lines of a head.
fn head(from: &mut impl BufRead) -> io::Result<Vec<String>> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        from.by_ref().read_line(&mut line)?;
        let Some(line) = line.strip_suffix("\r\n") else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        if line.is_empty() {
            return Ok(lines);
        }
        lines.push(line.to_owned());
    }
}

fn forwarded(request: &[String], version: &str) -> io::Result<String> {
    let [first, fields @ ..] = request else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    let first = first.trim_end_matches("HTTP/1.1");
    let fields = fields.join("\r\n");
    Ok(format!(
        "{first}HTTP/{version}\r\n{fields}\r\nConnection: close\r\n\r\n"
    ))
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read, Write};
    use std::net::{TcpListener, TcpStream};

    use super::Proxy;

    /// A client and a server that has sent it half of an answer.
    fn half_of_an_answer(server: &TcpListener, proxy: &Proxy, head: &str) -> [TcpStream; 2] {
        let mut client = TcpStream::connect(proxy.address()).unwrap();
        client.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        let (mut socket, _) = server.accept().unwrap();
        let mut request = [0; 100];
        let length = socket.read(&mut request).unwrap();
        assert!(request[..length].starts_with(b"GET / HTTP/1.0\r\n"));
        let head = format!("HTTP/1.1 200 OK\r\n{head}\r\nhalf");
        socket.write_all(head.as_bytes()).unwrap();
        [client, socket]
    }

    #[test]
    fn an_answer_is_held_back_until_it_is_whole_unless_it_asks_otherwise() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Proxy::of(server.local_addr().unwrap(), "1.0");
        let [mut held, mut ends] = half_of_an_answer(&server, &proxy, "");
        let asks = "X-Accel-Buffering: no\r\n";
        let [mut passed, _goes_on] = half_of_an_answer(&server, &proxy, asks);
        let mut whole = [0; "HTTP/1.1 200 OK\r\n\r\nhalf".len()];
        passed.read_exact(&mut whole).unwrap();
        assert!(whole.ends_with(b"OK\r\n\r\nhalf"));

        held.set_nonblocking(true).unwrap();
        let nothing = held.read(&mut [0]).unwrap_err();
        assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
        held.set_nonblocking(false).unwrap();
        ends.write_all(b"half").unwrap();
        drop(ends);
        let mut text = String::new();
        held.read_to_string(&mut text).unwrap();
        assert!(text.ends_with("\r\n\r\nhalfhalf"), "{text}");
    }
}
