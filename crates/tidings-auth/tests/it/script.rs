//! A server that does what it is told to.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tidings_auth::JwksUrl;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// What is answered to a request.
#[derive(Clone)]
pub(crate) enum Reply {
    /// 200 with this body.
    Body(String),
    /// This text.
    Raw(String),
    /// These bytes.
    Bytes(Vec<u8>),
    /// 200, and then bytes without end.
    Endless,
    /// Nothing, and the connection stays open.
    Silence,
    /// 200 with this body, for each permit that is added.
    Permitted(Arc<Semaphore>, String),
}

pub(crate) struct Server {
    pub(crate) address: String,
    shared: Arc<Shared>,
    /// Ends with the server.
    _tasks: JoinSet<()>,
}

struct Shared {
    reply: Mutex<Reply>,
    accepted: AtomicUsize,
    sent: AtomicUsize,
}

impl Server {
    pub(crate) async fn start(reply: Reply) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let shared = Arc::new(Shared {
            reply: Mutex::new(reply),
            accepted: AtomicUsize::new(0),
            sent: AtomicUsize::new(0),
        });
        let mut tasks = JoinSet::new();
        let accepting = Arc::clone(&shared);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                accepting.accepted.fetch_add(1, Ordering::SeqCst);
                let shared = Arc::clone(&accepting);
                connections.spawn(async move { shared.answer(socket).await });
            }
        });
        Self {
            address,
            shared,
            _tasks: tasks,
        }
    }

    pub(crate) fn url(&self) -> JwksUrl {
        JwksUrl::allowing_private(&format!("http://{}/jwks.json", self.address)).unwrap()
    }

    pub(crate) fn reply(&self, reply: Reply) {
        *self.shared.reply.lock().unwrap() = reply;
    }

    /// How often somebody has connected.
    pub(crate) fn accepted(&self) -> usize {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// How many bytes an endless answer has come to.
    pub(crate) fn sent(&self) -> usize {
        self.shared.sent.load(Ordering::SeqCst)
    }
}

impl Shared {
    async fn answer(&self, mut socket: TcpStream) {
        let mut request = Vec::new();
        while !is_whole(&request) {
            // A peer that gives up is part of the script.
            if socket.read_buf(&mut request).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let reply = self.reply.lock().unwrap().clone();
        let text = match reply {
            Reply::Body(body) => with_length(&body).into_bytes(),
            Reply::Raw(text) => text.into_bytes(),
            Reply::Bytes(bytes) => bytes,
            Reply::Endless => return self.pour(socket).await,
            Reply::Silence => return std::future::pending().await,
            Reply::Permitted(permits, body) => {
                permits.acquire().await.unwrap().forget();
                with_length(&body).into_bytes()
            }
        };
        let _ = socket.write_all(&text).await;
        let _ = socket.shutdown().await;
    }

    async fn pour(&self, mut socket: TcpStream) {
        let head = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"keys\":[";
        socket.write_all(head.as_bytes()).await.unwrap();
        let blanks = vec![b' '; 16 * 1024];
        while let Ok(sent) = socket.write(&blanks).await {
            self.sent.fetch_add(sent, Ordering::SeqCst);
        }
    }
}

/// Whether it has its head, and the body that the head announces.
fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let lengths = head.lines().filter_map(|line| {
        let (name, length) = line.split_once(": ")?;
        let length: usize = length.parse().ok()?;
        name.eq_ignore_ascii_case("content-length")
            .then_some(length)
    });
    body.len() >= lengths.sum()
}

fn with_length(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}
