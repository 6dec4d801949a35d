//! A server loop that outlives its peers.
//!
//! hyper's deadlines do nothing without a timer, and a plain accept loop has no bound on
//! connections, on a request that never comes or on a reader that has stopped reading. This one
//! has: see [`ServeLimits`] for every bound and what happens at it.

mod accept;
mod admission;
mod arrival;
mod connection;
mod door;
mod engine;
mod exchange;
mod handoff;
mod house;
mod http1;
mod http2;
mod limits;
mod line;
mod phase;
mod proxies;
mod refusal;
mod socket;
mod streams;
#[cfg(feature = "tls")]
mod tls;
mod transport;
mod tuning;

use std::future::{Future, pending};
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::Arc;
use std::thread::available_parallelism;

use axum::Router;
use tokio::net::TcpListener;
use tokio::select;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::info;

use self::accept::Acceptor;
use self::admission::Admission;
use self::connection::Ending;
use self::door::Door;
use self::engine::{EngineSettings, Engines};
use self::house::House;
use self::phase::{Phase, Phases};

pub use self::arrival::Arrival;
pub use self::engine::EngineCount;
pub use self::limits::ServeLimits;
pub use self::proxies::{Network, NetworkError, TrustedProxies};
#[cfg(feature = "tls")]
pub use self::tls::{Term, TermWarning, Tls, TlsError};

/// Serves `router` on `listener` with the default limits, for as long as the future is polled.
///
/// Use a [`Server`] to set limits or to shut down gracefully.
///
/// ```no_run
/// # async fn example() -> std::io::Result<()> {
/// use axum::{Router, routing::get};
///
/// let router = Router::new().route("/", get(|| async { "hello" }));
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
/// tidings_http::serve(listener, router).await;
/// # Ok(())
/// # }
/// ```
pub async fn serve(listener: TcpListener, router: Router) {
    Server::new(router).run(listener, pending()).await;
}

/// Serves a router over HTTP/1.1 and HTTP/2 within [`ServeLimits`], cleartext or over TLS.
///
/// Handlers find the client's address as [`ConnectInfo<SocketAddr>`](axum::extract::ConnectInfo), and how the request has come as
/// an [`Arrival`].
///
/// ```no_run
/// # async fn example(router: axum::Router) -> std::io::Result<()> {
/// use tidings_http::{ServeLimits, Server};
///
/// let mut limits = ServeLimits::default();
/// limits.connections = 500;
///
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
/// let shutdown = async {
///     // A signal, a flag, the end of another task.
/// };
/// let drained = Server::new(router).limits(limits).run(listener, shutdown).await;
/// println!("{} connections were cut", drained.cut);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Server {
    router: Router,
    limits: ServeLimits,
    proxies: TrustedProxies,
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
    engine: EngineSettings,
    running: EngineCount,
}

/// How a [`Server`] came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drained {
    /// Connections that still had a response in flight when the time to drain was over.
    pub cut: usize,
}

impl Server {
    /// A server of `router` with the default limits.
    pub fn new(router: Router) -> Self {
        Self {
            router,
            limits: ServeLimits::default(),
            proxies: TrustedProxies::default(),
            #[cfg(feature = "tls")]
            tls: None,
            engine: EngineSettings {
                threads: available_parallelism().map_or(1, NonZeroUsize::get),
                past_layers: false,
            },
            running: EngineCount::default(),
        }
    }

    /// Replaces the limits.
    #[must_use]
    pub fn limits(mut self, limits: ServeLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Takes the word of these proxies on where connections and requests come from. Default: of none.
    #[must_use]
    pub fn trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.proxies = proxies;
        self
    }

    /// Speaks TLS, and nothing else. A handshake that takes more than 5 s is broken off.
    ///
    /// [`EventStream`](crate::EventStream)s are then written by the runtime, at its cost: the threads that write them otherwise
    /// write to plain sockets. Default: cleartext.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Sets how many threads write [`EventStream`](crate::EventStream)s of plain HTTP/1.1, for which a connection then
    /// costs no task and no buffer. With 0 they are written by the runtime, as everything else is.
    ///
    /// Such a stream is the last response of its connection, and says so by `connection: close`. Layers around the route
    /// keep their hold on the body, which is polled and dropped by one of these threads.
    ///
    /// Default: as many as there are cores.
    #[must_use]
    pub fn engine_threads(mut self, threads: usize) -> Self {
        self.engine.threads = threads;
        self
    }

    /// Has the number of those threads that run told here, for whoever watches over the server.
    #[must_use]
    pub fn engines_counted_by(mut self, count: EngineCount) -> Self {
        self.running = count;
        self
    }

    /// Has those threads take live events from the broker past the bodies that the router answers with: once for all
    /// streams that follow the same topics, which makes each one cheaper to write.
    ///
    /// A layer that wraps the body of a stream to see or to change its pieces then sees the beginning, what is caught up
    /// and the end, but not the events between. (What it changes at the beginning shows that it is there: such a stream goes
    /// through its body to the end.) Layers that look at requests and heads, or only hold something until the body is
    /// dropped, see no difference.
    ///
    /// Default: not, because the router may have such a layer.
    #[must_use]
    pub fn events_past_layers(mut self) -> Self {
        self.engine.past_layers = true;
        self
    }

    /// Serves until `shutdown` completes, then drains.
    ///
    /// While the server drains, responses in flight run on and their connections close after
    /// them; idle connections close at once. New connections are still answered, one request
    /// each, so that the router can tell them to come back later. The drain is over when the
    /// connections from before it have ended, or after
    /// [`drain_timeout`](ServeLimits::drain_timeout), which cuts the rest. Every task that the
    /// server started has ended when this returns, apart from those of upgraded connections,
    /// which belong to their handlers.
    ///
    /// No failure to accept a connection ends the server. Without file descriptors or memory it
    /// tries again after 50 ms, then less and less often down to once a second.
    ///
    /// Dropping the future closes the listener and cuts every connection.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with I/O and time enabled.
    pub async fn run(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Drained {
        let (phase, phases) = Phases::new();
        let (drain_timeout, write_timeout) = (self.limits.drain_timeout, self.limits.write_timeout);
        let engines = Engines::start(self.engine, &self.running, write_timeout);
        let house = Arc::new(House {
            router: self.router,
            refusals: refusal::router(),
            admission: Admission::new(self.limits.connections, self.limits.connections_per_address),
            limits: self.limits,
            proxies: self.proxies,
            #[cfg(feature = "tls")]
            tls: self.tls,
        });
        let mut upkeep = pin!(Arc::clone(&house).upkeep());
        let door = Door::new(house, phases, engines.door());
        let mut acceptor = Acceptor::new(listener, write_timeout);
        let mut connections = JoinSet::new();
        let mut shutdown = pin!(shutdown);
        loop {
            select! {
                () = &mut shutdown => break,
                (stream, remote) = acceptor.accept() => {
                    door.open(&mut connections, stream, remote);
                }
                Some(_ended) = connections.join_next() => {}
                never = &mut upkeep => match never {},
            }
        }

        info!(
            connections = connections.len(),
            streams = engines.open(),
            "draining"
        );
        phase.send_replace(Phase::Draining);
        let mut newcomers = JoinSet::new();
        let drain = async {
            while !connections.is_empty() || engines.open() > 0 {
                select! {
                    (stream, remote) = acceptor.accept() => {
                        door.open(&mut newcomers, stream, remote);
                    }
                    Some(_ended) = connections.join_next() => {}
                    Some(_ended) = newcomers.join_next() => {}
                    () = engines.emptied(), if engines.open() > 0 => {}
                }
            }
            drop(acceptor);
            while newcomers.join_next().await.is_some() {}
        };
        let in_time = timeout(drain_timeout, drain).await.is_ok();
        let mut cut = 0;
        if !in_time {
            phase.send_replace(Phase::Over);
        }
        for set in [&mut connections, &mut newcomers] {
            while let Some(ended) = set.join_next().await {
                cut += usize::from(matches!(ended, Ok(Ending::Cut)));
            }
        }
        cut += engines.stop().await;
        Drained { cut }
    }
}
