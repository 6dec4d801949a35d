//! HTTP for the Tidings broker.
//!
//! - [`sse()`] is a route that streams a topic, for any axum application; [`StreamRequest`] and [`EventStream`] are its
//!   parts, for handlers that choose topics themselves.
//! - [`live()`] makes a REST resource live: a snapshot route and a stream of its changes, from one function. [`live_list()`]
//!   does it for logs.
//! - [`serve()`] is a server loop with deadlines and limits, for any axum router. Under it event streams of plain
//!   HTTP/1.1 cost no task and no buffers; elsewhere, as under `axum::serve`, they are bodies like any other.
//! - [`Problem`] is an error as an RFC 9457 document.
//!
//! ```no_run
//! # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use axum::Router;
//! use tidings::{Broker, Topic};
//!
//! let broker = Broker::new();
//! let app = Router::new().route("/news/stream", tidings_http::sse(&broker, Topic::new("news")?));
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
//! tidings_http::serve(listener, app).await;
//! # Ok(()) }
//! ```

mod accept;
mod extract;
mod live;
mod problem;
mod serve;
mod site;
mod sse;
mod stream;

pub use accept::accepts_event_stream;
pub use extract::{Path, Query};
pub use live::{
    Body, ByHash, Handle, Key, ListProvider, Live, Page, Provider, live, live_broker, live_list,
};
pub use problem::Problem;
pub use serve::{
    Arrival, Drained, EngineCount, Network, NetworkError, ServeLimits, Server, TrustedProxies,
    serve,
};
#[cfg(feature = "tls")]
pub use serve::{Term, TermWarning, Tls, TlsError};
pub use site::Site;
pub use sse::{StreamRequest, resume_after, sse, sse_with, subscribe_problem};
pub use stream::{EventStream, StreamOptions, encode_control, keep_alive_line};
