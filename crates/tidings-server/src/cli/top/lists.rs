//! Topics, connections and executions.

use std::cmp::Reverse;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use tidings_client::{Client, ReadError};
use tokio::sync::mpsc;
use tokio::time;

/// So many of each are read: those to be shown are chosen among them.
const LIMIT: usize = 1000;

#[derive(Debug, Default)]
pub(super) struct Lists {
    /// Those with the most subscribers first, then those with the most events.
    pub(super) topics: List<Topic>,
    /// Those furthest behind first, then those that were sent the most.
    pub(super) connections: List<Connected>,
    /// The newest first.
    pub(super) executions: List<Execution>,
}

/// A list, as far as it can be seen.
#[derive(Debug, Default)]
pub(super) enum List<T> {
    /// It has not been read yet.
    #[default]
    Unread,
    /// It is not for these credentials, for this reason.
    Refused(String),
    Read(Page<T>),
}

#[derive(Debug, Deserialize)]
pub(super) struct Page<T> {
    #[serde(alias = "topics", alias = "connections", alias = "executions")]
    pub(super) rows: Vec<T>,
    #[serde(rename = "total")]
    pub(super) in_all: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Topic {
    pub(super) topic: String,
    pub(super) subscribers: u64,
    pub(super) events: u64,
    pub(super) bytes: f64,
    pub(super) last_id: Option<String>,
    #[serde(default)]
    pub(super) ended: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Connected {
    pub(super) topics: Vec<String>,
    pub(super) identity: Option<String>,
    pub(super) remote: Option<String>,
    pub(super) sent_events: u64,
    pub(super) sent_bytes: f64,
    pub(super) lag: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Execution {
    pub(super) id: String,
    pub(super) title: Option<String>,
    pub(super) status: String,
    pub(super) progress: Progress,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Progress {
    pub(super) done: u64,
    pub(super) total: u64,
}

impl Lists {
    pub(super) async fn read(client: &Client) -> Result<Self, ReadError> {
        let of_topics = format!("api/topics?limit={LIMIT}");
        let of_connections = format!("api/connections?limit={LIMIT}");
        let (mut topics, mut connections, executions) = tokio::try_join!(
            List::<Topic>::read(client, &of_topics),
            List::<Connected>::read(client, &of_connections),
            List::read(client, "api/executions?limit=20"),
        )?;
        topics.sort_by_key(|topic| Reverse((topic.subscribers, topic.events)));
        connections.sort_by_key(|connection| Reverse((connection.lag, connection.sent_events)));
        Ok(Self {
            topics,
            connections,
            executions,
        })
    }
}

impl<T: DeserializeOwned> List<T> {
    async fn read(client: &Client, reference: &str) -> Result<Self, ReadError> {
        match client.read(reference).await {
            Ok(page) => page.json().map(Self::Read).map_err(ReadError::Answer),
            // Each list has a right of its own, and to lack one hides no other.
            Err(ReadError::Refused(problem)) if problem.status == 403 => {
                Ok(Self::Refused(problem.to_string()))
            }
            Err(error) => Err(error),
        }
    }

    fn sort_by_key<K: Ord>(&mut self, key: impl FnMut(&T) -> K) {
        if let Self::Read(page) = self {
            page.rows.sort_by_key(key);
        }
    }
}

/// Reads the lists again and again, and tells them or why they cannot be read.
pub(super) async fn keep_reading(
    client: &Client,
    interval: Duration,
    to: mpsc::Sender<Result<Lists, ReadError>>,
) {
    loop {
        if to.send(Lists::read(client).await).await.is_err() {
            return;
        }
        time::sleep(interval).await;
    }
}
