//! What the gate has to do beside letting in.

use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

use tokio::select;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::api::access::gate::Gate;
use crate::wall_clock::now;

/// How often it is looked whether a set of keys is due.
const REFRESH: Duration = Duration::from_secs(5);

impl Gate {
    /// Does what has to be done about keys and consents beside letting in, for ever.
    pub(crate) async fn keep(&self) -> Infallible {
        select! {
            never = self.refresh_keys() => never,
            never = self.keep_consents() => never,
        }
    }

    /// Has the sets of keys fetched that are due, for ever.
    async fn refresh_keys(&self) -> Infallible {
        let Some(means) = &self.means else {
            return pending().await;
        };
        let mut ticks = interval(REFRESH);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            means.verifier.refresh(now()).await;
        }
    }

    /// Tells when streams may have to end whose consent is withdrawn; `None` if there is no such thing.
    pub(crate) fn withdrawals(&self) -> Option<watch::Receiver<()>> {
        Some(self.consents()?.withdrawals())
    }

    /// Has the application asked again about those who are here, for ever.
    async fn keep_consents(&self) -> Infallible {
        match self.consents() {
            Some(consents) => consents.keep().await,
            None => pending().await,
        }
    }
}
