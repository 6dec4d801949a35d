//! Where what a view has to tell is published.

use std::sync::Arc;

use tidings::{
    Broker, BrokerBuilder, Capacity, Event, EventName, LagPolicy, Publication, PublishError,
    Receipt, Retention, Selector, Topic, TopicSettings,
};

use crate::Problem;

/// A broker for the viewers of live resources: in memory, and with rules that suit them. A viewer that is behind on a
/// whole body is given the newest; one that is behind on patches or items is sent away, and begins anew when it returns.
///
/// Several resources may share one, which then limits, lists and closes all their viewers together.
///
/// ```
/// let viewers = tidings_http::live_broker().max_subscriptions(500).build();
/// ```
pub fn live_broker() -> BrokerBuilder {
    let rules = |pattern, lag, events| {
        let selector = Selector::new(pattern).expect("it is a pattern");
        TopicSettings {
            lag: Some(lag),
            retention: Some(Retention {
                events,
                bytes: 32 << 20,
                ..Retention::default()
            }),
            ..TopicSettings::of(selector)
        }
    };
    Broker::builder()
        .capacity(Capacity {
            bytes: 128 << 20,
            topics: 10_000,
        })
        .max_event_bytes(16 << 20)
        .max_subscriptions(10_000)
        .topics(rules("tidings/live/*/*", LagPolicy::Conflate, 2))
        .topics(rules(
            "tidings/live/*/*/patches",
            LagPolicy::Disconnect,
            1_000,
        ))
        .topics(rules(
            "tidings/live/*/*/items",
            LagPolicy::Disconnect,
            10_000,
        ))
}

/// What the events of a resource are called.
#[derive(Clone, Debug)]
pub(super) struct Names {
    /// The resource.
    pub(super) resource: EventName,
    /// Changes of it.
    pub(super) patch: EventName,
}

impl Names {
    pub(super) fn of(resource: &str) -> Option<Self> {
        Topic::new(format!("tidings/live/{resource}/0")).ok()?;
        let name = |name: &str| {
            let name = EventName::new(name).ok()?;
            (!name.as_str().starts_with("tidings.")).then_some(name)
        };
        Some(Self {
            resource: name(resource)?,
            patch: name(&format!("{resource}.patch"))?,
        })
    }
}

/// The topics of one view.
#[derive(Clone, Debug)]
pub(super) struct Desk {
    pub(super) broker: Broker,
    pub(super) names: Arc<Names>,
    /// Where everything is told in full.
    pub(super) main: Topic,
    /// Where changes are told by patches, if that is possible.
    pub(super) patches: Option<Topic>,
}

impl Desk {
    /// Of a view of a value.
    pub(super) fn of_value(broker: &Broker, names: &Arc<Names>) -> Self {
        let main = Self::topic(names);
        Self {
            patches: Topic::new(format!("{main}/patches")).ok(),
            main: Topic::new(main).expect("the names were tried"),
            broker: broker.clone(),
            names: names.clone(),
        }
    }

    /// Of a view of a list.
    pub(super) fn of_list(broker: &Broker, names: &Arc<Names>) -> Self {
        let main = format!("{}/items", Self::topic(names));
        Self {
            patches: None,
            main: Topic::new(main).expect("the names were tried"),
            broker: broker.clone(),
            names: names.clone(),
        }
    }

    /// Never the same again, and no number: whoever is told of a view must not learn how many others there were.
    fn topic(names: &Names) -> String {
        let drawn = fastrand::u64(..);
        format!("tidings/live/{}/{drawn:016x}", names.resource)
    }

    pub(super) async fn publish(&self, event: Event) -> Result<Receipt, PublishError> {
        let receipts = self.publish_on(&self.main, [event].into_iter()).await?;
        let receipt = receipts.into_iter().next();
        Ok(receipt.expect("one receipt for one event"))
    }

    /// Publishes all of these, with nothing of others between them.
    pub(super) async fn publish_all(
        &self,
        events: impl Iterator<Item = Event>,
    ) -> Result<Vec<Receipt>, PublishError> {
        self.publish_on(&self.main, events).await
    }

    /// The topics are the owner's, and yet no event is larger than those of others.
    async fn publish_on(
        &self,
        topic: &Topic,
        events: impl Iterator<Item = Event>,
    ) -> Result<Vec<Receipt>, PublishError> {
        let publication = |event| Publication {
            topic: topic.clone(),
            event,
            idempotency_key: None,
            durability: None,
        };
        let batch: Vec<_> = events.map(publication).collect();
        let limit = self.broker.max_event_bytes();
        let is_large = |publication: &Publication| publication.event.data().len() > limit;
        if batch.iter().any(is_large) {
            return Err(PublishError::TooLarge { limit });
        }
        let receipts = self.broker.publish_own(&batch).await;
        receipts.map_err(|error| error.source)
    }

    /// Publishes for those who follow by patches, if there are any.
    pub(super) async fn publish_patch(
        &self,
        event: impl FnOnce() -> Event,
    ) -> Result<(), PublishError> {
        if let Some(topic) = &self.patches
            && self.broker.subscriber_count(topic) > 0
        {
            self.publish_on(topic, [event()].into_iter()).await?;
        }
        Ok(())
    }

    /// Tells all viewers of a problem.
    pub(super) async fn tell(&self, problem: &Problem) -> Result<(), PublishError> {
        self.publish(told(problem)).await?;
        self.publish_patch(|| told(problem)).await
    }

    /// Tells all viewers of a problem, and ends their streams.
    pub(super) async fn end(&self, problem: &Problem) -> Result<(), PublishError> {
        self.publish(told(problem).ending_topic()).await?;
        self.publish_patch(|| told(problem).ending_topic()).await
    }

    /// Forgets what was told, once nobody listens.
    pub(super) async fn clear(&self) {
        let mut changes = self.broker.changes();
        let topics = || self.patches.iter().chain([&self.main]);
        while topics().any(|topic| self.broker.subscriber_count(topic) > 0) {
            if changes.changed().await.is_err() {
                return;
            }
        }
        for topic in topics() {
            // It fails in a broker that is closed, which keeps nothing for long.
            let _ = self.broker.delete(topic).await;
        }
    }
}

/// A problem as readers of a stream are told.
pub(super) fn told(problem: &Problem) -> Event {
    let event = Event::error(problem.kind(), problem.detail(), !is_final(problem));
    event.keyed("error")
}

/// Whether a problem ends the streams that it comes up in: who may see what is no accident that passes.
pub(super) fn is_final(problem: &Problem) -> bool {
    matches!(problem.status().as_u16(), 401 | 403 | 404)
}
