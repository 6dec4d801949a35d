//! The service itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use serde_json::json;
use tidings_client::Handle;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::follow::{Listeners, follow};
use crate::params::{Command, Params};
use crate::report::Reporter;

/// What the client can do, in the words of the harness.
const CAPABILITIES: [&str; 11] = [
    "bom",
    "comments",
    "event-type-listeners",
    "headers",
    "last-event-id",
    "post",
    "read-timeout",
    "report",
    "restart",
    "server-directed-shutdown",
    "server-directed-shutdown-request",
];

/// The largest request that is read.
const LARGEST_REQUEST: usize = 16 * 1024 * 1024;

#[derive(Clone, Debug)]
struct Service {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    http: reqwest::Client,
    /// Guards the streams alone; never held across an await.
    streams: Mutex<Streams>,
    stop: Notify,
}

#[derive(Debug, Default)]
struct Streams {
    opened: u64,
    open: HashMap<u64, Stream>,
}

#[derive(Debug)]
struct Stream {
    task: JoinHandle<anyhow::Result<()>>,
    handle: Handle,
    listeners: Listeners,
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves until it is told to stop.
pub(crate) async fn serve(listener: TcpListener) -> anyhow::Result<()> {
    // Harnesses are on this machine, and their callbacks are not encrypted. A connection for each
    // callback: one that is kept can be closed by the harness just as it is used again.
    let http = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .pool_max_idle_per_host(0);
    let shared = Arc::new(Shared {
        http: http.build()?,
        streams: Mutex::default(),
        stop: Notify::new(),
    });
    let service = Service {
        shared: Arc::clone(&shared),
    };
    let router = Router::new()
        .route("/", get(status).post(open).delete(stop))
        .route("/streams/{id}", post(command).delete(close))
        .layer(DefaultBodyLimit::max(LARGEST_REQUEST))
        .with_state(service);
    axum::serve(listener, router)
        .with_graceful_shutdown(async move { shared.stop.notified().await })
        .await?;
    Ok(())
}

impl Service {
    fn streams(&self) -> MutexGuard<'_, Streams> {
        let streams = self.shared.streams.lock();
        streams.unwrap_or_else(PoisonError::into_inner)
    }
}

async fn status() -> Response {
    let body = json!({ "name": "tidings-client", "capabilities": CAPABILITIES });
    axum::Json(body).into_response()
}

async fn stop(State(service): State<Service>) -> StatusCode {
    service.streams().open.clear();
    service.shared.stop.notify_one();
    StatusCode::NO_CONTENT
}

async fn open(State(service): State<Service>, headers: HeaderMap, body: Bytes) -> Response {
    let params: Params = match serde_json::from_slice(&body) {
        Ok(params) => params,
        Err(error) => return bad(&error),
    };
    let subscription = match params.subscribe() {
        Ok(subscribe) => subscribe.open(),
        Err(error) => return bad(&format!("{error:#}")),
    };
    let reporter = Reporter::new(service.shared.http.clone(), &params.callback_url);
    let listeners = Listeners::new();
    let handle = subscription.handle();
    let stream = Stream {
        task: tokio::spawn(follow(subscription, listeners.clone(), reporter)),
        handle,
        listeners,
    };
    let mut streams = service.streams();
    streams.opened += 1;
    let id = streams.opened;
    streams.open.insert(id, stream);
    // A whole address, since harnesses join references in ways of their own.
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let origin = host.map_or_else(String::new, |host| format!("http://{host}"));
    let location = format!("{origin}/streams/{id}");
    (StatusCode::CREATED, [(header::LOCATION, location)]).into_response()
}

async fn command(State(service): State<Service>, Path(id): Path<u64>, body: Bytes) -> Response {
    let streams = service.streams();
    let Some(stream) = streams.open.get(&id) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match serde_json::from_slice(&body) {
        Ok(Command::Listen { listen }) => stream.listeners.add(listen.name),
        Ok(Command::Restart) => stream.handle.restart(),
        Err(error) => return bad(&error),
    }
    StatusCode::NO_CONTENT.into_response()
}

async fn close(State(service): State<Service>, Path(id): Path<u64>) -> StatusCode {
    match service.streams().open.remove(&id) {
        Some(_) => StatusCode::NO_CONTENT,
        None => StatusCode::NOT_FOUND,
    }
}

fn bad(why: &impl ToString) -> Response {
    (StatusCode::BAD_REQUEST, why.to_string()).into_response()
}
