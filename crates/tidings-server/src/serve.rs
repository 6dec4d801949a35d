//! `tidings serve`: the hub from its start to its end.

use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use tidings_http::{EngineCount, ServeLimits, Server};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio::{join, pin, select};
use tracing::{info, warn};
use tracing_subscriber::EnvFilter;

use crate::api::{self, Hub, Namespaces, Shared};
use crate::brokers;
use crate::cli::{Exit, ServeArgs, Signals, notice};
use crate::executions::Projection;
use crate::settings::Settings;

/// The variable that says what is logged, in the notation of `tracing-subscriber`.
const LOG_VARIABLE: &str = "TIDINGS_LOG";

/// Connections that a hub takes whatever its limit of streams is, so that it can tell.
const LEAST_CONNECTIONS: usize = 1_000;

/// Connections that the system accepts before we do, up to its own limit (`net.core.somaxconn`): beyond that it leaves
/// peers to try again after a second, and after a restart all readers come back at once.
const BACKLOG: u32 = 65_535;

/// Serves until a signal says to stop, then drains. A second signal ends it at once.
pub(crate) async fn serve(args: ServeArgs) -> anyhow::Result<Exit> {
    let settings = match Settings::load(&args) {
        Ok(settings) => settings,
        Err(problems) => {
            problems.report();
            return Ok(Exit::Usage);
        }
    };
    start_log()?;
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    let listener = listen(settings.listen);
    let listener = listener.with_context(|| format!("cannot listen on {}", settings.listen))?;
    let address = listener.local_addr().context("cannot tell the address")?;

    let drain_time = settings.drain;
    let limits = serve_limits(&settings);
    let stream_threads = settings.stream_threads;
    let broker = select! {
        opened = brokers::open(&settings) => opened?,
        signal = signals.next() => {
            // A log can be left at any moment.
            info!(%signal, "ended before the log was open");
            return Ok(Exit::Success);
        }
    };
    let (drain, draining) = watch::channel(false);
    let engines = EngineCount::default();
    let shared = Shared::new(settings, address, engines.clone(), draining.clone())?;
    let (executions, projection) = Projection::new(broker.clone());
    let hub = Hub::new(broker, executions, Arc::new(shared));
    hub.recall_revocations(None).await?;
    let projecting = tokio::spawn(projection.run());
    let namespaces = Arc::new(Namespaces::new(hub.clone()));
    let mut shutdown = draining;
    let serving = Server::new(api::router(&hub, namespaces.clone()))
        .engine_threads(stream_threads)
        .engines_counted_by(engines)
        .events_past_layers()
        .limits(limits)
        .run(listener, async move {
            // A hub whose owner is gone has nothing to wait for either.
            let _ = shutdown.wait_for(|is_draining| *is_draining).await;
        });
    pin!(serving);
    if !address.ip().is_loopback() && hub.is_open() {
        warn!(%address, "everybody who can reach the address can read and publish");
    }
    notice(format_args!("listening on http://{address}"));

    let signal = select! {
        signal = signals.next() => signal,
        _ = &mut serving => return Ok(Exit::Success),
        never = api::keep(&hub) => match never {},
        never = hub.refresh_keys() => match never {},
    };
    info!(%signal, "shutting down");
    drain.send_replace(true);
    select! {
        (_, _, drained) = async { join!(hub.close(drain_time), namespaces.close(drain_time), serving) } => {
            // What it follows is closed; a disk that hangs must not keep it.
            projecting.abort();
            // It has ended, or been told to.
            let _ = projecting.await;
            info!(connections_cut = drained.cut, "shut down");
            Ok(Exit::Success)
        }
        signal = signals.next() => {
            warn!(%signal, "ended without draining");
            // What a shell says of a process that a signal ended.
            Ok(Exit::Of(128_u8.saturating_add(u8::try_from(signal as i32).unwrap_or(0))))
        }
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

fn start_log() -> anyhow::Result<()> {
    let filter = match std::env::var(LOG_VARIABLE) {
        Ok(filter) => EnvFilter::try_new(filter)
            .with_context(|| format!("{LOG_VARIABLE} is not a log filter"))?,
        Err(_) => EnvFilter::new("info"),
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        // They would be printed to stderr, and that panics once stderr is closed.
        .log_internal_errors(false)
        .init();
    Ok(())
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
