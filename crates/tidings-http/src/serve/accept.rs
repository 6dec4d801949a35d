//! Taking connections from the listener, whatever the operating system answers.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep_until};
use tracing::{debug, info, warn};

use super::tuning::{is_tuned, tune};

/// A listener that outlives every failure to accept.
pub(super) struct Acceptor {
    listener: TcpListener,
    write_timeout: Duration,
    /// Set while the last accept failed for want of a resource: what to wait for.
    backoff: Option<Backoff>,
}

struct Backoff {
    delay: Duration,
    until: Instant,
}

/// The first wait after a failure, and the longest one.
const SHORTEST_BACKOFF: Duration = Duration::from_millis(50);
const LONGEST_BACKOFF: Duration = Duration::from_secs(1);

impl Acceptor {
    pub(super) fn new(listener: TcpListener, write_timeout: Duration) -> Self {
        if let Err(error) = tune(&listener, write_timeout) {
            debug!(%error, "socket options of the listener not set");
        }
        Self {
            listener,
            write_timeout,
            backoff: None,
        }
    }

    /// The next connection. May be dropped and called again: no connection and no wait is lost.
    pub(super) async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            if let Some(backoff) = &self.backoff {
                sleep_until(backoff.until).await;
            }
            match self.listener.accept().await {
                Ok(accepted) => {
                    if self.backoff.take().is_some() {
                        info!("accepting connections again");
                    }
                    // A connection that came before the listener had them, or on a system where they are not inherited.
                    if !is_tuned(&accepted.0)
                        && let Err(error) = tune(&accepted.0, self.write_timeout)
                    {
                        // The peer has reset the connection already; the first read will say so.
                        debug!(%error, "socket options not set");
                    }
                    let (stream, peer) = accepted;
                    return (stream, canonical(peer));
                }
                // The peer of this one connection has gone; the next may be fine.
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => self.back_off(&error),
            }
        }
    }

    /// Waits longer after each failure, and says so once an episode: out of file descriptors or
    /// memory, an immediate retry would fail again and take a whole core to do it.
    fn back_off(&mut self, error: &io::Error) {
        let delay = match &self.backoff {
            Some(last) => (last.delay * 2).min(LONGEST_BACKOFF),
            None => {
                warn!(%error, "cannot accept connections");
                SHORTEST_BACKOFF
            }
        };
        self.backoff = Some(Backoff {
            delay,
            until: Instant::now() + delay,
        });
    }
}

/// A listener for IPv6 that takes IPv4 as well tells an address of the latter as one of the former.
fn canonical(peer: SocketAddr) -> SocketAddr {
    match peer.ip().to_canonical() {
        address @ IpAddr::V4(_) => SocketAddr::new(address, peer.port()),
        IpAddr::V6(_) => peer,
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}
