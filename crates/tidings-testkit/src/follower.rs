use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::connection::{Connection, Framing};
use crate::encode::encode;
use crate::event::Parser;
use crate::history::{Reader, Start, Visit};
use crate::message::Request;
use crate::whereabouts::Whereabouts;

/// A reader that goes on over all runs of a hub and writes down what it saw.
#[derive(Debug)]
pub struct Follower {
    thread: JoinHandle<Vec<Reader>>,
}

/// How a follower reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    /// At once; it comes back with the last id it saw.
    Prompt,
    /// In small pieces with pauses, so that it is always behind; it comes back with the last id
    /// it saw.
    Slow,
    /// At once; it comes back with the first id it ever saw, each time as another reader.
    FromAfar,
}

struct Reading {
    reader: Reader,
    habit: Habit,
    last: String,
    whereabouts: Whereabouts,
}

impl Follower {
    /// Starts to follow as `reader`, beginning at `start`, up to the event with the data `last`.
    #[must_use]
    pub fn start(
        whereabouts: &Whereabouts,
        reader: Reader,
        start: Start,
        habit: Habit,
        last: &str,
    ) -> Self {
        let reading = Reading {
            reader,
            habit,
            last: last.to_owned(),
            whereabouts: whereabouts.clone(),
        };
        Self {
            thread: thread::spawn(move || reading.follow(start)),
        }
    }

    /// Waits until it has read the last event, and returns the readers it was.
    ///
    /// # Panics
    ///
    /// When it does not come to the last event.
    #[must_use]
    pub fn finish(self) -> Vec<Reader> {
        self.thread.join().expect("a reader")
    }
}

impl Reading {
    fn follow(mut self, start: Start) -> Vec<Reader> {
        let mut readers = Vec::new();
        let mut next = start;
        loop {
            let _ = self.whereabouts.is_finishing(); // Panics when this goes on for too long.
            let Some((visit, cursor)) = self.visit(next.clone()) else {
                continue;
            };
            let complete = visit
                .events
                .last()
                .is_some_and(|event| event.data == self.last);
            let first = visit.position.clone();
            self.reader.visits.push(visit);
            if complete {
                readers.push(self.reader);
                return readers;
            }
            match self.habit {
                Habit::Prompt | Habit::Slow => next = cursor.map_or(next, Start::After),
                Habit::FromAfar => {
                    let name = format!("{}, again", self.reader.name);
                    let another = Reader {
                        name,
                        visits: Vec::new(),
                        ..self.reader.clone()
                    };
                    readers.push(std::mem::replace(&mut self.reader, another));
                    if !matches!(next, Start::After(_)) {
                        next = first.map_or(next, Start::After);
                    }
                }
            }
        }
    }

    /// Reads one stream until it ends, breaks off or has brought the last event, and returns with
    /// it what a browser would resume with. `None` if no stream was granted.
    fn visit(&self, start: Start) -> Option<(Visit, Option<String>)> {
        let (run, mut connection) = self.whereabouts.connect();
        if self.habit == Habit::Slow {
            connection.receive_little();
        }
        let _ = connection.begin(&self.request(&start)); // Explained by what is read.
        let (head, mut framing) = connection.read_head(false).ok()?;
        if head.status == 503 {
            return None;
        }
        assert_eq!(
            head.status, 200,
            "{} was answered by {head:?}",
            self.reader.name
        );

        let mut parser = Parser::default();
        let mut visit = Visit {
            run,
            start,
            position: None,
            events: Vec::new(),
        };
        while !matches!(framing, Framing::Ended(_)) {
            let before = visit.events.len();
            framing = Self::read(&mut connection, framing, &mut parser, &mut visit);
            let mut read = visit.events[before..].iter();
            if let Some(at) = read.position(|event| event.data == self.last) {
                visit.events.truncate(before + at + 1);
                break;
            }
            if self.habit == Habit::Slow && visit.events.len() / PIECE > before / PIECE {
                self.whereabouts.linger(PAUSE);
            }
            let _ = self.whereabouts.is_finishing(); // Panics when this goes on for too long.
        }
        let cursor = parser.last_event_id().map(str::to_owned);
        Some((visit, cursor))
    }

    /// Waits for more of the stream.
    fn read(
        connection: &mut Connection,
        framing: Framing,
        parser: &mut Parser,
        visit: &mut Visit,
    ) -> Framing {
        let mut bytes = Vec::new();
        let framing = connection.read_body(framing, &mut bytes);
        let mut rest = bytes.as_slice();
        // Only what comes before the first event tells where the stream begins.
        while let Some((byte, others)) = rest.split_first() {
            if visit.position.is_some() || !visit.events.is_empty() {
                break;
            }
            parser.feed(&[*byte], &mut visit.events);
            if visit.events.is_empty() {
                visit.position = parser.last_event_id().map(str::to_owned);
            }
            rest = others;
        }
        parser.feed(rest, &mut visit.events);
        framing
    }

    fn request(&self, start: &Start) -> Request {
        let selectors = self.reader.selectors.iter();
        let topics: String = selectors
            .map(|selector| format!("&topic={}", encode(selector)))
            .collect();
        let from = match start {
            Start::Oldest => "&from=start",
            Start::Now | Start::After(_) => "",
        };
        let request = Request::get(&format!("/api/events/stream?{}{from}", &topics[1..]));
        match start {
            Start::After(id) => request.header("Last-Event-ID", id),
            Start::Now | Start::Oldest => request,
        }
    }
}

/// A slow reader pauses whenever it has read about this many events more.
const PIECE: usize = 50;
const PAUSE: Duration = Duration::from_millis(40);
