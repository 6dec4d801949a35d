use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use tidings::{BatchError, Broker, Publication, PublishError, Receipt};
use tidings_http::{EngineCount, Key, Live, Provider, StreamOptions, live_broker};
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;
use tower_http::cors::CorsLayer;

use crate::api::access::Access;
use crate::api::body::Inbox;
use crate::api::cors;
use crate::api::outbox::Outbox;
use crate::executions::Registry;
use crate::metrics::{Meter, Watch};
use crate::settings::Settings;

/// The most distinct streams of one resource. Each keeps its answer, which may be some megabytes.
const MAX_VIEWS: usize = 100;

/// What all routes share. Each request clones it several times.
#[derive(Clone, Debug)]
pub(crate) struct Hub(Arc<Parts>);

#[derive(Debug)]
pub(crate) struct Parts {
    pub(super) broker: Broker,
    pub(super) executions: Arc<Registry>,
    pub(super) settings: Settings,
    pub(super) access: Access,
    pub(super) cors: CorsLayer,
    pub(super) inbox: Inbox,
    pub(super) outbox: Outbox,
    /// What is counted where it happens.
    pub(super) meter: Meter,
    /// What the hub was seen to do.
    pub(super) watch: Watch,
    /// The threads that write streams.
    pub(super) engines: EngineCount,
    /// Held while readiness is being checked.
    pub(super) readiness: Mutex<()>,
    /// Turns true once, when the hub shuts down.
    pub(super) draining: watch::Receiver<bool>,
    /// Whom the hub tells of its own resources; readers of events are the broker's.
    pub(crate) viewers: Broker,
}

impl Deref for Hub {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Hub {
    /// A hub that listens on `address`, and whose streams are written by these threads.
    pub(crate) fn new(
        broker: Broker,
        executions: Arc<Registry>,
        settings: Settings,
        address: SocketAddr,
        engines: EngineCount,
        draining: watch::Receiver<bool>,
    ) -> Self {
        let viewers = live_broker()
            .max_subscriptions_of(&broker)
            .reconnect_delay(settings.retry)
            .build();
        Self(Arc::new(Parts {
            broker,
            executions,
            access: Access::new(&settings, address),
            cors: cors::layer(&settings.allowed_origins),
            inbox: Inbox::default(),
            outbox: Outbox::default(),
            meter: Meter::default(),
            watch: Watch::start(settings.metrics_interval),
            engines,
            readiness: Mutex::default(),
            draining,
            viewers,
            settings,
        }))
    }

    /// How many streams and long polls are open.
    pub(super) fn connections(&self) -> usize {
        self.broker.stats().subscriptions + self.viewers.stats().subscriptions
    }

    pub(super) fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }

    /// Publishes a batch, and takes note of how long that takes.
    pub(super) async fn publish(&self, batch: &[Publication]) -> Result<Vec<Receipt>, BatchError> {
        let start = Instant::now();
        let receipts = self.broker.publish_batch(batch).await;
        self.meter.published_within(start.elapsed());
        receipts
    }

    /// The same for an event from outside on a topic of the hub's own: what holds for others holds for it.
    pub(super) async fn publish_reserved(
        &self,
        publication: Publication,
    ) -> Result<Receipt, PublishError> {
        let event = &publication.event;
        if event.name().starts_with("tidings.") {
            return Err(PublishError::ReservedName);
        }
        let limit = self.settings.limits.event_size;
        if event.data().len() > limit {
            return Err(PublishError::TooLarge { limit });
        }
        let start = Instant::now();
        let receipts = self.broker.publish_own(&[publication]).await;
        self.meter.published_within(start.elapsed());
        let receipts = receipts.map_err(|error| error.source)?;
        let receipt = receipts.into_iter().next();
        Ok(receipt.expect("one receipt for one publication"))
    }

    /// A resource of the hub.
    pub(super) fn live<K: Key, P: Provider<K>>(&self, path: &str, provider: P) -> Live<K> {
        tidings_http::live(path, provider)
            .broker(&self.viewers)
            .stream_options(self.stream_options())
            .max_views(MAX_VIEWS)
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
