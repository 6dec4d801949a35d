//! What one listener allows its peers.

use std::time::Duration;

/// Bounds on what peers may hold open and for how long, for one [`Server`](super::Server).
///
/// The defaults suit a hub in front of browsers. What no deployment needs to change is fixed:
///
/// | bound | value |
/// | --- | --- |
/// | handshake of TLS | 5 s |
/// | preamble of a proxy that speaks the PROXY protocol | 5 s and 4 KiB |
/// | request head, HTTP/1.1 | 16 KiB and 100 fields, else `431` |
/// | request fields, HTTP/2 | 16 KiB, else `431` |
/// | requests at one time on an HTTP/2 connection | 1,000 |
/// | bytes buffered for one HTTP/1.1 connection or HTTP/2 stream | 32 KiB and one body frame |
/// | encrypted bytes buffered for one connection | 64 KiB |
/// | bytes buffered for an [`EventStream`](crate::EventStream) of plain HTTP/1.1 | 32 KiB and one body frame |
/// | after the last byte of such a stream | 1 s for the peer to close its half |
/// | HTTP/2 `PING` | every 15 s, to be answered within 20 s |
/// | a peer that no longer acknowledges | gone after 30 s, or `write_timeout` if that is longer |
/// | request body read and discarded after an early answer | 8 MiB or 2 s |
/// | refusals answered at one time | 256, each within 5 s |
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServeLimits {
    /// Connections open at one time; one more is answered `429` with `Retry-After` and closed.
    ///
    /// Default 20,000: 10,000 event streams, each with a request beside it. The process needs at
    /// least as many file descriptors, and a few hundred more.
    pub connections: usize,

    /// Connections open at one time from one address; one more is answered `429` as above.
    ///
    /// An IPv6 peer counts as its /64, the least a site is given. Loopback peers are bound only
    /// by `connections`: a reverse proxy on the same host brings everybody's connections from
    /// one address. So are [trusted proxies](super::TrustedProxies), on whichever host; behind them it
    /// bounds the requests in flight of one client, streams among them. Default 1,000.
    pub connections_per_address: usize,

    /// Time from the accept to the end of the first request head, TLS included. Default 10 s.
    pub head_timeout: Duration,

    /// Time without a request in flight, including the head of the next one. Default 30 s.
    ///
    /// HTTP/1.1 connections are closed then. HTTP/2 connections are told to go away, and closed
    /// when as much time has passed again.
    pub idle_timeout: Duration,

    /// Time in which a reader must take at least some of what is waiting for it; one that takes
    /// nothing is cut. A connection with nothing to write is not touched. Default 30 s.
    pub write_timeout: Duration,

    /// Time that the responses in flight have to end once the server shuts down. Default 30 s.
    pub drain_timeout: Duration,
}

impl Default for ServeLimits {
    fn default() -> Self {
        Self {
            connections: 20_000,
            connections_per_address: 1_000,
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(30),
        }
    }
}
