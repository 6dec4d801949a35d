use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use tidings::Published;
use tidings_http::Problem;

use crate::api::access::Watcher;
use crate::api::events::entries;
use crate::api::hub::Hub;
use crate::metrics::{Columns, Health, Sample};

use super::topics;

#[derive(Debug, Serialize)]
struct Answer {
    health: Health,
    metrics: Sample,
    history: Columns,
    connected_clients: usize,
    #[serde(serialize_with = "entries")]
    badges: Vec<Published>,
    #[serde(serialize_with = "entries")]
    notifications: Vec<Published>,
    last_event_id: Option<String>,
}

/// `GET /api/dashboard`
pub(crate) async fn snapshot(State(hub): State<Hub>, _: Watcher) -> Result<Response, Problem> {
    let asked = hub.clone();
    let seat = hub.outbox.seat().await?;
    let (seat, answer) = seat.work(move || Answer::of(&asked)).await?;
    seat.send_json(answer).await
}

impl Answer {
    /// The answer with what could be read. A store that does not work is what dashboards are there to show.
    fn of(hub: &Hub) -> Self {
        let recalled = hub.broker.recall(&topics::subscription()).ok();
        let last_event_id = recalled
            .as_ref()
            .map(|recalled| recalled.position.to_string());
        let events = recalled.map_or_else(Vec::new, |recalled| recalled.events);
        let of_notifications = topics::notifications();
        let is_notification = |event: &Published| *event.topic() == of_notifications;
        let (notifications, badges) = events.into_iter().partition(is_notification);
        Self {
            health: hub.health(),
            metrics: hub.metrics(),
            history: hub.watch.chart(),
            connected_clients: hub.dashboards(),
            badges,
            notifications,
            last_event_id,
        }
    }
}
