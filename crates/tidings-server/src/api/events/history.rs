use std::net::SocketAddr;
use std::time::Duration;

use axum::Json;
use axum::extract::{ConnectInfo, State};
use http::{HeaderMap, Method};
use serde::Serialize;
use tidings::{Control, Delivery, Gap, History, Published, Subscription, rfc3339};
use tidings_http::Problem;
use tokio::time::timeout;

use crate::api::events::subscription::subscription;
use crate::api::hub::Hub;
use crate::api::parameters::Parameters;
use crate::api::problems;

const DEFAULT_LIMIT: usize = 100;

/// The longest long poll, in seconds.
const MAX_WAIT: u64 = 60;

#[derive(Debug, Serialize)]
pub(crate) struct Page {
    events: Vec<Entry>,
    last_event_id: String,
    gap: Option<Gap>,
}

#[derive(Debug, Serialize)]
struct Entry {
    id: String,
    topic: String,
    event: String,
    data: String,
    time: String,
    key: Option<String>,
    r#final: bool,
}

/// `GET /api/events`
pub(crate) async fn history(
    State(hub): State<Hub>,
    method: Method,
    ConnectInfo(remote): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    parameters: Parameters,
) -> Result<Json<Page>, Problem> {
    let mut subscription = subscription(&hub, remote, &headers, &parameters)?;
    let limit = parameters.limit(DEFAULT_LIMIT)?;
    let wait = parameters.seconds("wait", 0..=MAX_WAIT)?;
    let mut page = read(&hub, &subscription, limit)?;
    let is_empty = page.events.is_empty() && page.gap.is_none() && !page.ended;
    if is_empty && !wait.is_zero() && method == Method::GET {
        subscription = subscription.resume_after(page.position.to_string());
        await_events(&hub, subscription.clone(), wait).await?;
        page = read(&hub, &subscription, limit)?;
    }
    Ok(Json(page.into()))
}

fn read(hub: &Hub, subscription: &Subscription, limit: usize) -> Result<History, Problem> {
    let history = hub.broker.history(subscription, limit);
    history.map_err(|error| problems::of_subscribe(hub, &error))
}

/// Returns when there is something to read after the place the subscription resumes from, when
/// nothing will come any more, or when the time is over.
async fn await_events(
    hub: &Hub,
    subscription: Subscription,
    wait: Duration,
) -> Result<(), Problem> {
    let subscriber = hub.broker.subscribe(subscription);
    let mut subscriber = subscriber.map_err(|error| problems::of_subscribe(hub, &error))?;
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
            events: history.events.iter().map(Entry::of).collect(),
            last_event_id: history.position.to_string(),
            gap: history.gap,
        }
    }
}

impl Entry {
    fn of(event: &Published) -> Self {
        Self {
            id: event.id().to_string(),
            topic: event.topic().to_string(),
            event: event.name().to_owned(),
            data: event.data().to_owned(),
            time: rfc3339(event.time()),
            key: event.key().map(str::to_owned),
            r#final: event.ends_topic(),
        }
    }
}
