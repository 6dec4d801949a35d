use std::convert::Infallible;
use std::future::pending;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use tidings::{
    BatchError, Broker, Capacity, Consent, GoodbyeReason, Peer, Publication, PublishError, Receipt,
};
use tidings_http::{EngineCount, Key, Live, Provider, StreamOptions, live_broker};
use tokio::join;
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, sleep};
use tower_http::cors::CorsLayer;

use crate::api::access::{Gate, Ledger, PublishRates};
use crate::api::body::Inbox;
use crate::api::cors;
use crate::api::outbox::Outbox;
use crate::executions::Registry;
use crate::metrics::{Meter, Watch};
use crate::settings::Settings;

/// What the viewers of a hub may hold together, in bytes.
const VIEWER_BYTES: u64 = 128 << 20;

/// Topics for each view that a resource may have: two each, and there are four resources.
const TOPICS_PER_VIEW: usize = 10;

/// How long withdrawals gather before streams are ended.
const GATHERING: Duration = Duration::from_millis(10);

/// What the routes of a namespace share. Each request clones it several times.
#[derive(Clone, Debug)]
pub(crate) struct Hub(Arc<Parts>);

#[derive(Debug)]
pub(crate) struct Parts {
    /// Which namespace this is. `None` is the default one, of those who look after the process: nobody else is told what goes
    /// on in the rest of it.
    pub(super) namespace: Option<Arc<str>>,
    pub(crate) broker: Broker,
    pub(super) executions: Arc<Registry>,
    /// What is counted where it happens.
    pub(super) meter: Meter,
    /// What the hub was seen to do.
    pub(super) watch: Watch,
    /// Held while readiness is being checked.
    pub(super) readiness: Mutex<()>,
    /// Whom the hub tells of its own resources; readers of events are the broker's.
    pub(crate) viewers: Broker,
    /// What is revoked, written down.
    pub(super) ledger: Ledger,
    pub(super) shared: Arc<Shared>,
}

/// What all namespaces share: nothing that is anybody's.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    /// Who is let in.
    pub(super) gate: Gate,
    pub(super) cors: CorsLayer,
    pub(super) inbox: Inbox,
    pub(super) outbox: Outbox,
    /// How fast each identity publishes.
    pub(super) rates: PublishRates,
    /// The threads that write streams.
    pub(super) engines: EngineCount,
    /// Turns true once, when the hub shuts down.
    pub(super) draining: watch::Receiver<bool>,
}

impl Deref for Hub {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Deref for Parts {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.shared
    }
}

impl Shared {
    /// For a hub whose streams are written by these threads.
    ///
    /// # Errors
    ///
    /// Keys that do not go together.
    pub(crate) fn new(
        settings: Settings,
        engines: EngineCount,
        draining: watch::Receiver<bool>,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            gate: Gate::new(&settings.auth)?,
            cors: cors::layer(&settings.allowed_origins),
            inbox: Inbox::default(),
            outbox: Outbox::default(),
            rates: PublishRates::new(settings.limits.publish_rate),
            engines,
            draining,
            settings,
        })
    }
}

impl Hub {
    /// The hub of a namespace, or the default one.
    pub(crate) fn new(
        namespace: Option<Arc<str>>,
        broker: Broker,
        executions: Arc<Registry>,
        ledger: Ledger,
        shared: Arc<Shared>,
    ) -> Self {
        let capacity = Capacity {
            bytes: VIEWER_BYTES,
            topics: TOPICS_PER_VIEW * shared.settings.limits.views,
        };
        let viewers = live_broker()
            .capacity(capacity)
            .max_subscriptions_of(&broker)
            .reconnect_delay(shared.settings.retry)
            .build();
        Self(Arc::new(Parts {
            namespace,
            broker,
            executions,
            meter: Meter::default(),
            watch: Watch::start(shared.settings.metrics_interval),
            readiness: Mutex::default(),
            viewers,
            ledger,
            shared,
        }))
    }

    /// Which namespace this is; `None` is the default one.
    pub(super) fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// Ends all streams: what is left is given to readers for as long as that.
    pub(crate) async fn close(&self, deadline: Duration) {
        join!(self.broker.close(deadline), self.viewers.close(deadline));
    }

    /// How many streams and long polls are open.
    pub(super) fn connections(&self) -> usize {
        self.broker.stats().subscriptions + self.viewers.stats().subscriptions
    }

    /// Whether everybody who reaches it may do everything.
    pub(crate) fn is_open(&self) -> bool {
        self.gate.is_open()
    }

    /// Does what the gate of all namespaces has to do beside letting in, for ever.
    pub(crate) async fn keep_gate(&self) -> Infallible {
        self.gate.keep().await
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
        let start = Instant::now();
        let receipts = self.broker.publish_reserved(&[publication]).await;
        self.meter.published_within(start.elapsed());
        let receipts = receipts.map_err(|error| error.source)?;
        let receipt = receipts.into_iter().next();
        Ok(receipt.expect("one receipt for one publication"))
    }

    /// Ends the streams of those whose consent is withdrawn, for ever.
    pub(super) async fn end_withdrawn(&self) -> Infallible {
        let Some(mut withdrawals) = self.gate.withdrawals() else {
            return pending().await;
        };
        loop {
            withdrawals.borrow_and_update();
            for reason in [GoodbyeReason::Revoked, GoodbyeReason::Disconnected] {
                let is_meant = |peer: &Peer| {
                    let consent = peer.owner.as_ref().and_then(|owner| owner.consent.as_ref());
                    consent.and_then(Consent::withdrawn) == Some(reason)
                };
                for broker in [&self.broker, &self.viewers] {
                    broker.disconnect_where(is_meant, reason);
                }
            }
            // The hub holds what tells of them.
            let _ = withdrawals.changed().await;
            // What is withdrawn at about the same time is one look at all streams.
            sleep(GATHERING).await;
        }
    }

    /// A resource of the hub.
    pub(super) fn live<K: Key, P: Provider<K>>(&self, path: &str, provider: P) -> Live<K> {
        let limits = &self.settings.limits;
        let live = tidings_http::live(path, provider)
            .broker(&self.viewers)
            .stream_options(self.stream_options())
            .max_views(limits.views);
        if self.is_open() {
            // Whoever reaches it may do everything, to the streams of others as well.
            return live;
        }
        live.max_views_per_caller(limits.views_per_caller())
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
        self.stream_options().later()
    }
}
