//! Event streams, whoever writes them: the engine threads, the runtime over HTTP/1.1, `axum::serve` and HTTP/2.

mod alike;
mod crowd;
mod expelling;
mod head;
mod lag;
mod layers;
mod peers;
mod reader;
mod shutdown;

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use tidings::{Broker, BrokerBuilder, Event, Retention, Selector, Subscription, Topic, Wire};
use tidings_http::{Drained, ServeLimits, Server, StreamOptions, sse_with};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use self::reader::{End, Reader};

/// Who writes a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Drain {
    /// The engine threads, which poll the bodies.
    Engine,
    /// The engine threads, which take live events from the broker.
    Fed,
    /// The runtime, over HTTP/1.1.
    Body,
    /// `axum::serve`.
    Embedded,
    /// The runtime, over HTTP/2.
    Http2,
}

const ALL: [Drain; 5] = [
    Drain::Engine,
    Drain::Fed,
    Drain::Body,
    Drain::Embedded,
    Drain::Http2,
];

/// Those that keep what a stalled reader holds small.
const OURS: [Drain; 4] = [Drain::Engine, Drain::Fed, Drain::Body, Drain::Http2];

/// A server of one kind.
struct Site {
    drain: Drain,
    address: SocketAddr,
    shutdown: oneshot::Sender<()>,
    server: JoinHandle<Option<Drained>>,
}

impl Site {
    async fn start(drain: Drain, router: Router, limits: ServeLimits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (shutdown, asked) = oneshot::channel::<()>();
        let asked = async move {
            let _ = asked.await;
        };
        let server = tokio::spawn(async move {
            let threads = match drain {
                Drain::Embedded => {
                    axum::serve(listener, router).await.unwrap();
                    return None;
                }
                Drain::Engine | Drain::Fed => 2,
                Drain::Body | Drain::Http2 => 0,
            };
            let mut server = Server::new(router).limits(limits).engine_threads(threads);
            if drain == Drain::Fed {
                server = server.events_past_layers();
            }
            Some(server.run(listener, asked).await)
        });
        Self {
            drain,
            address,
            shutdown,
            server,
        }
    }

    /// A server of all streams that `subscription` describes, at `/`.
    async fn of(drain: Drain, broker: &Broker, subscription: Subscription) -> Self {
        let router = route(broker, subscription, quiet());
        Self::start(drain, router, ServeLimits::default()).await
    }

    async fn read(&self) -> Reader {
        Reader::open(self.drain, self.address, None).await
    }

    async fn resume(&self, id: &str) -> Reader {
        Reader::open(self.drain, self.address, Some(id)).await
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A server of every kind, all of one broker.
async fn everywhere(broker: &Broker, subscription: Subscription) -> Vec<Site> {
    let mut sites = Vec::new();
    for drain in ALL {
        sites.push(Site::of(drain, broker, subscription.clone()).await);
    }
    sites
}

/// A reader of every server, once all of them have subscribed.
async fn read_all(sites: &[Site]) -> Vec<Reader> {
    let mut readers = Vec::new();
    for site in sites {
        readers.push(site.read().await);
    }
    readers
}

/// Has all readers read up to and with `end`, which is the same for all of them.
async fn all_until(readers: &mut [Reader], end: &str) -> String {
    let first = readers[0].until(end).await;
    for reader in &mut readers[1..] {
        assert_eq!(reader.until(end).await, first, "{:?}", reader.drain);
    }
    first
}

/// What all readers got, which is the same, and how all of them ended.
async fn same(readers: Vec<Reader>) -> (String, End) {
    let mut all = Vec::new();
    for mut reader in readers {
        let end = reader.end().await;
        all.push((reader.drain, (reader.into_text(), end)));
    }
    for (drain, got) in &all {
        assert!(*got == all[0].1, "{drain:?}: {got:?}\nnot {:?}", all[0].1);
    }
    all.swap_remove(0).1
}

fn route(broker: &Broker, subscription: Subscription, options: StreamOptions) -> Router {
    Router::new().route("/", sse_with(broker, subscription, options))
}

/// Nothing at random, and nothing that comes with time.
fn quiet() -> StreamOptions {
    StreamOptions {
        keep_alive: None,
        retry: Duration::ZERO,
        ids: true,
    }
}

fn broker() -> BrokerBuilder {
    Broker::builder().reconnect_delay(Duration::ZERO)
}

/// A broker whose topics keep so many events.
fn keeping(events: u64) -> BrokerBuilder {
    broker().retention(Retention {
        events,
        ..Retention::default()
    })
}

fn to(selector: &str) -> Subscription {
    Subscription::to(Selector::new(selector).unwrap()).encoded(Wire::default())
}

async fn publish(broker: &Broker, topic: &str, event: Event) -> String {
    let topic = Topic::new(topic).unwrap();
    let receipt = broker.publish(topic, event).await.unwrap();
    receipt.id.to_string()
}

/// Waits until nobody subscribes any more.
async fn deserted(broker: &Broker) {
    let mut changes = broker.changes();
    while broker.stats().subscriptions > 0 {
        changes.changed().await.unwrap();
    }
}
