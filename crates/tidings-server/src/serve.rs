//! `tidings serve`: the hub from its start to its end.

use std::io::{self, IsTerminal};
use std::sync::Arc;

use anyhow::Context;
use futures_util::future::OptionFuture;
use tidings_http::EngineCount;
use tokio::sync::watch;
use tokio::{join, pin, select};
use tracing::{info, warn};
use tracing_subscriber::EnvFilter;

use crate::api::{self, Hub, Namespaces, Shared};
use crate::brokers;
use crate::certificate::Certificate;
use crate::cli::{Exit, ServeArgs, Signals};
use crate::edge::Edge;
use crate::executions::Projection;
use crate::settings::Settings;

/// The variable that says what is logged, in the notation of `tracing-subscriber`.
const LOG_VARIABLE: &str = "TIDINGS_LOG";

/// What is logged unless told otherwise. h2 has a warning for each connection that it gives up on, as many as peers like.
const DEFAULT_FILTER: &str = "info,h2=error";

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
    let certificate = match settings.certificate() {
        Ok(certificate) => certificate,
        Err(problems) => {
            problems.report();
            return Ok(Exit::Usage);
        }
    };
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    let edge = Edge::bind(
        &settings,
        certificate.as_ref().map(Certificate::tls).cloned(),
    )?;

    let keeping = certificate.map(Certificate::keep).transpose();
    let keeping = OptionFuture::from(keeping.context("cannot listen for SIGHUP")?);
    pin!(keeping);

    let drain_time = settings.drain;
    let opening = async {
        let broker = brokers::open(&settings).await?;
        anyhow::Ok((broker, brokers::open_ledger(&settings, None).await?))
    };
    let (broker, (ledger, revoked)) = select! {
        opened = opening => opened?,
        signal = signals.next() => {
            // A log can be left at any moment.
            info!(%signal, "ended before the log was open");
            return Ok(Exit::Success);
        }
    };
    let (drain, draining) = watch::channel(false);
    let engines = EngineCount::default();
    let shared = Arc::new(Shared::new(settings, engines.clone(), draining.clone())?);
    shared.recall(revoked, None)?;
    let room = brokers::room_for_executions(&shared.settings);
    let (executions, projection) = Projection::new(broker.clone(), room);
    let hub = Hub::new(None, broker, executions, ledger, shared);
    let projecting = tokio::spawn(projection.run());
    let namespaces = Arc::new(Namespaces::new(hub.clone()));
    edge.announce(hub.is_open());
    let serving = edge.serve(&hub, &namespaces, engines, draining);
    pin!(serving);

    let signal = select! {
        signal = signals.next() => signal,
        _ = &mut serving => return Ok(Exit::Success),
        never = api::keep(&hub) => match never {},
        never = hub.keep_gate() => match never {},
        Some(never) = &mut keeping => match never {},
    };
    info!(%signal, "shutting down");
    drain.send_replace(true);
    select! {
        (_, _, cut) = async { join!(hub.close(drain_time), namespaces.close(drain_time), serving) } => {
            // What it follows is closed; a disk that hangs must not keep it.
            projecting.abort();
            // It has ended, or been told to.
            let _ = projecting.await;
            info!(connections_cut = cut, "shut down");
            Ok(Exit::Success)
        }
        signal = signals.next() => {
            warn!(%signal, "ended without draining");
            // What a shell says of a process that a signal ended.
            Ok(Exit::Of(128_u8.saturating_add(u8::try_from(signal as i32).unwrap_or(0))))
        }
    }
}

fn start_log() -> anyhow::Result<()> {
    let filter = match std::env::var(LOG_VARIABLE) {
        Ok(filter) => EnvFilter::try_new(filter)
            .with_context(|| format!("{LOG_VARIABLE} is not a log filter"))?,
        Err(_) => EnvFilter::new(DEFAULT_FILTER),
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
