use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, Method};
use serde::{Serialize, Serializer};
use tidings::{Control, Delivery, Gap, History, Published, Subscription, rfc3339};
use tidings_http::Problem;
use tokio::time::timeout;

use crate::api::access::Caller;
use crate::api::events::subscription::{subscribe, subscription};
use crate::api::hub::Hub;
use crate::api::outbox::Seat;
use crate::api::parameters::Parameters;
use crate::api::problems;

const DEFAULT_LIMIT: usize = 100;

/// The longest long poll, in seconds.
const MAX_WAIT: u64 = 60;

#[derive(Debug, Serialize)]
struct Page {
    #[serde(serialize_with = "entries")]
    events: Vec<Published>,
    last_event_id: String,
    gap: Option<Gap>,
}

#[derive(Debug, Serialize)]
struct Entry<'a> {
    id: String,
    topic: &'a str,
    event: &'a str,
    data: &'a str,
    time: String,
    key: Option<&'a str>,
    r#final: bool,
}

/// `GET /api/events`
pub(crate) async fn history(
    State(hub): State<Hub>,
    method: Method,
    caller: Caller,
    headers: HeaderMap,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let mut subscription = subscription(&hub, &caller, &headers, &parameters)?;
    let limit = parameters.limit(DEFAULT_LIMIT)?;
    let wait = parameters.seconds("wait", 0..=MAX_WAIT)?;
    let (mut seat, mut page) = read(&hub, &caller, &subscription, limit).await?;
    let is_empty = page.events.is_empty() && page.gap.is_none() && !page.ended;
    if is_empty && !wait.is_zero() && method == Method::GET {
        drop(seat);
        subscription = subscription.resume_after(page.position.to_string());
        await_events(&hub, &caller, subscription.clone(), wait).await?;
        (seat, page) = read(&hub, &caller, &subscription, limit).await?;
    }
    seat.send_json(Page::from(page)).await
}

/// Reads what the caller may read of this.
async fn read(
    hub: &Hub,
    caller: &Caller,
    subscription: &Subscription,
    limit: usize,
) -> Result<(Seat, History), Problem> {
    let broker = hub.broker.clone();
    let subscription = caller.limit(subscription.clone());
    let seat = hub.outbox.seat().await?;
    let (seat, page) = seat
        .work(move || broker.history(&subscription, limit))
        .await?;
    let page = page.map_err(|error| problems::of_subscribe(hub, &error))?;
    Ok((seat, page))
}

/// Returns when there is something to read after the place the subscription resumes from, when
/// nothing will come any more, or when the time is over.
async fn await_events(
    hub: &Hub,
    caller: &Caller,
    subscription: Subscription,
    wait: Duration,
) -> Result<(), Problem> {
    let mut subscriber = subscribe(hub, caller, subscription).await?;
    // What is taken back from now on ends the subscription; what was taken back before has not.
    caller.check_again(hub)?;
    let is_nothing = |delivery: &Delivery| {
        matches!(
            delivery,
            Delivery::Control(Control::Connected { .. } | Control::Resumed { .. })
        )
    };
    let news = async {
        while let Some(batch) = subscriber.batch().await {
            if !batch.iter().all(is_nothing) {
                return;
            }
        }
    };
    // Without news the answer is empty, which is an answer.
    let _ = timeout(wait, news).await;
    Ok(())
}

impl From<History> for Page {
    fn from(history: History) -> Self {
        Self {
            events: history.events,
            last_event_id: history.position.to_string(),
            gap: history.gap,
        }
    }
}

/// The events in their JSON form, without a copy of what they hold.
pub(in crate::api) fn entries<S: Serializer>(
    events: &[Published],
    json: S,
) -> Result<S::Ok, S::Error> {
    json.collect_seq(events.iter().map(Entry::of))
}

impl<'a> Entry<'a> {
    fn of(event: &'a Published) -> Self {
        Self {
            id: event.id().to_string(),
            topic: event.topic().as_str(),
            event: event.name(),
            data: event.data(),
            time: rfc3339(event.time()),
            key: event.key(),
            r#final: event.ends_topic(),
        }
    }
}
