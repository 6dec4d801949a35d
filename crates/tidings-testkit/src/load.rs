use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use fastrand::Rng;
use serde_json::{Value, json};

use crate::connection::Connection;
use crate::encode::encode;
use crate::history::{Attempt, Durability, Outcome, Publication, Receipt, Sent};
use crate::message::{Request, Response};
use crate::patience::PATIENCE;
use crate::whereabouts::Whereabouts;

/// What is published under load.
#[derive(Debug, Clone)]
pub struct Mix {
    /// How many publishers there are.
    pub publishers: usize,
    /// The topics they choose from.
    pub topics: Vec<String>,
    /// The durabilities they choose from. `disk` is not asked for: it is the hub's default.
    pub durabilities: Vec<Durability>,
    /// What their choices come from.
    pub seed: u64,
}

/// Publishers that go on over all runs of a hub and write down what came of everything.
///
/// Three of four requests are single events, the others batches of 2 to 8. Half of what is to be
/// kept on disk carries idempotency keys and is repeated until its outcome is known.
#[derive(Debug)]
pub struct Load {
    whereabouts: Whereabouts,
    progress: Arc<Progress>,
    publishers: Vec<JoinHandle<Vec<Publication>>>,
}

/// The number of the latest run that has acknowledged something, plus 1.
#[derive(Debug, Default)]
struct Progress {
    runs: Mutex<usize>,
    changed: Condvar,
}

/// Which idempotency keys the events of a request carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keys {
    None,
    OneEach,
}

struct Publisher {
    name: String,
    mix: Mix,
    random: Rng,
    sent: usize,
    whereabouts: Whereabouts,
    progress: Arc<Progress>,
    connection: Option<(usize, Connection)>,
}

impl Load {
    /// Starts the publishers.
    #[must_use]
    pub fn start(whereabouts: &Whereabouts, mix: &Mix) -> Self {
        let progress = Arc::<Progress>::default();
        let mut seeds = Rng::with_seed(mix.seed);
        let publishers = (0..mix.publishers).map(|number| {
            let publisher = Publisher {
                name: format!("publisher {number}"),
                mix: mix.clone(),
                random: seeds.fork(),
                sent: 0,
                whereabouts: whereabouts.clone(),
                progress: Arc::clone(&progress),
                connection: None,
            };
            thread::spawn(move || publisher.publish())
        });
        Self {
            whereabouts: whereabouts.clone(),
            publishers: publishers.collect(),
            progress,
        }
    }

    /// Waits until `run` has acknowledged something.
    ///
    /// # Panics
    ///
    /// After [`PATIENCE`], or when a publisher has given up.
    pub fn await_acknowledgement(&self, run: usize) {
        let runs = self.progress.runs.lock();
        let waited = self.progress.changed.wait_timeout_while(
            runs.unwrap_or_else(PoisonError::into_inner),
            PATIENCE,
            |runs| *runs <= run && !self.publishers.iter().any(JoinHandle::is_finished),
        );
        let runs = *waited.unwrap_or_else(PoisonError::into_inner).0;
        assert!(runs > run, "run {run} has not acknowledged anything");
    }

    /// Lets the publishers come to an end, with a run that is up, and returns what each has sent.
    ///
    /// # Panics
    ///
    /// When one of them has given up.
    #[must_use]
    pub fn finish(self) -> Vec<Vec<Publication>> {
        self.whereabouts.finish();
        let publishers = self.publishers.into_iter();
        publishers
            .map(|publisher| publisher.join().expect("a publisher"))
            .collect()
    }
}

impl Publisher {
    fn publish(mut self) -> Vec<Publication> {
        let mut publications = Vec::new();
        while !self.whereabouts.is_finishing() {
            let mut publication = self.compose();
            let keys = match publication.durability {
                Durability::Disk if self.random.bool() => Keys::OneEach,
                Durability::Disk | Durability::Memory => Keys::None,
            };
            let request = request(&publication, keys);
            loop {
                let attempt = self.attempt(&request);
                let unknown = attempt.outcome == Outcome::Unknown;
                publication.attempts.push(attempt);
                if !unknown || keys == Keys::None {
                    break;
                }
                let _ = self.whereabouts.is_finishing(); // Panics when this goes on for too long.
            }
            publications.push(publication);
        }
        publications
    }

    fn compose(&mut self) -> Publication {
        let count = match self.random.u8(0..4) {
            0 => self.random.usize(2..=8),
            _ => 1,
        };
        let events = (0..count).map(|_| {
            self.sent += 1;
            let topic = self.random.choice(&self.mix.topics);
            Sent {
                topic: topic.expect("a topic").clone(),
                data: format!("{}, event {}", self.name, self.sent),
            }
        });
        let events = events.collect();
        let durability = self.random.choice(&self.mix.durabilities);
        Publication {
            events,
            durability: *durability.expect("a durability"),
            attempts: Vec::new(),
        }
    }

    fn attempt(&mut self, request: &Request) -> Attempt {
        let (run, mut connection) = match self.connection.take() {
            Some(connected) => connected,
            None => self.whereabouts.connect(),
        };
        // What breaks off has no answer, and neither has what is cut short by a killed hub.
        let answer = connection.exchange(request).ok();
        let receipt = answer
            .filter(|answer| answer.status() != 503)
            .map(|answer| {
                assert_eq!(
                    answer.status(),
                    200,
                    "{request:?} was answered by {answer:?}"
                );
                receipt(&answer)
            });
        let Some(receipt) = receipt else {
            return Attempt {
                run,
                outcome: Outcome::Unknown,
            };
        };
        self.connection = Some((run, connection));
        self.progress.acknowledged(run);
        Attempt {
            run,
            outcome: Outcome::Acknowledged(receipt),
        }
    }
}

impl Progress {
    fn acknowledged(&self, run: usize) {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        if *runs <= run {
            *runs = run + 1;
            self.changed.notify_all();
        }
    }
}

/// The data of an event, different from all others, is its idempotency key.
fn request(publication: &Publication, keys: Keys) -> Request {
    let durability = match publication.durability {
        Durability::Memory => "durability=memory",
        Durability::Disk => "",
    };
    if let [event] = &publication.events[..] {
        let topic = encode(&event.topic);
        let target = format!("/api/events?topic={topic}&{durability}");
        let request = Request::post(&target, event.data.as_str());
        return match keys {
            Keys::OneEach => request.header("Idempotency-Key", &key(&event.data)),
            Keys::None => request,
        };
    }
    let lines = publication.events.iter().map(|event| {
        let mut line = json!({"topic": event.topic, "data": event.data});
        if keys == Keys::OneEach {
            line["idempotency_key"] = Value::from(key(&event.data));
        }
        format!("{line}\n")
    });
    Request::post(
        &format!("/api/events?{durability}"),
        lines.collect::<String>(),
    )
    .header("Content-Type", "application/x-ndjson")
}

fn key(data: &str) -> String {
    data.replace(' ', "-")
}

fn receipt(answer: &Response) -> Receipt {
    let said = answer.json();
    let id = |name: &str| said[name].as_str().or_else(|| said["id"].as_str());
    let (Some(first), Some(last)) = (id("first"), id("last")) else {
        panic!("no receipt: {answer:?}");
    };
    Receipt {
        first: first.to_owned(),
        last: last.to_owned(),
        durability: match said["durability"].as_str() {
            Some("disk") => Durability::Disk,
            Some("memory") => Durability::Memory,
            _ => panic!("no durability: {answer:?}"),
        },
    }
}
