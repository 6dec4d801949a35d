use std::{
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, TcpStream},
    ops::Range,
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use memchr::memmem;

use super::{clock, histogram::Histogram, manner::Manner, stamp::Stamp};

/// How long a contender may take to answer a publisher.
const PATIENCE: Duration = Duration::from_secs(30);
/// A publisher that takes so many times as long as planned gives up.
const TOO_LATE: u64 = 3;
/// Requests that are sent before their answers are waited for.
const PIPELINED: usize = 100;
/// Events of a batch that is as large as one may be everywhere.
const AT_ONCE: u64 = 1_000;

/// Publishes on some topics in turn, numbering the events of each.
#[derive(Debug)]
pub struct Publisher {
    manner: Manner,
    topics: Vec<String>,
    published: u64,
    connection: Option<TcpStream>,
    unparsed: Vec<u8>,
    latencies: Histogram,
}

impl Publisher {
    /// Connects when it first publishes.
    pub fn new(manner: Manner, topics: Vec<String>) -> Self {
        Self {
            manner,
            topics,
            published: 0,
            connection: None,
            unparsed: Vec::new(),
            latencies: Histogram::default(),
        }
    }

    /// How many events have been published on all topics together.
    pub fn published(&self) -> u64 {
        self.published
    }

    /// Publishes so many in all, as many a second as that, those together that are due in each `tick`. Stamps say when an event was due: a contender
    /// that keeps the publisher waiting does not make its own figures better. After `TOO_LATE` times as long as planned it stops.
    ///
    /// # Errors
    /// If the contender does not take one of them.
    pub fn publish_paced(&mut self, events: u64, per_second: f64, tick: Duration) -> Result<()> {
        let began = clock::now();
        let due_at = |event: u64| began + Duration::from_secs_f64(event as f64 / per_second);
        let end = due_at(events * TOO_LATE);
        let mut sent = 0;
        while sent < events && clock::now() < end {
            let now = clock::now();
            let due =
                ((now.saturating_sub(began).as_secs_f64() * per_second) as u64 + 1).min(events);
            if due > sent {
                self.publish(due - sent, |event| due_at(sent + event))?;
                sent = due;
            }
            thread::sleep(due_at(sent).max(now + tick).saturating_sub(clock::now()));
        }
        Ok(())
    }

    /// Publishes so many one by one, each when the one before has been answered.
    ///
    /// # Errors
    /// If the contender does not take one of them.
    pub fn publish_singly(&mut self, events: u64) -> Result<()> {
        for _ in 0..events {
            let mut bytes = Vec::new();
            let began = clock::now();
            self.request(0..1, |_| began, &mut bytes);
            self.exchange(&bytes, 1)?;
            self.latencies.add(clock::now().saturating_sub(began));
        }
        Ok(())
    }

    /// Publishes once on each topic, as fast as it goes.
    ///
    /// # Errors
    /// If the contender does not take one of them.
    pub fn publish_on_each(&mut self) -> Result<()> {
        let mut left = self.topics.len() as u64;
        while left > 0 {
            let events = left.min(AT_ONCE);
            self.publish(events, |_| clock::now())?;
            left -= events;
        }
        Ok(())
    }

    /// How long the publications took that were waited for one by one, since this was last asked for.
    pub fn take_latencies(&mut self) -> Histogram {
        std::mem::take(&mut self.latencies)
    }

    /// Publishes so many at once: as a batch if the contender knows batches, else one request after the other without waiting for answers.
    fn publish(&mut self, events: u64, at: impl Fn(u64) -> Duration) -> Result<()> {
        let manner = &self.manner;
        let takes_all = manner.spans_topics || self.topics.len() == 1;
        let per_request = if manner.batch.is_some() && takes_all {
            events
        } else {
            1
        };
        let at_a_time = if manner.keep_alive { PIPELINED } else { 1 };
        let mut sent = 0;
        while sent < events {
            let (mut bytes, mut requests) = (Vec::new(), 0);
            while sent < events && requests < at_a_time {
                self.request(sent..sent + per_request, &at, &mut bytes);
                requests += 1;
                sent += per_request;
            }
            self.exchange(&bytes, requests)?;
        }
        Ok(())
    }

    fn request(&mut self, events: Range<u64>, at: impl Fn(u64) -> Duration, bytes: &mut Vec<u8>) {
        let topics = self.topics.len() as u64;
        let first = self.published;
        let stamps: Vec<Stamp> = (first..)
            .zip(events)
            .map(|(published, event)| Stamp {
                topic: (published % topics) as u32,
                number: published / topics + 1,
                at: at(event),
            })
            .collect();
        self.published += stamps.len() as u64;
        self.manner.write_request(&self.topics, &stamps, bytes);
    }

    fn exchange(&mut self, bytes: &[u8], answers: usize) -> Result<()> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect(self.manner.port)?,
        };
        connection.write_all(bytes).context("publishing")?;
        for _ in 0..answers {
            self.take_answer(&mut connection)?;
        }
        if self.manner.keep_alive {
            self.connection = Some(connection);
        } else {
            self.unparsed.clear();
        }
        Ok(())
    }

    /// Reads one answer; its body is told by its length or by chunks, or there is none.
    fn take_answer(&mut self, connection: &mut TcpStream) -> Result<()> {
        let mut buffer = [0; 16 * 1024];
        loop {
            if let Some(length) = answer_length(&self.unparsed)? {
                self.unparsed.drain(..length);
                return Ok(());
            }
            match connection.read(&mut buffer) {
                Ok(0) => bail!("the publisher's connection was ended"),
                Ok(read) => self.unparsed.extend_from_slice(&buffer[..read]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    bail!("no answer to a publication for {} s", PATIENCE.as_secs())
                }
                Err(error) => return Err(error).context("waiting for an answer"),
            }
        }
    }
}

/// Connects to a contender as a publisher does.
pub(crate) fn connect(port: u16) -> Result<TcpStream> {
    let connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    connection.set_nodelay(true)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    Ok(connection)
}

/// The length of the first answer, if all of it is there.
fn answer_length(bytes: &[u8]) -> Result<Option<usize>> {
    let Some(end) = memmem::find(bytes, b"\r\n\r\n").map(|at| at + 4) else {
        return Ok(None);
    };
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let status = head.split(' ').nth(1).unwrap_or_default();
    if !status.starts_with('2') {
        bail!("not published: {}", String::from_utf8_lossy(bytes));
    }
    let length = head
        .split("\r\n")
        .find_map(|line| line.strip_prefix("content-length:"))
        .map(|value| value.trim().parse::<usize>());
    let body = match length {
        Some(length) => length?,
        None if head.contains("transfer-encoding: chunked") => {
            match memmem::find(&bytes[end - 2..], b"\r\n0\r\n\r\n") {
                Some(at) => at + 5,
                None => return Ok(None),
            }
        }
        None => 0,
    };
    Ok(Some(end + body).filter(|all| *all <= bytes.len()))
}
