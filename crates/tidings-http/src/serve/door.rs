//! Where accepted connections are let in or refused.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::field::Empty;
use tracing::{Instrument, debug, debug_span};

use super::admission::Admission;
use super::connection::{Connection, Ending, Stay};
use super::engine::EngineDoor;
use super::house::House;
use super::phase::Phases;

/// Turns accepted sockets into tasks.
pub(super) struct Door {
    house: Arc<House>,
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
    pub(super) fn new(house: Arc<House>, phases: Phases, engines: Option<EngineDoor>) -> Self {
        Self {
            house,
            refusing: Admission::new(REFUSED_AT_ONE_TIME, REFUSED_AT_ONE_TIME),
            phases,
            engines,
        }
    }

    /// Starts the task that owns the connection from here on.
    pub(super) fn open(&self, tasks: &mut JoinSet<Ending>, stream: TcpStream, peer: SocketAddr) {
        let span = debug_span!("connection", remote = %peer, client = Empty);
        let connection = |stay, permit| Connection {
            house: Arc::clone(&self.house),
            stay,
            phases: self.phases.clone(),
            permit,
            engines: self.engines.clone(),
        };
        let admission = &self.house.admission;
        let admitted = if self.house.proxies.trusts(peer.ip()) {
            admission.admit_proxy()
        } else {
            admission.admit(peer.ip())
        };
        if let Some(permit) = admitted {
            let served = connection(Stay::Open, permit).run(stream, peer);
            tasks.spawn(served.instrument(span));
        } else if let Some(permit) = self.refusing.admit(peer.ip()) {
            debug!(parent: &span, "refused: too many connections");
            let refused = connection(Stay::Refused, permit).run(stream, peer);
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
