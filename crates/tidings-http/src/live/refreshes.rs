//! What says that a resource may have changed.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tidings::{Broker, Selector, Subscriber, Subscription};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// Makes a stream of refreshes for each view; what happens after it is made is in it.
pub(super) type Source = Arc<dyn Fn() -> BoxStream<'static, ()> + Send + Sync>;

/// Each call of the handle.
pub(super) fn notifications(refresh: Arc<Notify>) -> BoxStream<'static, ()> {
    stream::unfold(refresh, async |refresh| {
        refresh.notified().await;
        Some(((), refresh))
    })
    .boxed()
}

/// Again and again.
pub(super) fn ticks(period: Duration) -> BoxStream<'static, ()> {
    let period = period.max(Duration::from_millis(1));
    let mut ticks = interval_at(Instant::now() + period, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    stream::unfold(ticks, async |mut ticks| {
        ticks.tick().await;
        Some(((), ticks))
    })
    .boxed()
}

/// Each change of a value; none once it is dropped.
pub(super) fn changes<V: Send + Sync + 'static>(
    value: &watch::Receiver<V>,
) -> BoxStream<'static, ()> {
    let mut value = value.clone();
    value.mark_unchanged();
    stream::unfold(value, async |mut value| {
        value.changed().await.ok()?;
        Some(((), value))
    })
    .boxed()
}

/// Each publication on these topics.
pub(super) fn publications(broker: &Broker, selector: &Selector) -> BoxStream<'static, ()> {
    let (broker, selector) = (broker.clone(), selector.clone());
    let follow = move || follow(&broker, &selector);
    let first = follow();
    stream::unfold((first, follow), async |(subscriber, follow)| {
        let mut subscriber = subscriber?;
        if subscriber.batch().await.is_some() {
            return Some(((), (Some(subscriber), follow)));
        }
        // A topic that was deleted may be published on again; one that has ended may not.
        Some(((), (follow(), follow)))
    })
    .boxed()
}

fn follow(broker: &Broker, selector: &Selector) -> Option<Subscriber> {
    let subscription = Subscription::to(selector.clone()).hidden();
    let subscriber = broker.subscribe(subscription).ok();
    subscriber.filter(|subscriber| !subscriber.is_over())
}
