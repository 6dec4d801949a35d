//! The yardstick of what people write: axum, a `tokio::sync::broadcast` channel for each topic, `Sse` with keep-alive.

use std::{
    collections::HashMap,
    convert::Infallible,
    net::Ipv4Addr,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use anyhow::{Context, Result};
use axum::{
    Router,
    extract::{Path, State},
    response::sse::{Event, KeepAlive, Sse},
    routing::{get, post},
    serve::ListenerExt,
};
use futures_util::{Stream, stream::unfold};
use tokio::{
    net::TcpListener,
    sync::broadcast::{self, Sender, error::RecvError},
};

/// How far a reader may be behind before it loses events.
const CAPACITY: usize = 1024;

/// The number of the last event.
static LAST: AtomicU64 = AtomicU64::new(0);

type Topics = Arc<RwLock<HashMap<String, Sender<(u64, String)>>>>;

/// Listens on the port that is the only argument.
#[tokio::main]
async fn main() -> Result<()> {
    let port: u16 = std::env::args().nth(1).context("which port?")?.parse()?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    // Without it the second event in a row waits for an acknowledgement of the first.
    let listener = listener.tap_io(|socket| drop(socket.set_nodelay(true)));
    let router = Router::new()
        .route("/{topic}", get(subscribe))
        .route("/", post(publish))
        .with_state(Topics::default());
    Ok(axum::serve(listener, router).await?)
}

async fn subscribe(
    State(topics): State<Topics>,
    Path(topic): Path<String>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let receiver = {
        let mut topics = topics.write().unwrap_or_else(PoisonError::into_inner);
        let sender = topics
            .entry(format!("/{topic}"))
            .or_insert_with(|| broadcast::channel(CAPACITY).0);
        sender.subscribe()
    };
    let events = unfold(receiver, async |mut receiver| {
        loop {
            match receiver.recv().await {
                Ok((id, data)) => {
                    let event = Event::default().id(id.to_string()).data(data);
                    return Some((Ok(event), receiver));
                }
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}

/// Each line of a body is `{topic} {data}`.
async fn publish(State(topics): State<Topics>, body: String) {
    let topics = topics.read().unwrap_or_else(PoisonError::into_inner);
    for line in body.lines() {
        if let Some((topic, data)) = line.split_once(' ')
            && let Some(sender) = topics.get(topic)
        {
            let id = LAST.fetch_add(1, Ordering::Relaxed) + 1;
            // Nobody listening is no error.
            let _ = sender.send((id, data.to_owned()));
        }
    }
}
