use std::net::SocketAddr;

use crate::connection::Connection;
use crate::encode::encode;
use crate::message::Request;

/// A connection that publishes one event after another.
#[derive(Debug)]
pub struct Publisher {
    connection: Connection,
}

impl Publisher {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self {
            connection: Connection::open(address),
        }
    }

    /// Publishes an event and returns its id.
    ///
    /// # Panics
    ///
    /// When the hub refuses it.
    #[track_caller]
    pub fn publish(&mut self, topic: &str, event: &str, data: &str) -> String {
        let query = format!("topic={}&event={}", encode(topic), encode(event));
        self.publish_with(&query, data)
    }

    /// Publishes the last event of a topic and returns its id.
    ///
    /// # Panics
    ///
    /// When the hub refuses it.
    #[track_caller]
    pub fn finish(&mut self, topic: &str, event: &str, data: &str) -> String {
        let query = format!("topic={}&event={}&final=1", encode(topic), encode(event));
        self.publish_with(&query, data)
    }

    /// Publishes with any query and returns the event's id.
    ///
    /// # Panics
    ///
    /// When the hub refuses it.
    #[track_caller]
    pub fn publish_with(&mut self, query: &str, data: impl Into<Vec<u8>>) -> String {
        let request = Request::post(&format!("/api/events?{query}"), data);
        let receipt = self.connection.send(&request).json();
        receipt["id"]
            .as_str()
            .expect("the id of an event")
            .to_owned()
    }
}
