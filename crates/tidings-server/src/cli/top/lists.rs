//! Topics, connections and executions.

use std::cmp::Reverse;
use std::time::Duration;

use serde::Deserialize;
use tidings_client::{Client, ReadError};
use tokio::sync::mpsc;
use tokio::time;

/// So many of each are read: those to be shown are chosen among them.
const LIMIT: usize = 1000;

#[derive(Debug, Default)]
pub(super) struct Lists {
    /// Those with the most subscribers first, then those with the most events.
    pub(super) topics: Vec<Topic>,
    pub(super) topics_in_all: u64,
    /// Those furthest behind first, then those that were sent the most.
    pub(super) connections: Vec<Connected>,
    pub(super) connections_in_all: u64,
    /// The newest first.
    pub(super) executions: Vec<Execution>,
    pub(super) executions_in_all: u64,
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
        #[derive(Deserialize)]
        struct Topics {
            topics: Vec<Topic>,
            total: u64,
        }
        #[derive(Deserialize)]
        struct Connections {
            connections: Vec<Connected>,
            total: u64,
        }
        #[derive(Deserialize)]
        struct Executions {
            executions: Vec<Execution>,
            total: u64,
        }
        let of_topics = format!("api/topics?limit={LIMIT}");
        let of_connections = format!("api/connections?limit={LIMIT}");
        let (topics, connections, executions) = tokio::try_join!(
            client.read(&of_topics),
            client.read(&of_connections),
            client.read("api/executions?limit=20"),
        )?;
        let mut topics: Topics = topics.json().map_err(ReadError::Answer)?;
        let mut connections: Connections = connections.json().map_err(ReadError::Answer)?;
        let executions: Executions = executions.json().map_err(ReadError::Answer)?;
        topics
            .topics
            .sort_by_key(|topic| Reverse((topic.subscribers, topic.events)));
        connections
            .connections
            .sort_by_key(|connection| Reverse((connection.lag, connection.sent_events)));
        Ok(Self {
            topics: topics.topics,
            topics_in_all: topics.total,
            connections: connections.connections,
            connections_in_all: connections.total,
            executions: executions.executions,
            executions_in_all: executions.total,
        })
    }
}

/// Reads the lists again and again, and tells them or why they cannot be read.
pub(super) async fn keep_reading(
    client: &Client,
    interval: Duration,
    to: mpsc::Sender<Result<Lists, String>>,
) {
    loop {
        let read = Lists::read(client).await.map_err(|error| {
            let error = anyhow::Error::new(error);
            format!("{error:#}")
        });
        if to.send(read).await.is_err() {
            return;
        }
        time::sleep(interval).await;
    }
}
