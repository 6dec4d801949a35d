//! What is shown.

use std::collections::VecDeque;

use serde::Deserialize;
use tidings_client::{Connection, Event, ReadError};

use crate::cli::top::lists::Lists;

/// How many samples are remembered: more than a terminal is wide.
const SAMPLES: usize = 600;

/// Everything that is known of a hub.
#[derive(Debug)]
pub(super) struct Board {
    pub(super) url: String,
    pub(super) health: Health,
    /// `None` until the hub has told them.
    pub(super) gauges: Option<Gauges>,
    /// Events out per second, the newest last.
    pub(super) rates: VecDeque<u64>,
    pub(super) lists: Lists,
    /// Why there is no connection.
    pub(super) lost: Option<String>,
    /// Why what is shown is old.
    pub(super) trouble: Option<String>,
}

/// `GET /api/dashboard`.
#[derive(Debug, Deserialize)]
pub(super) struct Now {
    health: Health,
    metrics: Metrics,
    history: History,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Health {
    #[serde(default)]
    pub(super) overall_status: String,
    #[serde(default)]
    pub(super) services: std::collections::BTreeMap<String, Service>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Service {
    pub(super) status: String,
    pub(super) detail: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Metrics {
    gauges: Gauges,
}

/// The hub's gauges, by their public names.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Gauges {
    pub(super) connections: f64,
    pub(super) topics: f64,
    pub(super) log_events: f64,
    pub(super) log_bytes: f64,
    pub(super) events_in_per_second: f64,
    pub(super) bytes_in_per_second: f64,
    pub(super) events_out_per_second: f64,
    pub(super) bytes_out_per_second: f64,
    pub(super) lag: f64,
    pub(super) replaying: f64,
    pub(super) publish_p50_ms: Option<f64>,
    pub(super) publish_p99_ms: Option<f64>,
    pub(super) cpu_percent: Option<f64>,
    pub(super) memory_bytes: Option<f64>,
    pub(super) uptime_seconds: u64,
}

#[derive(Debug, Default, Deserialize)]
struct History {
    #[serde(default)]
    events_out_per_second: Vec<Option<f64>>,
}

impl Board {
    pub(super) fn new(url: &str) -> Self {
        Self {
            url: url.trim_end_matches('/').to_owned(),
            health: Health::default(),
            gauges: None,
            rates: VecDeque::new(),
            lists: Lists::default(),
            lost: None,
            trouble: None,
        }
    }

    /// Takes everything as it is now, with what was before; or why it could not be read.
    pub(super) fn take_overview(&mut self, read: Result<Now, ReadError>) {
        match read {
            Ok(now) => self.take(now),
            Err(error) => self.trouble = Some(in_full(error)),
        }
    }

    /// Takes the lists as they are now, or why they could not be read.
    pub(super) fn take_lists(&mut self, read: Result<Lists, ReadError>) {
        match read {
            Ok(lists) => {
                self.lists = lists;
                self.trouble = None;
            }
            Err(error) => self.trouble = Some(in_full(error)),
        }
    }

    fn take(&mut self, now: Now) {
        self.health = now.health;
        self.gauges = Some(now.metrics.gauges);
        let rates = now.history.events_out_per_second.into_iter();
        self.rates = rates.map(|rate| rate.unwrap_or(0.0) as u64).collect();
        self.forget();
    }

    /// Takes what the hub tells. What cannot be read is of a later version.
    pub(super) fn hear(&mut self, event: &Event) {
        match event.event.as_str() {
            "health-update" => {
                if let Ok(health) = event.json() {
                    self.health = health;
                }
            }
            "metrics-update" => {
                if let Ok(Metrics { gauges }) = event.json() {
                    self.rates.push_back(gauges.events_out_per_second as u64);
                    self.gauges = Some(gauges);
                    self.forget();
                }
            }
            _ => {}
        }
    }

    pub(super) fn connection(&mut self, state: &Connection) {
        match state {
            Connection::Waiting { reason, .. } => self.lost = Some(reason.to_string()),
            Connection::Open => self.lost = None,
            _ => {}
        }
    }

    fn forget(&mut self) {
        let old = self.rates.len().saturating_sub(SAMPLES);
        self.rates.drain(..old);
    }
}

fn in_full(error: ReadError) -> String {
    format!("{:#}", anyhow::Error::new(error))
}

#[cfg(test)]
mod tests {
    use tidings_client::TransportError;

    use super::*;

    #[test]
    fn what_was_wrong_is_said_until_lists_are_read_again() {
        let mut board = Board::new("http://127.0.0.1:1/");
        let refused = TransportError::connect("nobody there");
        board.take_lists(Err(ReadError::NoAnswer(refused)));
        let trouble = board.trouble.clone();
        assert_eq!(
            trouble.as_deref(),
            Some("no answer from the hub: cannot connect: nobody there")
        );
        board.take_lists(Ok(Lists::default()));
        assert_eq!(board.trouble, None);
    }
}
