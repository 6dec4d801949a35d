//! The yardstick of what people write: axum, a `tokio::sync::broadcast` channel for each topic, `Sse` with keep-alive.

use std::{
    collections::HashMap,
    convert::Infallible,
    net::Ipv4Addr,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result};
use axum::{
    Router,
    extract::{Path, State},
    response::sse::{Event, KeepAlive, Sse},
    routing::{get, post},
    serve::ListenerExt,
};
use futures_util::{
    Stream, StreamExt,
    stream::{select_all, unfold},
};
use tokio::{
    net::TcpListener,
    sync::broadcast::{self, Receiver, Sender, error::RecvError},
};

/// How far a reader may be behind before it loses events.
const CAPACITY: usize = 1024;

/// The number of the last event.
static LAST: AtomicU64 = AtomicU64::new(0);

/// By topic, or by what all topics below one are called: `/a/*`.
type Topics = Arc<RwLock<HashMap<String, Sender<(u64, String)>>>>;

/// Listens on the port that is the first argument; the second is the seconds of silence after which a stream carries a comment.
#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments.next().context("which port?")?.parse()?;
    let silence = arguments.next().context("how much silence?")?.parse()?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    // Without it the second event in a row waits for an acknowledgement of the first.
    let listener = listener.tap_io(|socket| drop(socket.set_nodelay(true)));
    let router = Router::new()
        .route("/{*topics}", get(subscribe))
        .route("/", post(publish))
        .with_state(Hub {
            topics: Topics::default(),
            silence: Duration::from_secs(silence),
        });
    Ok(axum::serve(listener, router).await?)
}

#[derive(Clone)]
struct Hub {
    topics: Topics,
    silence: Duration,
}

async fn subscribe(
    State(hub): State<Hub>,
    Path(topics): Path<String>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let mut streams: Vec<_> = topics
        .split(',')
        .map(|topic| events(hub.subscribe(topic)))
        .collect();
    let stream = match streams.pop() {
        Some(only) if streams.is_empty() => only.left_stream(),
        last => select_all(streams.into_iter().chain(last).map(Box::pin)).right_stream(),
    };
    Sse::new(stream).keep_alive(KeepAlive::new().interval(hub.silence))
}

impl Hub {
    fn subscribe(&self, topic: &str) -> Receiver<(u64, String)> {
        let mut topics = self.topics.write().unwrap_or_else(PoisonError::into_inner);
        let sender = topics
            .entry(format!("/{topic}"))
            .or_insert_with(|| broadcast::channel(CAPACITY).0);
        sender.subscribe()
    }
}

fn events(
    receiver: Receiver<(u64, String)>,
) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    unfold(receiver, async |mut receiver| {
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
    })
}

/// Each line of a body is `{topic} {data}`.
async fn publish(State(hub): State<Hub>, body: String) {
    let topics = hub.topics.read().unwrap_or_else(PoisonError::into_inner);
    for line in body.lines() {
        let Some((topic, data)) = line.split_once(' ') else {
            continue;
        };
        let id = LAST.fetch_add(1, Ordering::Relaxed) + 1;
        let below = topic.rsplit_once('/').filter(|it| !it.0.is_empty());
        let pattern = below.and_then(|(parent, _)| topics.get(&format!("{parent}/*")));
        for sender in topics.get(topic).into_iter().chain(pattern) {
            // Nobody listening is no error.
            let _ = sender.send((id, data.to_owned()));
        }
    }
}
