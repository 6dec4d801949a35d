//! REST resources that are live.

mod delta;
mod desk;
mod evaluate;
mod evaluator;
mod provider;
mod refreshes;
mod resource;
mod routes;
mod shares;
mod tale;
mod view;
mod viewer;
mod views;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::FromRequestParts;
use axum::routing::MethodRouter;
use tidings::{Broker, EventName, Selector};
use tokio::sync::watch;

use self::desk::Names;
use self::resource::{Kind, List, Resource, Settings, Value};
use self::views::{MostViews, Views};
use crate::StreamOptions;

pub use self::desk::live_broker;
pub use self::provider::{Body, ByHash, Key, ListProvider, Page, Provider};
pub use self::views::Handle;

/// A resource with a snapshot route and its live twin, to be set up and then [routed](Self::router).
///
/// Made by [`live()`] and [`live_list()`]. `K` is the tuple of the provider's arguments.
pub struct Live<K> {
    path: String,
    kind: Box<dyn Kind<K>>,
    settings: Settings,
    retry: Option<Duration>,
    name: Option<String>,
    broker: Option<Broker>,
    views: Arc<Views<K>>,
}

/// A resource that is live: its snapshot at `path`, and its twin at `path/stream`, both from one async function.
///
/// The arguments of the function are extractors, in their order: who asks, then what is asked. Together they are the
/// key that viewers share: however many look at the twin with equal arguments, the function is called once for all of
/// them, one call at a time, and only while somebody looks. So whatever decides what one may see has to be among the
/// arguments, such as the user or the team; a refusal by one of them is the answer of both routes.
///
/// The events of the twin are named after the resource, and their data is exactly the body of the snapshot: the first at
/// once, the next after each change, at most one in a [pace](Live::pace). The function is called again when the resource
/// is [invalidated](Handle::invalidate), when something is published [on a topic](Live::on), when a value
/// [changes](Live::watching), or again and [again](Live::every).
///
/// - The head of the twin waits for the first call, at most two seconds. If that fails, its problem is the answer.
/// - Later failures are told as `tidings.error` and tried again; the last value stays. After 401, 403 and 404 the
///   stream ends. A panic is a failure, and so is a call that takes [too long](Live::timeout).
/// - `format=patch` has changes sent as JSON Patches (RFC 6902), in events named `<resource>.patch`, where they are shorter
///   than the whole. The first event is always the whole.
/// - `ids=off` and `hello=1` are what they are for every stream. An id to resume after is not looked at, for the first
///   event says all there is to know.
///
/// ```
/// use std::time::Duration;
///
/// use axum::Router;
/// use tidings_http::{Problem, Query, live};
///
/// #[derive(Clone, PartialEq, Eq, Hash, serde::Deserialize)]
/// struct Asked {
///     team_id: u64,
/// }
///
/// async fn members(Query(asked): Query<Asked>) -> Result<Vec<String>, Problem> {
///     Ok(vec![format!("somebody of team {}", asked.team_id)])
/// }
///
/// let members = live("/api/members", members).every(Duration::from_secs(10));
/// let handle = members.handle();
/// let app: Router = Router::new().merge(members.router());
///
/// // When a member of team 7 comes or goes:
/// handle.invalidate_if(|(Query(asked),)| asked.team_id == 7);
/// ```
pub fn live<K: Key, P: Provider<K>>(path: &str, provider: P) -> Live<K> {
    Live::new(path, Box::new(Value(provider)))
}

/// A list that is live, such as a log: its snapshot at `path`, and at `path/stream` a twin that begins with the snapshot
/// and goes on with an event for each new item.
///
/// The snapshot is `{"<resource>": [items]}`, in an event named `snapshot`; each item comes in one named `item`, oldest
/// first. The last argument of the provider is the cursor after which items are wanted, or `None` for the snapshot. It is
/// called until there are no more, so bursts of any size come whole, and items are told apart by their
/// [cursors](Page) alone: none is lost and none comes twice.
///
/// Whoever comes back with an id goes on after it without a second snapshot, within a minute or as long as somebody else has
/// looked meanwhile; else `tidings.gap` says that items may be missing, and a snapshot follows. Everything else is as with
/// [`live()`].
///
/// ```
/// use axum::Router;
/// use tidings_http::{Page, Problem, live_list};
///
/// async fn logs(after: Option<i64>) -> Result<Page<String, i64>, Problem> {
///     let rows = [(1, "first"), (2, "second")];
///     let rows = rows.into_iter().filter(|(id, _)| after.is_none_or(|after| *id > after));
///     Ok(Page {
///         items: rows.map(|(id, line)| (id, line.to_owned())).collect(),
///         cursor: after.unwrap_or(0),
///     })
/// }
///
/// let app: Router = live_list("/api/logs", "log", logs).router();
/// ```
///
/// # Panics
///
/// If `item` is no name for events.
pub fn live_list<K, C, P>(path: &str, item: &str, provider: P) -> Live<K>
where
    K: Key,
    C: Ord + Clone + Send + Sync + 'static,
    P: ListProvider<K, C>,
{
    let list = List {
        provider,
        item: EventName::new(item).expect("an item has the name of an event type"),
        cursor: PhantomData::<fn() -> C>,
    };
    Live::new(path, Box::new(list))
}

impl<K: Key> Live<K> {
    fn new(path: &str, kind: Box<dyn Kind<K>>) -> Self {
        Self {
            path: path.to_owned(),
            kind,
            settings: Settings {
                pace: Duration::from_secs(1),
                within: Duration::from_secs(10),
                most_views: MostViews {
                    in_all: 1_000,
                    of_caller: usize::MAX,
                },
                options: StreamOptions::default(),
                sources: Vec::new(),
                drifts: false,
            },
            retry: None,
            name: None,
            broker: None,
            views: Views::new(),
        }
    }

    /// What the resource is called in its events. Default: the last segment of the path that is no parameter.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// Looks again after so long, while somebody looks.
    #[must_use]
    pub fn every(mut self, period: Duration) -> Self {
        self.settings.drifts = true;
        let ticks = move || refreshes::ticks(period);
        self.settings.sources.push(Arc::new(ticks));
        self
    }

    /// Looks again when something is published on these topics. Each view that is looked at subscribes to them.
    #[must_use]
    pub fn on(mut self, selector: impl Into<Selector>, broker: &Broker) -> Self {
        let (broker, selector) = (broker.clone(), selector.into());
        let publications = move || refreshes::publications(&broker, &selector);
        self.settings.sources.push(Arc::new(publications));
        self
    }

    /// Looks again when this changes.
    #[must_use]
    pub fn watching<V: Send + Sync + 'static>(mut self, value: watch::Receiver<V>) -> Self {
        let changes = move || refreshes::changes(&value);
        self.settings.sources.push(Arc::new(changes));
        self
    }

    /// The least time between two evaluations of a view, and so between two events of it. Default: 1 second.
    #[must_use]
    pub fn pace(mut self, pace: Duration) -> Self {
        self.settings.pace = pace;
        self
    }

    /// How long a call of the provider may take before it counts as failed. Default: 10 seconds.
    #[must_use]
    pub fn timeout(mut self, within: Duration) -> Self {
        self.settings.within = within;
        self
    }

    /// The most distinct views at a time; who asks for one more is answered 429. Default: 1,000.
    #[must_use]
    pub fn max_views(mut self, views: usize) -> Self {
        self.settings.most_views.in_all = views;
        self
    }

    /// The most distinct views that one caller looks at; who asks for one more is answered 429. Well below the
    /// [total](Self::max_views) it keeps one from taking the place of others. Default: as many as there are.
    ///
    /// Callers are told apart by the identity of the [`Peer`](tidings::Peer) among the extensions of a request, else by its
    /// address, of which an IPv6 one counts as its /64; where there is neither they have no limit.
    #[must_use]
    pub fn max_views_per_caller(mut self, views: usize) -> Self {
        self.settings.most_views.of_caller = views;
        self
    }

    /// How its streams behave beside their events; whether they have ids is for the viewer to say. Default: with the broker's own
    /// [delay](tidings::BrokerBuilder::reconnect_delay) for those who come back.
    #[must_use]
    pub fn stream_options(mut self, options: StreamOptions) -> Self {
        self.retry = Some(options.retry);
        self.settings.options = options;
        self
    }

    /// The broker that its viewers subscribe to, which limits and lists them, and closes their streams. Default: a
    /// [`live_broker()`] of its own, which takes 10,000 viewers.
    #[must_use]
    pub fn broker(mut self, broker: &Broker) -> Self {
        self.broker = Some(broker.clone());
        self
    }

    /// What says that something has changed.
    pub fn handle(&self) -> Handle<K> {
        Handle::of(&self.views)
    }

    /// The snapshot at the path, and the twin at the path and `/stream`.
    ///
    /// # Panics
    /// If the path is none for axum, or the name none for events: those that [`EventName`] refuses, and those with `*` or
    /// a slash at the end.
    pub fn router<S>(self) -> Router<S>
    where
        K: FromRequestParts<S>,
        S: Clone + Send + Sync + 'static,
    {
        routes::router(self.resource())
    }

    /// The two routes, snapshot and twin, for an application that has its own place for them.
    ///
    /// # Panics
    /// As [`router`](Self::router).
    pub fn routes<S>(self) -> (MethodRouter<S>, MethodRouter<S>)
    where
        K: FromRequestParts<S>,
        S: Clone + Send + Sync + 'static,
    {
        let resource = self.resource();
        (routes::snapshot(resource.clone()), routes::twin(resource))
    }

    fn resource(self) -> Arc<Resource<K>> {
        let broker = self.broker.unwrap_or_else(|| live_broker().build());
        let mut segments = self.path.rsplit('/');
        let last = segments.find(|segment| !segment.starts_with('{'));
        let name = self.name.as_deref().or(last).unwrap_or_default();
        let names = Names::of(name).expect("a resource has the name of an event type");
        let mut settings = self.settings;
        settings.options.retry = self.retry.unwrap_or_else(|| broker.reconnect_delay());
        Arc::new(Resource {
            path: self.path,
            kind: self.kind,
            settings,
            names: Arc::new(names),
            broker,
            views: self.views,
        })
    }
}

impl<K> fmt::Debug for Live<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
