use axum::Router;
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode};
use tidings::Broker;
use tidings_http::{Problem, live_broker};

use crate::{Satellite, Store, activity, logs, pages};

/// The application.
#[derive(Debug)]
pub struct Site {
    /// What it serves.
    pub router: Router,
    /// What writes to it.
    pub satellite: Satellite,
    /// Whom its streams go to.
    pub viewers: Broker,
}

impl Site {
    /// The application on a database.
    pub fn new(store: Store) -> Self {
        let viewers = live_broker().build();
        let activity = activity::resource(&store, &viewers);
        let logs = logs::resource(&store, &viewers);
        let satellite = Satellite::new(store.clone(), activity.handle(), logs.handle());
        let router = Router::new()
            .merge(activity.router())
            .merge(logs.router())
            .merge(pages::router())
            .method_not_allowed_fallback(other_method)
            .with_state(store);
        Self {
            router,
            satellite,
            viewers,
        }
    }
}

/// Answers a method that a route has no handler for. The router adds `Allow`.
async fn other_method(method: Method) -> Response {
    if method == Method::OPTIONS {
        return StatusCode::NO_CONTENT.into_response();
    }
    let detail = format!("{method} is not possible here");
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail).into_response()
}
