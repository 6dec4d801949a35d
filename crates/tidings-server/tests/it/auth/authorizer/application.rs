//! An application that is asked who may come. It takes nothing that is not signed as Standard Webhooks says.

use std::collections::HashSet;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::SystemTime;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tidings_testkit::PATIENCE;

/// What questions are signed with.
pub(super) const SECRET: &str = "whsec_dGhlIHNlY3JldCBvZiB0aGUgYXBwbGljYXRpb24=";

/// What is answered to a question.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    /// 200 with this.
    Says(&'static str),
    /// These bytes, and then the end of the connection.
    Raw(String),
    /// 200, and then blanks without end.
    Endless,
    /// Nothing, until there is another reply.
    Nothing,
}

pub(super) struct Application {
    address: SocketAddr,
    shared: Arc<Shared>,
    listening: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    reply: Option<Reply>,
    questions: Vec<Value>,
    ids: HashSet<String>,
    sockets: Vec<TcpStream>,
    is_over: bool,
}

struct Message {
    head: Vec<String>,
    body: Vec<u8>,
}

impl Application {
    pub(super) fn start(reply: Reply) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("the address of a listener");
        let shared = Arc::<Shared>::default();
        shared.state().reply = Some(reply);
        let listening = thread::spawn({
            let shared = shared.clone();
            move || {
                for socket in listener.incoming().map_while(Result::ok) {
                    let mut state = shared.state();
                    if state.is_over {
                        return;
                    }
                    state.sockets.extend(socket.try_clone().ok());
                    let shared = shared.clone();
                    // A connection that breaks is one that the hub gives up, which is what it is asked about.
                    thread::spawn(move || shared.serve(socket));
                }
            }
        });
        Self {
            address,
            shared,
            listening: Some(listening),
        }
    }

    pub(super) fn says(answer: &'static str) -> Self {
        Self::start(Reply::Says(answer))
    }

    /// The settings of a hub that asks it, with these of `[authorizer]` beside.
    pub(super) fn settings(&self, more: &str) -> String {
        self.settings_signed(&format!("secret = \"{SECRET}\""), more)
    }

    /// The same with another secret, or others.
    pub(super) fn settings_signed(&self, secret: &str, more: &str) -> String {
        format!(
            "[authorizer]\nurl = \"http://{}/access?app=1\"\n{secret}\n{more}\n",
            self.address
        )
    }

    /// What is answered from now on, also to what is waiting for an answer.
    pub(super) fn reply(&self, reply: Reply) {
        self.shared.state().reply = Some(reply);
        self.shared.changed.notify_all();
    }

    /// What was asked so far.
    pub(super) fn questions(&self) -> Vec<Value> {
        self.shared.state().questions.clone()
    }

    /// Waits until so many questions have come.
    #[track_caller]
    pub(super) fn await_questions(&self, count: usize) {
        let state = self.shared.state();
        let is_missing = |state: &mut State| state.questions.len() < count;
        let awaited = self
            .shared
            .changed
            .wait_timeout_while(state, PATIENCE, is_missing);
        let (state, waited) = awaited.unwrap_or_else(PoisonError::into_inner);
        let asked = state.questions.len();
        assert!(!waited.timed_out(), "{asked} of {count} questions came");
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.is_over = true;
        for socket in state.sockets.drain(..) {
            // What is closed already need not be.
            let _ = socket.shutdown(Shutdown::Both);
        }
        drop(state);
        self.shared.changed.notify_all();
        // It waits for another connection.
        let _ = TcpStream::connect(self.address);
        if let Some(listening) = self.listening.take() {
            let _ = listening.join();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, socket: TcpStream) -> io::Result<()> {
        let mut socket = BufReader::new(socket);
        while let Some(message) = read(&mut socket)? {
            let question = self.accept(&message);
            let is_taken = question.is_some();
            self.state().questions.extend(question);
            self.changed.notify_all();
            let state = self.state();
            let reply = self.changed.wait_while(state, |state| {
                !state.is_over && matches!(state.reply, Some(Reply::Nothing))
            });
            let reply = reply.unwrap_or_else(PoisonError::into_inner).reply.clone();
            let socket = socket.get_mut();
            match reply {
                _ if !is_taken => {
                    socket.write_all(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")?;
                }
                Some(Reply::Says(answer)) => {
                    let length = answer.len();
                    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
                    socket.write_all(format!("{head}{answer}").as_bytes())?;
                }
                Some(Reply::Raw(text)) => {
                    socket.write_all(text.as_bytes())?;
                    return socket.shutdown(Shutdown::Both);
                }
                Some(Reply::Endless) => {
                    socket.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
                    loop {
                        socket.write_all(&[b' '; 4096])?;
                    }
                }
                Some(Reply::Nothing) | None => return Ok(()),
            }
        }
        Ok(())
    }

    /// The question, if it is signed, recent and new.
    fn accept(&self, message: &Message) -> Option<Value> {
        if message.head.first()? != "POST /access?app=1 HTTP/1.1" {
            return None;
        }
        let [id, timestamp, signature, media_type] = [
            "webhook-id",
            "webhook-timestamp",
            "webhook-signature",
            "content-type",
        ]
        .map(|name| message.header(name));
        let (id, timestamp) = (id?, timestamp?);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let seconds: u64 = timestamp.parse().ok()?;
        if now.ok()?.as_secs().abs_diff(seconds) > 300 || media_type? != "application/json" {
            return None;
        }
        let secret = STANDARD.decode(SECRET.strip_prefix("whsec_")?).ok()?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        let mut signed = format!("{id}.{timestamp}.").into_bytes();
        signed.extend(&message.body);
        // One of them is enough, as for the libraries.
        let mut signatures = signature?.split(' ').filter_map(|signature| {
            let signature = signature.strip_prefix("v1,")?;
            STANDARD.decode(signature).ok()
        });
        let is_right = |signature: Vec<u8>| hmac::verify(&key, &signed, &signature).is_ok();
        signatures.any(is_right).then_some(())?;
        let is_new = self.state().ids.insert(id.to_owned());
        is_new
            .then(|| serde_json::from_slice(&message.body).ok())
            .flatten()
    }
}

impl Message {
    fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.iter().filter_map(|line| line.split_once(": "));
        let (_, value) = fields.find(|(given, _)| given.eq_ignore_ascii_case(name))?;
        Some(value)
    }
}

/// The next request; nothing at the end of the connection.
fn read(socket: &mut BufReader<TcpStream>) -> io::Result<Option<Message>> {
    let mut message = Message {
        head: Vec::new(),
        body: Vec::new(),
    };
    loop {
        let mut line = String::new();
        if socket.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        match line.trim_end() {
            "" => break,
            line => message.head.push(line.to_owned()),
        }
    }
    let length = message
        .header("content-length")
        .and_then(|length| length.parse().ok());
    message.body.resize(length.unwrap_or(0), 0);
    socket.read_exact(&mut message.body)?;
    Ok(Some(message))
}
