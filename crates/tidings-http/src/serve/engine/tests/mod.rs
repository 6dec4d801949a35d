//! A thread that is driven turn by turn, with real sockets, and fan-outs by themselves.

mod closing;
mod fanouts;
mod holding;
mod pieces;
mod watching;

use std::io::{self, Read};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::response::IntoResponse;
use futures_util::FutureExt;
use mio::Events;
use socket2::SockRef;
use tidings::{Broker, Event, Retention, Subscription, Topic};
use tracing::Span;

use super::inbox::{Inbox, Posted};
use super::tally::Tally;
use super::thread::Engine;
use super::{Adopted, EngineSettings};
use crate::serve::admission::Admission;
use crate::stream::{Tap, raw};
use crate::{EventStream, StreamOptions};

/// A thread that does one turn after the other when it is told to.
struct Stepped {
    engine: Engine,
    inbox: Arc<Inbox>,
    notices: Events,
    posted: Posted,
    broker: Broker,
    listener: TcpListener,
    admission: Arc<Admission>,
    tally: Arc<Tally>,
}

/// The other end of a stream.
struct Peer {
    socket: TcpStream,
    got: String,
    /// The stream's end has been read, or whatever else ended the connection.
    end: Option<io::Result<()>>,
}

/// A test that waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(20);
const ROOMY: Retention = Retention {
    events: 1 << 20,
    bytes: 1 << 30,
    age: Duration::from_secs(3_600),
};

impl Stepped {
    fn new() -> Self {
        let settings = EngineSettings {
            threads: 1,
            past_layers: true,
        };
        let (inbox, engine) = Engine::new(settings, Duration::from_secs(30)).unwrap();
        Self {
            engine,
            inbox,
            notices: Events::with_capacity(1_024),
            posted: Posted::default(),
            broker: Broker::builder().retention(ROOMY).build(),
            listener: TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap(),
            admission: Admission::new(10_000, 10_000),
            tally: Arc::default(),
        }
    }

    /// Hands in a stream of a topic.
    fn open(&self, topic: &str) -> Peer {
        let peer = TcpStream::connect(self.listener.local_addr().unwrap()).unwrap();
        peer.set_nonblocking(true).unwrap();
        let (socket, _) = self.listener.accept().unwrap();
        socket.set_nonblocking(true).unwrap();
        // As the server loop has it.
        let unsent = 16 << 10;
        SockRef::from(&socket)
            .set_tcp_notsent_lowat(unsent)
            .unwrap();
        self.adopt(topic, socket);
        Peer {
            socket: peer,
            got: String::new(),
            end: None,
        }
    }

    fn adopt(&self, topic: &str, socket: TcpStream) {
        let subscription = Subscription::to(Topic::new(topic).unwrap()).encoded(raw(true));
        let subscriber = self.broker.subscribe(subscription).unwrap();
        let options = StreamOptions {
            keep_alive: None,
            ..StreamOptions::default()
        };
        let mut response = EventStream::new(subscriber, options).into_response();
        let tap = response.extensions_mut().remove::<Tap>().unwrap();
        let adopted = Adopted {
            socket,
            body: response.into_body(),
            tap,
            permit: self
                .admission
                .admit(Ipv4Addr::new(192, 0, 2, 1).into())
                .unwrap(),
            span: Span::none(),
        };
        self.inbox.adopt(adopted, self.tally.enter());
    }

    fn publish(&self, topic: &str, event: Event) {
        let topic = Topic::new(topic).unwrap();
        let published = self.broker.publish(topic, event).now_or_never();
        published.unwrap().unwrap();
    }

    fn subscribers(&self, topic: &str) -> usize {
        self.broker.subscriber_count(&Topic::new(topic).unwrap())
    }

    fn turn(&mut self) {
        assert!(self.engine.turn(&mut self.notices, &mut self.posted));
    }

    fn turns_until(&mut self, mut is_done: impl FnMut(&Self) -> bool) {
        let start = Instant::now();
        while !is_done(self) {
            assert!(start.elapsed() < PATIENCE);
            self.turn();
        }
    }

    /// Streams of a topic that have been given their first block, and are fed.
    fn crowd(&mut self, topic: &str, count: usize) -> Vec<Peer> {
        let mut peers: Vec<_> = (0..count).map(|_| self.open(topic)).collect();
        self.turns_until(|_| all_have(&mut peers, "\n\n"));
        peers
    }
}

impl Peer {
    /// Reads what is there.
    fn read(&mut self) {
        let mut buffer = [0; 64 << 10];
        while self.end.is_none() {
            match self.socket.read(&mut buffer) {
                Ok(0) => self.end = Some(Ok(())),
                Ok(read) => {
                    let read = std::str::from_utf8(&buffer[..read]).unwrap();
                    self.got.push_str(read);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => self.end = Some(Err(error)),
            }
        }
    }

    fn has(&self, text: &str) -> bool {
        self.got.contains(text)
    }

    /// What it has read, without the frames of the chunks.
    fn body(&self) -> String {
        let (mut body, mut rest) = (String::new(), &*self.got);
        while let Some((size, chunk)) = rest.split_once("\r\n") {
            let size = usize::from_str_radix(size, 16).unwrap();
            let (data, after) = chunk.split_at(size.min(chunk.len()));
            body.push_str(data);
            rest = after.strip_prefix("\r\n").unwrap_or_default();
        }
        body
    }
}

/// Has all of them read what is there. Tells whether each has read this text, today or before.
fn all_have(peers: &mut [Peer], text: &str) -> bool {
    peers.iter_mut().for_each(Peer::read);
    peers.iter().all(|peer| peer.has(text))
}
