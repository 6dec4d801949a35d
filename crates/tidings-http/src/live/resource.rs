//! A live resource as its routes see it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::SelectAll;
use http::StatusCode;
use tidings::{Broker, EventName};

use super::desk::{Desk, Names};
use super::evaluate::guarded;
use super::evaluator::{Evaluator, Items, Whole};
use super::provider::{Key, ListProvider, Provider};
use super::refreshes::{Source, notifications};
use super::shares::Caller;
use super::tale::{ListTale, Tale, ValueTale};
use super::view::{Asked, Left, Progress, View};
use super::views::{Lease, MostViews, NoRoom, Vacancy, Views};
use crate::{Problem, StreamOptions};

/// Everything about a resource.
pub(super) struct Resource<K> {
    pub(super) path: String,
    pub(super) kind: Box<dyn Kind<K>>,
    pub(super) settings: Settings,
    pub(super) names: Arc<Names>,
    pub(super) broker: Broker,
    pub(super) views: Arc<Views<K>>,
}

/// How a resource is run.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) pace: Duration,
    pub(super) within: Duration,
    pub(super) most_views: MostViews,
    pub(super) options: StreamOptions,
    pub(super) sources: Vec<Source>,
    /// Whether it may change without a word.
    pub(super) drifts: bool,
}

/// How long a list that nobody looks at remembers what it has told: somebody who is cut off returns sooner.
const RESTS: Duration = Duration::from_secs(60);

/// What a resource is: a value or a list.
pub(super) trait Kind<K>: Send + Sync {
    /// The JSON of its snapshot.
    fn snapshot(
        &self,
        key: K,
        within: Duration,
        names: &Names,
    ) -> BoxFuture<'static, Result<Arc<str>, Problem>>;

    /// What makes up a view of it.
    fn view(&self, key: K, within: Duration, broker: &Broker, names: &Arc<Names>) -> Parts;
}

/// What makes up a view.
pub(super) struct Parts {
    desk: Desk,
    evaluator: Box<dyn Evaluator>,
    tale: Box<dyn Tale>,
}

/// A value.
pub(super) struct Value<P>(pub(super) P);

/// A list of items, whose events have this name.
pub(super) struct List<P, C> {
    pub(super) provider: P,
    pub(super) item: EventName,
    pub(super) cursor: std::marker::PhantomData<fn() -> C>,
}

impl<K: Key, P: Provider<K>> Kind<K> for Value<P> {
    fn snapshot(
        &self,
        key: K,
        within: Duration,
        _: &Names,
    ) -> BoxFuture<'static, Result<Arc<str>, Problem>> {
        let provider = self.0.clone();
        let whole = Whole {
            provider,
            key,
            within,
        };
        Box::pin(async move { Ok(whole.find().await?.json) })
    }

    fn view(&self, key: K, within: Duration, broker: &Broker, names: &Arc<Names>) -> Parts {
        let provider = self.0.clone();
        Parts {
            desk: Desk::of_value(broker, names),
            evaluator: Box::new(Whole {
                provider,
                key,
                within,
            }),
            tale: Box::new(ValueTale::default()),
        }
    }
}

impl<P, C> List<P, C> {
    fn items<K>(&self, key: K, within: Duration, names: &Names) -> Items<K, P, C>
    where
        P: Clone,
    {
        Items {
            provider: self.provider.clone(),
            key,
            within,
            name: names.resource.as_str().into(),
            cursor: None,
        }
    }
}

impl<K, P, C> Kind<K> for List<P, C>
where
    K: Key,
    C: Ord + Clone + Send + Sync + 'static,
    P: ListProvider<K, C>,
{
    fn snapshot(
        &self,
        key: K,
        within: Duration,
        names: &Names,
    ) -> BoxFuture<'static, Result<Arc<str>, Problem>> {
        let items = self.items(key, within, names);
        Box::pin(async move { Ok(guarded(items.find()).await?.0.json) })
    }

    fn view(&self, key: K, within: Duration, broker: &Broker, names: &Arc<Names>) -> Parts {
        Parts {
            desk: Desk::of_list(broker, names),
            evaluator: Box::new(self.items(key, within, names)),
            tale: Box::new(ListTale::of(self.item.clone())),
        }
    }
}

impl<K: Key> Resource<K> {
    /// The JSON of a snapshot, made for whoever asks: it is later than all that was done before.
    pub(super) async fn snapshot(&self, key: K) -> Result<String, Problem> {
        let within = self.settings.within;
        let json = self.kind.snapshot(key, within, &self.names).await?;
        Ok(json.as_ref().to_owned())
    }

    /// A lease of the view of this key for a caller; the view is begun if nobody looks at it yet.
    pub(super) fn enter(
        self: &Arc<Self>,
        key: &K,
        caller: Option<Caller>,
    ) -> Result<Lease, Problem> {
        let most = self.settings.most_views;
        let entered = self.views.enter(key, caller, most);
        let (lease, vacancy) = entered.map_err(|no_room| {
            let detail = match no_room {
                NoRoom::ForAnybody => {
                    "there are as many distinct streams of this resource as allowed"
                }
                NoRoom::ForCaller => {
                    "you follow as many distinct streams of this resource as one may"
                }
            };
            let status = StatusCode::TOO_MANY_REQUESTS;
            let problem = Problem::new(status, "too-many-views", detail);
            problem.retry_after(self.settings.options.later())
        })?;
        if let Some(vacancy) = vacancy {
            self.begin(key.clone(), vacancy);
        }
        Ok(lease)
    }

    /// Begins a view. Its task is owned by those who hold leases, and ends with the last of them; that of a list
    /// soon after.
    fn begin(self: &Arc<Self>, key: K, Vacancy { joins, refresh }: Vacancy) {
        let parts = self
            .kind
            .view(key.clone(), self.settings.within, &self.broker, &self.names);
        let sources = self.settings.sources.clone();
        let notified = refresh.clone();
        let refreshes = move || {
            let mut refreshes = SelectAll::new();
            refreshes.push(notifications(notified.clone()));
            refreshes.extend(sources.iter().map(|source| source()));
            refreshes
        };
        let mut view = View {
            desk: parts.desk,
            pace: self.settings.pace,
            drifts: self.settings.drifts,
            tale: parts.tale,
            joins,
            refreshes: refreshes(),
            evaluator: Asked::Idle(Some(parts.evaluator)),
            progress: Progress::default(),
        };
        let views = self.views.clone();
        tokio::spawn(async move {
            while view.run().await == Left::Resumable {
                let Some(joins) = views.rest(&key, &refresh, RESTS).await else {
                    break;
                };
                view.wake(joins, refreshes());
            }
            views.leave(&key, &refresh);
            let desk = view.desk.clone();
            // Whoever still waits to be received looks for another view.
            drop(view);
            desk.clear().await;
        });
    }
}
