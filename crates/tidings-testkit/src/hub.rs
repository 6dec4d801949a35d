use std::net::SocketAddr;
use std::path::Path;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::command::{Command, Finished, Running};
use crate::connection::Connection;
use crate::encode::encode;
use crate::message::{Request, Response};
use crate::process::Process;
use crate::publisher::Publisher;
use crate::stream::StreamReader;

/// A running hub: the real program on a port of its own, with its history in memory unless a
/// folder is named.
///
/// It is killed when dropped.
#[derive(Debug)]
pub struct Hub {
    running: Running,
    address: SocketAddr,
}

impl Hub {
    /// Starts the program at `binary` with default settings.
    ///
    /// # Panics
    ///
    /// When it does not come up.
    #[must_use]
    #[track_caller]
    pub fn start(binary: &str) -> Self {
        Self::with(binary, &[], &[])
    }

    /// Starts it with further arguments of `serve` and environment variables.
    ///
    /// # Panics
    ///
    /// When it does not come up.
    #[must_use]
    #[track_caller]
    pub fn with(binary: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let serve = [&SERVE[..], arguments].concat();
        let command = variables
            .iter()
            .fold(Command::new(binary, &serve), |command, (name, value)| {
                command.env(name, value)
            });
        Self::spawn(command)
    }

    /// Starts it with a `tidings.toml` of this content.
    ///
    /// # Panics
    ///
    /// When it does not come up.
    #[must_use]
    #[track_caller]
    pub fn configured(binary: &str, settings: &str) -> Self {
        let arguments = [&SERVE[..], &["--config", "tidings.toml"]].concat();
        Self::spawn(Command::new(binary, &arguments).file("tidings.toml", settings))
    }

    /// Starts it at `address` with its history in `folder`, which it makes if it is not there.
    ///
    /// # Panics
    ///
    /// When it does not come up.
    #[must_use]
    #[track_caller]
    pub fn stored(binary: &str, address: SocketAddr, folder: &Path) -> Self {
        let (address, folder) = (address.to_string(), folder.display().to_string());
        let arguments = ["serve", "--listen", &address, "--data-dir", &folder];
        Self::spawn(Command::new(binary, &arguments))
    }

    /// Starts a prepared `tidings serve` and waits until it answers.
    ///
    /// # Panics
    ///
    /// When it exits instead.
    #[must_use]
    #[track_caller]
    pub fn spawn(command: Command) -> Self {
        let running = command.spawn();
        let Some(address) = running.process().find_in_stderr(announced_address) else {
            panic!("the hub did not start: {:?}", running.finish());
        };
        let hub = Self { running, address };
        assert_eq!(hub.get("/readyz").status(), 200, "the hub is not ready");
        hub
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its base URL, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The process, for its memory and what it said.
    #[must_use]
    pub fn process(&self) -> &Process {
        self.running.process()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        self.process().signal(signal);
    }

    /// Waits for its end.
    #[must_use]
    pub fn wait(self) -> Finished {
        self.running.finish()
    }

    /// Sends one request on a connection of its own.
    #[track_caller]
    pub fn send(&self, request: &Request) -> Response {
        Connection::open(self.address).send(request)
    }

    /// `GET target`.
    #[track_caller]
    pub fn get(&self, target: &str) -> Response {
        self.send(&Request::get(target))
    }

    /// `POST target` with a body.
    #[track_caller]
    pub fn post(&self, target: &str, body: impl Into<Vec<u8>>) -> Response {
        self.send(&Request::post(target, body))
    }

    /// Publishes a batch, one JSON object a line.
    #[track_caller]
    pub fn post_lines(&self, lines: &str) -> Response {
        let batch = Request::post("/api/events", lines);
        self.send(&batch.header("Content-Type", "application/x-ndjson"))
    }

    /// `DELETE target`.
    #[track_caller]
    pub fn delete(&self, target: &str) -> Response {
        self.send(&Request::delete(target))
    }

    /// Publishes an event and returns its id.
    ///
    /// # Panics
    ///
    /// When the hub refuses it.
    #[track_caller]
    pub fn publish(&self, topic: &str, event: &str, data: &str) -> String {
        self.publisher().publish(topic, event, data)
    }

    /// Publishes the last event of a topic and returns its id.
    ///
    /// # Panics
    ///
    /// When the hub refuses it.
    #[track_caller]
    pub fn finish(&self, topic: &str, event: &str, data: &str) -> String {
        self.publisher().finish(topic, event, data)
    }

    /// A kept-alive connection to publish on.
    #[must_use]
    pub fn publisher(&self) -> Publisher {
        Publisher::connect(self.address)
    }

    /// Opens `/api/events/stream?QUERY`, which has to be granted.
    ///
    /// # Panics
    ///
    /// When the answer is not an event stream.
    #[must_use]
    #[track_caller]
    pub fn stream(&self, query: &str) -> StreamReader {
        self.open(&Request::get(&format!("/api/events/stream?{query}")))
    }

    /// Opens `/api/events/stream?QUERY` behind `id`, given as a browser gives it.
    ///
    /// # Panics
    ///
    /// When the answer is not an event stream.
    #[must_use]
    #[track_caller]
    pub fn resume(&self, query: &str, id: &str) -> StreamReader {
        let target = format!("/api/events/stream?{query}");
        self.open(&Request::get(&target).header("Last-Event-ID", id))
    }

    /// Opens a stream with any request, which has to be granted.
    ///
    /// # Panics
    ///
    /// When the answer is not an event stream.
    #[must_use]
    #[track_caller]
    pub fn open(&self, request: &Request) -> StreamReader {
        let stream = StreamReader::open(self.address, request);
        let head = stream.head();
        assert_eq!(head.status, 200, "{head:?}");
        assert_eq!(head.media_type(), "text/event-stream", "{head:?}");
        stream
    }

    /// The events that the history holds for one topic, as `GET /api/events` lists them.
    ///
    /// # Panics
    ///
    /// When the hub refuses to answer.
    #[must_use]
    #[track_caller]
    pub fn history(&self, topic: &str) -> Vec<Value> {
        let target = format!("/api/events?topic={}&limit=1000", encode(topic));
        let body = self.get(&target).json();
        body["events"].as_array().expect("a list of events").clone()
    }

    /// How many subscriptions `/api/topics` counts on one topic; 0 when it does not list it.
    ///
    /// # Panics
    ///
    /// When the hub refuses to answer.
    #[must_use]
    #[track_caller]
    pub fn subscribers(&self, topic: &str) -> u64 {
        let target = format!("/api/topics?selector={}", encode(topic));
        let body = self.get(&target).json();
        let topics = body["topics"].as_array().expect("a list of topics");
        let found = topics.iter().find(|entry| entry["topic"] == topic);
        found.map_or(0, |entry| {
            entry["subscribers"].as_u64().expect("a subscriber count")
        })
    }
}

const SERVE: [&str; 4] = ["serve", "--listen", "127.0.0.1:0", "--memory"];

fn announced_address(stderr: &str) -> Option<SocketAddr> {
    let (_, after) = stderr.split_once("http://127.0.0.1:")?;
    let digits = after.find(|character: char| !character.is_ascii_digit())?;
    let port = after[..digits].parse().ok()?;
    Some(SocketAddr::from(([127, 0, 0, 1], port)))
}

#[cfg(test)]
mod tests {
    use super::announced_address;

    #[test]
    fn the_address_is_read_once_its_line_is_complete() {
        assert_eq!(announced_address("listening on http://127.0.0.1:84"), None);
        let address = announced_address("listening on http://127.0.0.1:8434\n").unwrap();
        assert_eq!(address.to_string(), "127.0.0.1:8434");
    }
}
