//! A harness: it opens streams at the service, plays their server, and hears what comes.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use serde_json::{Value, json};
use tidings_testkit::{Command, Connection, PATIENCE, Request, Response, Running};

/// The running service.
pub(crate) struct Service {
    running: Running,
    address: SocketAddr,
}

impl Service {
    pub(crate) fn start() -> Self {
        let binary = env!("CARGO_BIN_EXE_contract-service");
        let running = Command::new(binary, &[]).env("PORT", "0").spawn();
        let address = running.process().find_in_stderr(|text| {
            let line = text.strip_prefix("listening on http://")?;
            line.strip_suffix('\n')?.parse().ok()
        });
        Self {
            running,
            address: address.expect("the service listens"),
        }
    }

    pub(crate) fn send(&self, request: &Request) -> Response {
        Connection::open(self.address).send(request)
    }

    /// Waits for its end.
    pub(crate) fn exit_code(self) -> Option<i32> {
        self.running.finish().code
    }

    /// Opens a stream at the address that is played by `server`, with further parameters.
    pub(crate) fn open(&self, server: &StreamServer, further: &Value) -> Client<'_> {
        let (callback_url, messages) = listen_for_callbacks();
        let mut params = json!({
            "tag": "a test",
            "streamUrl": server.url("/stream"),
            "callbackUrl": callback_url,
        });
        for (name, value) in further.as_object().unwrap() {
            params[name] = value.clone();
        }
        let created = self.send(&Request::post("/", params.to_string()));
        assert_eq!(created.status(), 201, "{created:?}");
        let location = created.header("location").unwrap();
        let path = location.strip_prefix(&format!("http://{}", self.address));
        Client {
            service: self,
            path: path.unwrap().to_owned(),
            messages,
            heard: 0,
        }
    }
}

/// A stream that the service has opened.
pub(crate) struct Client<'s> {
    service: &'s Service,
    path: String,
    messages: Receiver<(u64, Value)>,
    heard: u64,
}

impl Client<'_> {
    /// The next callback, which has the next number.
    pub(crate) fn message(&mut self) -> Value {
        let (number, message) = self.messages.recv_timeout(PATIENCE).unwrap();
        self.heard += 1;
        assert_eq!(number, self.heard, "{message}");
        message
    }

    pub(crate) fn event(&mut self) -> Value {
        let message = self.message();
        assert_eq!(message["kind"], "event", "{message}");
        message["event"].clone()
    }

    pub(crate) fn error(&mut self) -> String {
        let message = self.message();
        assert_eq!(message["kind"], "error", "{message}");
        message["error"].as_str().unwrap().to_owned()
    }

    pub(crate) fn comment(&mut self) -> String {
        let message = self.message();
        assert_eq!(message["kind"], "comment", "{message}");
        message["comment"].as_str().unwrap().to_owned()
    }

    /// The data of the next event, of type `message`.
    pub(crate) fn data(&mut self) -> String {
        let event = self.event();
        assert_eq!(event["type"], "message", "{event}");
        event["data"].as_str().unwrap().to_owned()
    }

    /// Whether nothing more has been told.
    pub(crate) fn is_silent(&self) -> bool {
        self.messages.try_recv().is_err()
    }

    pub(crate) fn command(&self, command: &Value) -> u16 {
        let request = Request::post(&self.path, command.to_string());
        self.service.send(&request).status()
    }

    pub(crate) fn listen(&self, name: &str) {
        let command = json!({ "command": "listen", "listen": { "type": name } });
        assert_eq!(self.command(&command), 204);
    }

    pub(crate) fn close(&self) -> u16 {
        self.service.send(&Request::delete(&self.path)).status()
    }
}

/// The server of a stream.
pub(crate) struct StreamServer {
    listener: TcpListener,
}

/// A request for a stream, and the way to answer it.
pub(crate) struct Stream {
    pub(crate) request: Incoming,
    socket: TcpStream,
}

/// A request as it came.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) method: String,
    pub(crate) path: String,
    headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Incoming {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

impl StreamServer {
    pub(crate) fn start() -> Self {
        Self {
            listener: TcpListener::bind("127.0.0.1:0").unwrap(),
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.listener.local_addr().unwrap())
    }

    /// The next request, not yet answered.
    pub(crate) fn request(&self) -> Stream {
        let (mut socket, _) = self.listener.accept().unwrap();
        socket.set_nodelay(true).unwrap();
        let request = read_request(&mut socket).unwrap().expect("a request");
        Stream { request, socket }
    }

    /// The next request, answered with an open stream.
    pub(crate) fn accept(&self) -> Stream {
        let mut stream = self.request();
        stream.write(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\
             Transfer-Encoding: chunked\r\n\r\n",
        );
        stream
    }
}

impl Stream {
    /// Answers with a whole response, after which the connection is closed.
    pub(crate) fn answer(mut self, status: &str, headers: &str) {
        self.write(&format!(
            "HTTP/1.1 {status}\r\n{headers}Content-Length: 0\r\nConnection: close\r\n\r\n"
        ));
    }

    pub(crate) fn send(&mut self, data: impl AsRef<[u8]>) {
        let data = data.as_ref();
        let mut chunk = format!("{:x}\r\n", data.len()).into_bytes();
        chunk.extend_from_slice(data);
        chunk.extend_from_slice(b"\r\n");
        self.socket.write_all(&chunk).unwrap();
    }

    /// Ends the stream as it should.
    pub(crate) fn end(mut self) {
        self.send("");
    }

    /// Waits until the service has closed the connection.
    pub(crate) fn closed(mut self) {
        // It may be closed by force.
        let _ = io::copy(&mut self.socket, &mut io::sink());
    }

    fn write(&mut self, text: &str) {
        self.socket.write_all(text.as_bytes()).unwrap();
    }
}

fn listen_for_callbacks() -> (String, Receiver<(u64, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/callback", listener.local_addr().unwrap());
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for socket in listener.incoming() {
            let (socket, sender) = (socket.unwrap(), sender.clone());
            // The service may end in the middle of a callback.
            thread::spawn(move || take_callbacks(socket, &sender));
        }
    });
    (url, receiver)
}

fn take_callbacks(mut socket: TcpStream, to: &Sender<(u64, Value)>) -> io::Result<()> {
    while let Some(request) = read_request(&mut socket)? {
        assert_eq!(request.method, "POST");
        let number = request.path.strip_prefix("/callback/").unwrap();
        let message = serde_json::from_str(&request.body).unwrap();
        // The test may be over.
        let _ = to.send((number.parse().unwrap(), message));
        socket.write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")?;
    }
    Ok(())
}

fn read_request(socket: &mut TcpStream) -> io::Result<Option<Incoming>> {
    let mut bytes = Vec::new();
    let mut piece = vec![0; 64 * 1024];
    loop {
        if let Some(request) = parse(&bytes) {
            return Ok(Some(request));
        }
        match socket.read(&mut piece)? {
            0 => return Ok(None),
            length => bytes.extend_from_slice(&piece[..length]),
        }
    }
}

fn parse(bytes: &[u8]) -> Option<Incoming> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = str::from_utf8(&bytes[..end]).unwrap();
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: BTreeMap<_, _> = lines
        .map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_ascii_lowercase(), value.to_owned())
        })
        .collect();
    let length = headers.get("content-length");
    let length: usize = length.map_or(0, |length| length.parse().unwrap());
    let body = bytes.get(end + 4..end + 4 + length)?;
    Some(Incoming {
        method,
        path,
        headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    })
}
