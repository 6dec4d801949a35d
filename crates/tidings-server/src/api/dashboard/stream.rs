use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use tidings::{EventName, Subscriber, Wire};
use tidings_http::{EventStream, Problem, StreamRequest};
use tidings_sse::Block;

use crate::api::access::Watcher;
use crate::api::events::{answer_stream, ids};
use crate::api::hub::Hub;
use crate::api::parameters::Parameters;

use super::topics;

/// The first event of every stream. Nobody else may send it.
pub(super) const CONNECTED: &str = "connected";

#[derive(Debug, Serialize)]
struct Connected<'a> {
    client_id: &'a str,
    status: &'static str,
}

#[derive(Debug, Serialize)]
pub(crate) struct Status {
    connected_clients: usize,
    status: &'static str,
}

/// `GET /api/dashboard/stream` and `GET /dashboard/sse`
pub(crate) async fn stream(
    State(hub): State<Hub>,
    Watcher(caller): Watcher,
    request: StreamRequest,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let wire = Wire {
        ids: ids(&parameters)?,
        ..Wire::default()
    };
    let mut subscription = topics::subscription()
        .only(parameters.events(hub.settings.limits.selectors)?)
        .encoded(wire);
    if let Some(id) = &request.resume_after {
        subscription = subscription.resume_after(id);
    }
    let mut options = hub.stream_options();
    options.ids = wire.ids;
    let begin = |subscriber: Subscriber| {
        let client_id = subscriber.id().to_string();
        let connected = Connected {
            client_id: &client_id,
            status: "connected",
        };
        let connected = serde_json::to_string(&connected).expect("texts always have a JSON form");
        let name = EventName::new(CONNECTED).expect("it is the name of an event");
        let mut block = Vec::new();
        Block {
            id: None,
            event: Some(&name),
            data: &connected,
        }
        .encode(&mut block);
        EventStream::new(subscriber, options).then(block.into())
    };
    Ok(answer_stream(&hub, &caller, &request, subscription, begin).await)
}

/// `GET /dashboard/api/sse/status`
pub(crate) async fn status(State(hub): State<Hub>, _: Watcher) -> Json<Status> {
    Json(Status {
        connected_clients: hub.dashboards(),
        status: "active",
    })
}
