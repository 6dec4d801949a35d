//! Proxies in front of a server, and what they say of those behind them.

mod forwarded;
mod network;
mod preamble;

use std::net::IpAddr;
use std::sync::Arc;

pub use self::network::{Network, NetworkError};

pub(super) use self::forwarded::{Claim, claim};
pub(super) use self::preamble::read as read_preamble;

/// The proxies in front of a server, whose word on where connections and requests come from is taken.
///
/// A request from one of them is from the client that `Forwarded` (RFC 7239) or `X-Forwarded-For` names: the last address in
/// it that is not itself that of a trusted proxy. That client is what handlers find as
/// [`ConnectInfo`](axum::extract::ConnectInfo), with port 0 if the proxy does not tell it, and what the cap for one
/// address counts, by the requests in flight. If the header cannot be read, or the two name different clients, the request is
/// from the proxy. How the client has reached the proxy is told by an [`Arrival`](super::Arrival). What anybody else sends in
/// these fields is ignored.
///
/// The proxy must set one of the fields itself or add to it, or clients could name any address they like.
///
/// ```
/// use tidings_http::TrustedProxies;
///
/// # fn main() -> Result<(), tidings_http::NetworkError> {
/// let proxies = TrustedProxies::new(["127.0.0.1".parse()?, "10.0.0.0/8".parse()?]);
/// # let _ = proxies;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies {
    networks: Arc<[Network]>,
    have_preamble: bool,
}

impl TrustedProxies {
    /// The proxies with an address in one of these networks.
    pub fn new(networks: impl IntoIterator<Item = Network>) -> Self {
        Self {
            networks: networks.into_iter().collect(),
            have_preamble: false,
        }
    }

    /// Expects them to begin every connection with the [PROXY protocol], version 1 or 2. A connection of theirs that does not
    /// is closed without an answer, as is one whose preamble has not come after 5 s.
    ///
    /// Header fields then count only if the preamble names another of these proxies.
    ///
    /// [PROXY protocol]: https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt
    #[must_use]
    pub fn with_proxy_protocol(mut self) -> Self {
        self.have_preamble = true;
        self
    }

    /// Whether the address is that of a trusted proxy.
    pub(super) fn trusts(&self, address: IpAddr) -> bool {
        self.networks
            .iter()
            .any(|network| network.contains(address))
    }

    /// Whether a connection from a trusted proxy begins with a preamble.
    pub(super) fn have_preamble(&self) -> bool {
        self.have_preamble
    }
}
