//! Where the hub listens, for whom, and what it speaks there.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use tidings_http::{EngineCount, ServeLimits, Server, Tls, TrustedProxies};
use tokio::join;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tracing::warn;

use crate::api::{Audience, Entrance, Hub, Namespaces};
use crate::cli::notice;
use crate::settings::Settings;

/// Connections that a hub takes whatever its limit of streams is, so that it can tell.
const LEAST_CONNECTIONS: usize = 1_000;

/// Connections that the system accepts before we do, up to its own limit (`net.core.somaxconn`): beyond that it leaves
/// peers to try again after a second, and after a restart all readers come back at once.
const BACKLOG: u32 = 65_535;

/// The listeners of a hub.
#[derive(Debug)]
pub(crate) struct Edge {
    public: Listening,
    admin: Option<Listening>,
    certificate: Option<Tls>,
    proxies: TrustedProxies,
    proxy_protocol: bool,
    limits: ServeLimits,
    stream_threads: usize,
}

#[derive(Debug)]
struct Listening {
    listener: TcpListener,
    address: SocketAddr,
}

impl Edge {
    /// Takes the ports.
    pub(crate) fn bind(settings: &Settings, certificate: Option<Tls>) -> anyhow::Result<Self> {
        Ok(Self {
            public: Listening::at(settings.listen)?,
            admin: settings.admin_listen.map(Listening::at).transpose()?,
            certificate,
            proxies: TrustedProxies::new(settings.trusted_proxies.iter().copied()),
            proxy_protocol: settings.proxy_protocol,
            limits: serve_limits(settings),
            stream_threads: settings.stream_threads,
        })
    }

    /// Tells where publishers and readers come, and where administrators do.
    pub(crate) fn announce(&self, is_open: bool) {
        let address = self.public.address;
        if is_open && !address.ip().is_loopback() {
            warn!(%address, "everybody who can reach the address can read and publish");
        }
        let url = url(address, self.certificate.as_ref());
        notice(format_args!("listening on {url}"));
        if let Some(Listening { address, .. }) = &self.admin {
            let address = *address;
            let url = self::url(address, self.admin_certificate(address));
            notice(format_args!("administered on {url}"));
        }
    }

    /// Serves until the hub drains and nobody is left, or as long as the settings allow. Gives how many connections were cut.
    /// The threads that write streams are counted.
    pub(crate) async fn serve(
        self,
        hub: &Hub,
        namespaces: &Arc<Namespaces>,
        engines: EngineCount,
        draining: watch::Receiver<bool>,
    ) -> usize {
        let (audience, admin) = match &self.admin {
            None => (Audience::Administrators, None),
            Some(Listening { address, .. }) => {
                let admin = Entrance::new(hub, namespaces, *address, Audience::Administrators);
                // The few streams of administrators need no threads.
                let admin = Server::new(admin.router()).engine_threads(0);
                let admin = self.equip(admin, self.admin_certificate(*address));
                let proxies = self.proxies.clone();
                (Audience::Everybody, Some(admin.trusted_proxies(proxies)))
            }
        };
        let public = Entrance::new(hub, namespaces, self.public.address, audience);
        let public = Server::new(public.router())
            .engine_threads(self.stream_threads)
            .engines_counted_by(engines)
            .events_past_layers();
        let proxies = match self.proxy_protocol {
            true => self.proxies.clone().with_proxy_protocol(),
            false => self.proxies.clone(),
        };
        let public = self
            .equip(public, self.certificate.as_ref())
            .trusted_proxies(proxies);

        let serving = public.run(self.public.listener, told(draining.clone()));
        let administering = async {
            match admin.zip(self.admin) {
                Some((server, Listening { listener, .. })) => {
                    server.run(listener, told(draining)).await.cut
                }
                None => 0,
            }
        };
        let (served, cut) = join!(serving, administering);
        served.cut + cut
    }

    fn equip(&self, server: Server, certificate: Option<&Tls>) -> Server {
        let server = server.limits(self.limits.clone());
        match certificate {
            Some(certificate) => server.tls(certificate.clone()),
            None => server,
        }
    }

    /// The certificate is for a name by which nobody calls a loopback address, and nobody listens there.
    fn admin_certificate(&self, address: SocketAddr) -> Option<&Tls> {
        self.certificate
            .as_ref()
            .filter(|_| !address.ip().is_loopback())
    }
}

impl Listening {
    fn at(address: SocketAddr) -> anyhow::Result<Self> {
        let listener = listen(address).with_context(|| format!("cannot listen on {address}"))?;
        let address = listener.local_addr().context("cannot tell the address")?;
        Ok(Self { listener, address })
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    // A port whose last connections are still being closed can be used again.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn serve_limits(settings: &Settings) -> ServeLimits {
    let mut limits = ServeLimits::default();
    // Beside each stream there may be a request.
    let connections = settings.limits.connections.saturating_mul(2);
    limits.connections = connections.max(LEAST_CONNECTIONS);
    limits.connections_per_address = settings.limits.connections_per_address;
    limits.drain_timeout = settings.drain;
    limits
}

fn url(address: SocketAddr, certificate: Option<&Tls>) -> String {
    let scheme = certificate.map_or("http", |_| "https");
    format!("{scheme}://{address}")
}

/// Returns once the hub shuts down.
async fn told(mut draining: watch::Receiver<bool>) {
    // A hub whose owner is gone has nothing to wait for either.
    let _ = draining.wait_for(|is_draining| *is_draining).await;
}
