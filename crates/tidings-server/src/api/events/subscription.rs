use http::HeaderMap;
use tidings::{Subscriber, Subscription};
use tidings_http::{Problem, resume_after};

use crate::api::access::Caller;
use crate::api::hub::Hub;
use crate::api::parameters::{Parameters, bad};
use crate::api::problems;

/// What a request asks to read, and from where on.
pub(super) fn subscription(
    hub: &Hub,
    caller: &Caller,
    headers: &HeaderMap,
    parameters: &Parameters,
) -> Result<Subscription, Problem> {
    caller.may_subscribe_at_all()?;
    let selectors = parameters.selectors(hub.settings.limits.selectors)?;
    caller.may_subscribe("topic", &selectors)?;
    let mut selectors = selectors.into_iter();
    let first = selectors.next().ok_or_else(|| bad("topic", "is missing"))?;
    let subscription = selectors.fold(Subscription::to(first), Subscription::and);
    let events = parameters.events(hub.settings.limits.selectors)?;
    let subscription = subscription.only(events);
    let id = resume_after(headers, |name| parameters.lenient(name));
    Ok(match id {
        Some(id) => subscription.resume_after(id),
        None => subscription,
    })
}

/// Subscribes to what the caller may read of this.
///
/// # Errors
///
/// What the broker refuses, and 503 if too many others are looking back: the newest events of a
/// rare type are looked for among all of the others, and on the disk, which may take its time.
pub(in crate::api) async fn subscribe(
    hub: &Hub,
    caller: &Caller,
    subscription: Subscription,
) -> Result<Subscriber, Problem> {
    let broker = hub.broker.clone();
    let subscription = caller.limit(subscription);
    let subscribed = if subscription.looks_back() {
        let seat = hub.outbox.seat().await?;
        let subscribe = move || broker.subscribe(subscription);
        let (_seat, subscribed) = seat.work(subscribe).await?;
        subscribed
    } else {
        broker.subscribe(subscription)
    };
    subscribed.map_err(|error| problems::of_subscribe(hub, &error))
}
