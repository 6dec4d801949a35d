use std::{path::Path, sync::Arc, time::Duration};

use tidings_log::{
    Capacity, Durability, Epoch, Log, LogOptions, OpenError, Retention, Topic, TopicRules,
};

use crate::{
    Broker, LagPolicy, Selector,
    admissions::{Admissions, Bounds},
    random,
    time::Clock,
};

/// How a broker is set up.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) capacity: Capacity,
    pub(crate) retention: Retention,
    pub(crate) lag: LagPolicy,
    pub(crate) durability: Durability,
    pub(crate) topics: Vec<TopicSettings>,
    pub(crate) max_event_bytes: usize,
    pub(crate) max_selectors: usize,
    pub(crate) max_subscriptions: Bounds,
    /// Those of another broker, whose limit holds for this one too.
    pub(crate) admissions: Option<Arc<Admissions>>,
    pub(crate) idempotency_window: Duration,
    pub(crate) reconnect_delay: Duration,
}

/// What holds for the topics that a selector matches, where it differs from the broker's defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSettings {
    /// Which topics.
    pub selector: Selector,
    /// How long their events are kept.
    pub retention: Option<Retention>,
    /// Whether their events stay when the broker is at its capacity, and those of others go in their place. For little that
    /// much depends on: they count like all others. It is so if any of the settings that match say so.
    pub spared: bool,
    /// What happens to their readers that are behind.
    pub lag: Option<LagPolicy>,
    /// What their events survive once they are acknowledged, unless a publication says otherwise. A broker in memory
    /// passes over it.
    pub durability: Option<Durability>,
    /// How long at most a live event waits for others to leave together with it: fewer writes, a higher latency. What
    /// else happens to its readers ends the wait. Default: not at all; 10 seconds at most.
    pub linger: Option<Duration>,
}

/// A reader that is not told of something must not be taken for one that has stopped.
const MAX_LINGER: Duration = Duration::from_secs(10);

impl TopicSettings {
    /// Settings that differ in nothing yet.
    pub fn of(selector: impl Into<Selector>) -> Self {
        Self {
            selector: selector.into(),
            retention: None,
            spared: false,
            lag: None,
            durability: None,
            linger: None,
        }
    }
}

/// Sets up a [`Broker`].
#[derive(Clone, Debug)]
pub struct BrokerBuilder {
    options: Options,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            capacity: Capacity::default(),
            retention: Retention::default(),
            lag: LagPolicy::default(),
            durability: Durability::Disk,
            topics: Vec::new(),
            max_event_bytes: 1 << 20,
            max_selectors: 100,
            max_subscriptions: Bounds {
                in_all: usize::MAX,
                of_namespace: None,
                of_identity: None,
            },
            admissions: None,
            idempotency_window: Duration::from_secs(10 * 60),
            reconnect_delay: Duration::from_secs(3),
        }
    }
}

impl Options {
    pub(crate) fn lag_policy(&self, topic: &Topic) -> LagPolicy {
        self.settings(topic, |settings| settings.lag)
            .unwrap_or(self.lag)
    }

    pub(crate) fn durability(&self, topic: &Topic) -> Durability {
        self.settings(topic, |settings| settings.durability)
            .unwrap_or(self.durability)
    }

    pub(crate) fn linger(&self, topic: &Topic) -> Duration {
        self.settings(topic, |settings| settings.linger)
            .unwrap_or_default()
            .min(MAX_LINGER)
    }

    fn retention(&self, topic: &Topic) -> Retention {
        self.settings(topic, |settings| settings.retention)
            .unwrap_or(self.retention)
    }

    fn spares(&self, topic: &Topic) -> bool {
        let spared = |settings: &TopicSettings| settings.spared.then_some(());
        self.settings(topic, spared).is_some()
    }

    /// The first settings that match the topic and say something of it.
    fn settings<T>(&self, topic: &Topic, of: impl Fn(&TopicSettings) -> Option<T>) -> Option<T> {
        self.topics
            .iter()
            .filter(|settings| settings.selector.matches(topic))
            .find_map(of)
    }

    pub(crate) fn log(self: &Arc<Self>) -> LogOptions {
        let options = self.clone();
        let rules = move |topic: &Topic| TopicRules {
            retention: options.retention(topic),
            keyed: options.lag_policy(topic) == LagPolicy::Conflate,
            spared: options.spares(topic),
        };
        LogOptions {
            capacity: self.capacity,
            rules: Some(Arc::new(rules)),
        }
    }
}

impl BrokerBuilder {
    pub(crate) fn new() -> Self {
        Self {
            options: Options::default(),
        }
    }

    /// The bounds over all topics together.
    #[must_use]
    pub fn capacity(mut self, capacity: Capacity) -> Self {
        self.options.capacity = capacity;
        self
    }

    /// How long the events of a topic are kept, unless its settings say otherwise.
    #[must_use]
    pub fn retention(mut self, retention: Retention) -> Self {
        self.options.retention = retention;
        self
    }

    /// What happens to a reader that is behind, unless the settings of the topic say otherwise. Default: `Disconnect`.
    #[must_use]
    pub fn lag(mut self, policy: LagPolicy) -> Self {
        self.options.lag = policy;
        self
    }

    /// What events survive once they are acknowledged, unless the settings of the topic or the publication say
    /// otherwise. A broker in memory passes over it. Default: `Disk`.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.options.durability = durability;
        self
    }

    /// What holds for some topics. Where several match, the first that says something counts.
    #[must_use]
    pub fn topics(mut self, settings: TopicSettings) -> Self {
        self.options.topics.push(settings);
        self
    }

    /// The largest payload of an event that anybody but the owner of the broker may publish. Default 1 MiB.
    #[must_use]
    pub fn max_event_bytes(mut self, bytes: usize) -> Self {
        self.options.max_event_bytes = bytes;
        self
    }

    /// The most selectors of one subscription. Default 100.
    #[must_use]
    pub fn max_selectors(mut self, selectors: usize) -> Self {
        self.options.max_selectors = selectors;
        self
    }

    /// The most subscriptions at a time. Default: no limit but the transport's.
    #[must_use]
    pub fn max_subscriptions(mut self, subscriptions: usize) -> Self {
        self.options.max_subscriptions.in_all = subscriptions;
        self.options.admissions = None;
        self
    }

    /// The most subscriptions at a time of one namespace, as its [`Owner`](crate::Owner) says; those without an owner are of
    /// the default one. Default: no limit of its own.
    #[must_use]
    pub fn max_subscriptions_per_namespace(mut self, subscriptions: usize) -> Self {
        self.options.max_subscriptions.of_namespace = Some(subscriptions);
        self.options.admissions = None;
        self
    }

    /// The most subscriptions at a time of one identity, as its [`Owner`](crate::Owner) says. Default: no limit of its own.
    #[must_use]
    pub fn max_subscriptions_per_identity(mut self, subscriptions: usize) -> Self {
        self.options.max_subscriptions.of_identity = Some(subscriptions);
        self.options.admissions = None;
        self
    }

    /// Counts subscriptions together with those of another broker, whose limits hold for both.
    ///
    /// ```
    /// # use tidings::{Broker, Selector, Subscription};
    /// let events = Broker::builder().max_subscriptions(1).build();
    /// let notes = Broker::builder().max_subscriptions_of(&events).build();
    /// let all = Subscription::to(Selector::new("**")?);
    /// let reader = events.subscribe(all.clone());
    /// assert!(notes.subscribe(all.clone()).is_err());
    /// assert_eq!((notes.stats().subscriptions, notes.stats().admitted), (0, 1));
    /// drop(reader);
    /// assert!(notes.subscribe(all).is_ok());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn max_subscriptions_of(mut self, broker: &Broker) -> Self {
        self.options.admissions = Some(broker.shared.core.lock().admissions.clone());
        self
    }

    /// How long an idempotency key is remembered. Default 10 minutes; at most 200,000 keys are.
    #[must_use]
    pub fn idempotency_window(mut self, window: Duration) -> Self {
        self.options.idempotency_window = window;
        self
    }

    /// How long readers are told to wait before they come back. Default 3 seconds.
    #[must_use]
    pub fn reconnect_delay(mut self, delay: Duration) -> Self {
        self.options.reconnect_delay = delay;
        self
    }

    /// A broker with its history in memory.
    pub fn build(self) -> Broker {
        let options = Arc::new(self.options);
        let log = Log::in_memory(new_epoch(), options.log());
        Broker::with(options, log, Vec::new(), Clock::start())
            .expect("a broker in memory starts no threads")
    }

    /// A broker with its history in this folder, which is made if it is not there. Close it with
    /// [`Broker::close`], or ids leave a step and events of durability `Memory` may be lost.
    ///
    /// # Errors
    /// [`OpenError`] says what is wrong with the folder and what to do; it is then as before.
    pub fn open(self, folder: &Path) -> Result<Broker, OpenError> {
        let options = Arc::new(self.options);
        let mut clock = Clock::start();
        let (log, keys) = Log::open(folder, new_epoch(), options.log(), clock.now())?;
        clock.not_before(log.newest_time());
        Broker::with(options, log, keys, clock).map_err(|source| OpenError::Io {
            path: folder.to_owned(),
            advice: "the system has no thread left",
            source,
        })
    }
}

fn new_epoch() -> Epoch {
    Epoch::new(random::token(10)).expect("a token is letters and digits")
}
