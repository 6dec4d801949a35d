//! Namespaces: hubs within the hub, of which none knows of another.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use futures_util::future::join_all;
use tidings_http::Problem;
use tokio::select;
use tokio::sync::OnceCell;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval};
use tracing::{error, info};

use crate::api::Kind;
use crate::api::behind_the_gate;
use crate::api::dashboard;
use crate::api::entrance::Audience;
use crate::api::hub::Hub;
use crate::api::problems;
use crate::brokers;
use crate::executions::Projection;

/// How often what has become too old is given back.
const EXPIRY: Duration = Duration::from_secs(1);

/// The namespaces that somebody has come to. Each has a log, a sequence, executions and dashboards of its own, and is
/// opened for the first who comes.
#[derive(Debug)]
pub(crate) struct Namespaces {
    /// The hub of those who have no namespace.
    main: Hub,
    /// By name. A cell is empty while its log is being opened.
    all: Mutex<HashMap<Arc<str>, Arc<OnceCell<Namespace>>>>,
}

#[derive(Debug)]
struct Namespace {
    hub: Hub,
    for_everybody: Router,
    for_administrators: Router,
    /// What it does beside answering.
    keeping: AbortHandle,
    /// Everything that runs for it. It ends when this is dropped.
    _tasks: JoinSet<()>,
}

impl Namespaces {
    pub(crate) fn new(main: Hub) -> Self {
        Self {
            main,
            all: Mutex::default(),
        }
    }

    /// The routes of a namespace for an audience, which is opened if nobody has come to it yet.
    ///
    /// # Errors
    ///
    /// 429 if there are as many as allowed, 503 if its log cannot be opened.
    pub(super) async fn routes(
        &self,
        name: &Arc<str>,
        audience: Audience,
    ) -> Result<Router, Problem> {
        let cell = self.cell(name)?;
        let open = || Namespace::open(&self.main, name);
        let opened = cell.get_or_try_init(open).await;
        let namespace = opened.map_err(|failed| {
            error!(namespace = %name, "cannot open the log: {failed:#}");
            let detail = "the log of the namespace cannot be opened";
            let problem = Kind::StoreFailed.because(detail);
            problem.retry_after(self.main.later())
        })?;
        Ok(match audience {
            Audience::Everybody => namespace.for_everybody.clone(),
            Audience::Administrators => namespace.for_administrators.clone(),
        })
    }

    fn cell(&self, name: &Arc<str>) -> Result<Arc<OnceCell<Namespace>>, Problem> {
        if self.main.is_draining() {
            return Err(problems::draining(&self.main));
        }
        let mut all = self.all();
        if let Some(cell) = all.get(name) {
            return Ok(cell.clone());
        }
        let most = self.main.settings.limits.namespaces;
        // Those that could not be opened count for nothing.
        all.retain(|_, cell| cell.initialized() || Arc::strong_count(cell) > 1);
        if all.len() >= most {
            let detail = "limits.namespaces: there are as many as allowed";
            let problem = Kind::TooManyNamespaces.because(detail);
            return Err(problem.retry_after(self.main.later()));
        }
        Ok(all.entry(name.clone()).or_default().clone())
    }

    /// Closes all of them: what is left is given to readers for as long as that.
    pub(crate) async fn close(&self, deadline: Duration) {
        let all: Vec<_> = self.all().values().cloned().collect();
        let closing = all
            .iter()
            .filter_map(|cell| cell.get())
            .map(async |namespace| {
                namespace.keeping.abort();
                namespace.hub.close(deadline).await;
            });
        join_all(closing).await;
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Arc<str>, Arc<OnceCell<Namespace>>>> {
        // Nothing that could panic is done under it.
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Namespace {
    async fn open(main: &Hub, name: &Arc<str>) -> anyhow::Result<Self> {
        let broker = brokers::open_namespace(&main.settings, &main.broker, name).await?;
        let room = brokers::room_for_executions(&main.settings);
        let (executions, projection) = Projection::new(broker.clone(), room);
        let (ledger, revoked) = brokers::open_ledger(&main.settings, Some(name)).await?;
        main.shared.recall(revoked, Some(name))?;
        let shared = main.shared.clone();
        let hub = Hub::new(Some(name.clone()), broker, executions, ledger, shared);
        let mut tasks = JoinSet::new();
        tasks.spawn(projection.run());
        let kept = hub.clone();
        let keeping = tasks.spawn(async move { match keep(&kept).await {} });
        info!(namespace = %name, "opened a namespace");
        let routes = |audience| behind_the_gate(&hub, audience).with_state(hub.clone());
        Ok(Self {
            for_everybody: routes(Audience::Everybody),
            for_administrators: routes(Audience::Administrators),
            hub,
            keeping,
            _tasks: tasks,
        })
    }
}

/// What every hub does beside answering: forgetting what is too old, ending streams whose time is over or whose consent is
/// withdrawn, and telling dashboards.
pub(crate) async fn keep(hub: &Hub) -> Infallible {
    select! {
        never = forget(hub) => never,
        never = hub.broker.end_expired() => never,
        never = hub.viewers.end_expired() => never,
        never = hub.end_withdrawn() => never,
        never = dashboard::feed(hub.clone()) => never,
    }
}

/// A hub on which nothing happens still forgets what is too old.
async fn forget(hub: &Hub) -> Infallible {
    let mut ticks = interval(EXPIRY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        hub.broker.expire();
    }
}
