//! Where accepted connections are let in or refused.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{Instrument, debug, debug_span};

use super::admission::Admission;
use super::connection::{Connection, Ending, Stay};
use super::engine::EngineDoor;
use super::phase::Phases;
use super::{ServeLimits, refusal};

/// Turns accepted sockets into tasks.
pub(super) struct Door {
    router: Router,
    refusals: Router,
    limits: Arc<ServeLimits>,
    admission: Arc<Admission>,
    /// Room for the connections that are held just long enough to be refused.
    refusing: Arc<Admission>,
    phases: Phases,
    engines: Option<EngineDoor>,
}

/// Connections over a cap that are answered at one time; beyond it they are closed unanswered.
const REFUSED_AT_ONE_TIME: usize = 256;

/// Time in which a connection over a cap has sent its request and taken its refusal.
const REFUSAL_TIME: Duration = Duration::from_secs(5);

impl Door {
    pub(super) fn new(
        router: Router,
        limits: ServeLimits,
        phases: Phases,
        engines: Option<EngineDoor>,
    ) -> Self {
        Self {
            router,
            refusals: refusal::router(),
            admission: Admission::new(limits.connections, limits.connections_per_address),
            refusing: Admission::new(REFUSED_AT_ONE_TIME, REFUSED_AT_ONE_TIME),
            limits: Arc::new(limits),
            phases,
            engines,
        }
    }

    /// Starts the task that owns the connection from here on.
    pub(super) fn open(&self, tasks: &mut JoinSet<Ending>, stream: TcpStream, remote: SocketAddr) {
        let span = debug_span!("connection", %remote);
        let connection = |router: &Router, stay, permit| Connection {
            router: router.clone(),
            limits: Arc::clone(&self.limits),
            stay,
            phases: self.phases.clone(),
            permit,
            engines: self.engines.clone(),
        };
        if let Some(permit) = self.admission.admit(remote.ip()) {
            let served = connection(&self.router, Stay::Open, permit).run(stream, remote);
            tasks.spawn(served.instrument(span));
        } else if let Some(permit) = self.refusing.admit(remote.ip()) {
            debug!(parent: &span, "refused: too many connections");
            let refused = connection(&self.refusals, Stay::OneRequest, permit).run(stream, remote);
            let refused = async {
                timeout(REFUSAL_TIME, refused)
                    .await
                    .unwrap_or(Ending::Closed)
            };
            tasks.spawn(refused.instrument(span));
        } else {
            debug!(parent: &span, "closed: too many connections to refuse");
        }
    }
}
