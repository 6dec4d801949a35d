use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use tidings::Broker;
use tidings_http::StreamOptions;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, watch};
use tower_http::cors::CorsLayer;

use crate::api::access::Access;
use crate::api::body::Inbox;
use crate::api::cors;
use crate::api::outbox::Outbox;
use crate::settings::Settings;

/// What all routes share. Each request clones it several times.
#[derive(Clone, Debug)]
pub(crate) struct Hub(Arc<Parts>);

#[derive(Debug)]
pub(crate) struct Parts {
    pub(super) broker: Broker,
    pub(super) settings: Settings,
    pub(super) access: Access,
    pub(super) cors: CorsLayer,
    pub(super) inbox: Inbox,
    pub(super) outbox: Outbox,
    /// Held while readiness is being checked.
    pub(super) readiness: Mutex<()>,
    /// Turns true once, when the hub shuts down.
    pub(super) draining: watch::Receiver<bool>,
    /// One permit for each live twin; streams of events are counted by the broker.
    twins: Arc<Semaphore>,
}

impl Deref for Hub {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Hub {
    /// A hub that listens on `address`.
    pub(crate) fn new(
        broker: Broker,
        settings: Settings,
        address: SocketAddr,
        draining: watch::Receiver<bool>,
    ) -> Self {
        Self(Arc::new(Parts {
            broker,
            access: Access::new(&settings, address),
            cors: cors::layer(&settings.allowed_origins),
            inbox: Inbox::default(),
            outbox: Outbox::default(),
            readiness: Mutex::default(),
            draining,
            twins: Arc::new(Semaphore::new(settings.limits.connections)),
            settings,
        }))
    }

    pub(super) fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }

    /// Room for one more live twin.
    pub(super) fn twin_seat(&self) -> Option<OwnedSemaphorePermit> {
        self.twins.clone().try_acquire_owned().ok()
    }

    pub(super) fn stream_options(&self) -> StreamOptions {
        StreamOptions {
            keep_alive: self.settings.keep_alive,
            retry: self.settings.retry,
            ..StreamOptions::default()
        }
    }

    /// When somebody who is sent away is to come back: later than usual, and not all at once.
    pub(super) fn later(&self) -> Duration {
        self.settings.retry.mul_f64(1.0 + 2.0 * fastrand::f64())
    }
}
