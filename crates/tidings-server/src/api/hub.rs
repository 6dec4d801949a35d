use std::net::SocketAddr;
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

/// What all routes share. Cloning is cheap.
#[derive(Clone, Debug)]
pub(crate) struct Hub {
    pub(super) broker: Broker,
    pub(super) settings: Arc<Settings>,
    pub(super) access: Arc<Access>,
    pub(super) cors: CorsLayer,
    pub(super) inbox: Inbox,
    pub(super) outbox: Outbox,
    /// Held while readiness is being checked.
    pub(super) readiness: Arc<Mutex<()>>,
    /// Turns true once, when the hub shuts down.
    pub(super) draining: watch::Receiver<bool>,
    /// One permit for each live twin; streams of events are counted by the broker.
    twins: Arc<Semaphore>,
}

impl Hub {
    /// A hub that listens on `address`.
    pub(crate) fn new(
        broker: Broker,
        settings: Settings,
        address: SocketAddr,
        draining: watch::Receiver<bool>,
    ) -> Self {
        Self {
            broker,
            access: Arc::new(Access::new(&settings, address)),
            cors: cors::layer(&settings.allowed_origins),
            inbox: Inbox::default(),
            outbox: Outbox::default(),
            readiness: Arc::default(),
            draining,
            twins: Arc::new(Semaphore::new(settings.limits.connections)),
            settings: Arc::new(settings),
        }
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
