use serde_json::json;
use tidings_testkit::{
    Attempt, Durability, Ending, Event, History, Outcome, Publication, Reader, Receipt, Sent,
    Start, Visit,
};

pub(crate) const TOPICS: [&str; 3] = ["a", "b", "c"];
const SELECTORS: [&[&str]; 4] = [&["a"], &["a", "b"], &["*"], &["c"]];

#[derive(Debug, Clone, Copy)]
pub(crate) enum Op {
    Publish {
        topic: usize,
        count: usize,
        memory: bool,
        fate: Fate,
    },
    Read {
        reader: usize,
        count: usize,
    },
    Cut {
        reader: usize,
    },
    Restart {
        ending: Ending,
        lost: usize,
    },
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fate {
    Acknowledged,
    /// It is taken, but the answer is lost.
    Swallowed,
    /// It is lost.
    Dropped,
    Refused,
    /// It is taken or lost, and repeated with its key in the next run, if that knows the history.
    Repeated {
        swallowed: bool,
    },
}

/// What a simulation leaves to be judged.
#[derive(Debug, Clone)]
pub(crate) struct Recording {
    pub(crate) publishers: Vec<Vec<Publication>>,
    pub(crate) readers: Vec<Reader>,
    pub(crate) endings: Vec<Ending>,
}

impl Recording {
    pub(crate) fn history(&self) -> History {
        let mut history = History::default();
        for publications in &self.publishers {
            history.publisher(publications.clone());
        }
        for reader in &self.readers {
            history.reader(reader.clone());
        }
        for ending in &self.endings {
            history.run_ended(*ending);
        }
        history
    }
}

#[derive(Debug, Clone)]
struct Stored {
    sequence: u64,
    topic: usize,
    data: String,
    durability: Durability,
    lot: usize,
}

/// A log that keeps what it promises, with its readers.
#[derive(Debug)]
pub(crate) struct Simulation {
    era: usize,
    head: u64,
    stored: Vec<Stored>,
    /// The highest place up to which a crash may have taken something of each topic.
    lost: [u64; 3],
    volatile: [bool; 3],
    published: usize,
    repeats: Vec<(Publication, Option<(u64, u64)>)>,
    followers: Vec<Follower>,
    recording: Recording,
}

#[derive(Debug)]
struct Follower {
    reader: Reader,
    open: Option<Open>,
    /// What it comes back with: era, sequence.
    cursor: Option<(usize, u64)>,
}

#[derive(Debug)]
struct Open {
    visit: Visit,
    at: u64,
    /// The head when a replay was asked for; it ends with `tidings.resumed`.
    replay: Option<u64>,
}

impl Simulation {
    pub(crate) fn new() -> Self {
        let readers = SELECTORS.iter().enumerate();
        let followers = readers.map(|(number, selectors)| Follower {
            reader: Reader::new(&format!("reader {number}"), selectors),
            open: None,
            cursor: None,
        });
        Self {
            era: 0,
            head: 0,
            stored: Vec::new(),
            lost: [0; 3],
            volatile: [false; 3],
            published: 0,
            repeats: Vec::new(),
            followers: followers.collect(),
            recording: Recording {
                publishers: vec![Vec::new(); 2],
                readers: Vec::new(),
                endings: Vec::new(),
            },
        }
    }

    pub(crate) fn perform(&mut self, op: Op) {
        match op {
            Op::Publish {
                topic,
                count,
                memory,
                fate,
            } => self.publish(topic, count, memory, fate),
            Op::Read { reader, count } => self.read(reader, count),
            Op::Cut { reader } => self.cut(reader),
            Op::Restart { ending, lost } => self.restart(ending, lost),
        }
    }

    /// Lets every reader read what there is, and one more everything that is left.
    pub(crate) fn finish(mut self) -> Recording {
        for reader in 0..self.followers.len() {
            self.read(reader, usize::MAX);
            self.cut(reader);
        }
        let events = self.stored.iter().map(|stored| self.event(stored));
        let visit = Visit {
            run: self.recording.endings.len(),
            start: Start::Oldest,
            position: None,
            events: events.collect(),
        };
        let afresh = Reader::new("afresh", &["**"]).visit(visit);
        let followers = self.followers.into_iter();
        self.recording.readers = followers.map(|follower| follower.reader).collect();
        self.recording.readers.push(afresh);
        let repeats = self
            .repeats
            .into_iter()
            .map(|(publication, _)| vec![publication]);
        self.recording.publishers.extend(repeats);
        self.recording
    }

    fn publish(&mut self, topic: usize, count: usize, memory: bool, fate: Fate) {
        let durability = match (memory, fate) {
            (true, Fate::Repeated { .. }) | (false, _) => Durability::Disk,
            (true, _) => Durability::Memory,
        };
        let events = (0..count).map(|number| {
            self.published += 1;
            Sent {
                topic: TOPICS[(topic + number) % 3].to_owned(),
                data: format!("d{}", self.published),
            }
        });
        let mut publication = Publication {
            events: events.collect(),
            durability,
            attempts: Vec::new(),
        };
        let taken = match fate {
            Fate::Acknowledged | Fate::Swallowed | Fate::Repeated { swallowed: true } => {
                Some(self.take(&publication, topic))
            }
            Fate::Dropped | Fate::Refused | Fate::Repeated { swallowed: false } => None,
        };
        let outcome = match (fate, taken) {
            (Fate::Acknowledged, Some(taken)) => self.receipt(taken, durability),
            (Fate::Refused, _) => Outcome::Refused,
            _ => Outcome::Unknown,
        };
        let run = self.recording.endings.len();
        publication.attempts.push(Attempt { run, outcome });
        match fate {
            Fate::Repeated { .. } => self.repeats.push((publication, taken)),
            _ => self.recording.publishers[topic % 2].push(publication),
        }
    }

    fn take(&mut self, publication: &Publication, topic: usize) -> (u64, u64) {
        let first = self.head + 1;
        for (number, event) in publication.events.iter().enumerate() {
            self.head += 1;
            let topic = (topic + number) % 3;
            self.volatile[topic] |= publication.durability == Durability::Memory;
            self.stored.push(Stored {
                sequence: self.head,
                topic,
                data: event.data.clone(),
                durability: publication.durability,
                lot: self.published,
            });
        }
        (first, self.head)
    }

    fn receipt(&self, (first, last): (u64, u64), durability: Durability) -> Outcome {
        Outcome::Acknowledged(Receipt {
            first: self.id(first),
            last: self.id(last),
            durability,
        })
    }

    fn read(&mut self, reader: usize, count: usize) {
        if self.followers[reader].open.is_none() {
            let open = self.open(reader);
            self.followers[reader].open = Some(open);
        }
        for _ in 0..count {
            if !self.step(reader) {
                return;
            }
        }
    }

    fn open(&self, reader: usize) -> Open {
        let follower = &self.followers[reader];
        let follows = |topic: usize| follower.reader.follows(TOPICS[topic]);
        let run = self.recording.endings.len();
        let Some((era, sequence)) = follower.cursor else {
            return Open {
                visit: Visit {
                    run,
                    start: Start::Now,
                    position: Some(self.id(self.head)),
                    events: Vec::new(),
                },
                at: self.head,
                replay: None,
            };
        };
        let requested = id(era, sequence);
        let oldest = self.stored.iter().find(|stored| follows(stored.topic));
        let oldest = oldest.map(|stored| stored.sequence);
        let gap = |reason: &str, id: Option<String>| Event {
            id,
            event: "tidings.gap".to_owned(),
            data: json!({
                "reason": reason,
                "requested": requested,
                "oldest": oldest.map(|oldest| self.id(oldest)),
            })
            .to_string(),
        };
        let (at, position, events) = if era != self.era {
            let at = oldest.map_or(self.head, |oldest| oldest - 1);
            (at, None, vec![gap("epoch-changed", Some(self.id(at)))])
        } else if (0..3).any(|topic| follows(topic) && self.lost[topic] > sequence) {
            let gap = gap("evicted", None);
            (sequence, Some(requested.clone()), vec![gap])
        } else {
            (sequence, Some(requested.clone()), Vec::new())
        };
        Open {
            visit: Visit {
                run,
                start: Start::After(requested),
                position,
                events,
            },
            at,
            replay: Some(self.head),
        }
    }

    /// Gives a reader the next event, if there is one.
    fn step(&mut self, reader: usize) -> bool {
        let Some(mut open) = self.followers[reader].open.take() else {
            return false;
        };
        let follows = |topic: usize| self.followers[reader].reader.follows(TOPICS[topic]);
        let mut after = self
            .stored
            .iter()
            .filter(|stored| stored.sequence > open.at);
        let next = after.find(|stored| follows(stored.topic));
        let replayed = |head| next.is_none_or(|stored| stored.sequence > head);
        if open.replay.is_some_and(replayed) {
            open.replay = None;
            open.visit.events.push(crate::fixture::resumed("it"));
        }
        let there = next.is_some();
        if let Some(stored) = next {
            open.at = stored.sequence;
            open.visit.events.push(self.event(stored));
        }
        self.followers[reader].open = Some(open);
        there
    }

    fn cut(&mut self, reader: usize) {
        let era = self.era;
        let follower = &mut self.followers[reader];
        if let Some(open) = follower.open.take() {
            follower.cursor = Some((era, open.at));
            follower.reader.visits.push(open.visit);
        }
    }

    fn restart(&mut self, ending: Ending, lost: usize) {
        for reader in 0..self.followers.len() {
            self.cut(reader);
        }
        self.recording.endings.push(ending);
        match ending {
            Ending::Stopped => {}
            Ending::Crashed => self.crash(lost),
            Ending::Wiped => {
                self.era += 1;
                self.head = 0;
                self.stored.clear();
                self.lost = [0; 3];
            }
        }
        self.volatile = [false; 3];
        for stored in &mut self.stored {
            stored.durability = Durability::Disk; // What is still there has reached it.
        }
        for (mut publication, taken) in std::mem::take(&mut self.repeats) {
            if ending != Ending::Wiped {
                let topic = TOPICS
                    .iter()
                    .position(|topic| *topic == publication.events[0].topic);
                let topic = topic.expect("a topic of the simulation");
                let taken = taken.unwrap_or_else(|| self.take(&publication, topic));
                publication.attempts.push(Attempt {
                    run: self.recording.endings.len(),
                    outcome: self.receipt(taken, Durability::Disk),
                });
            }
            self.recording.publishers.push(vec![publication]);
        }
    }

    /// Takes the newest lots as long as they are in memory alone, and goes on beyond what had been
    /// reserved.
    fn crash(&mut self, lots: usize) {
        for _ in 0..lots {
            let Some(last) = self.stored.last() else {
                break;
            };
            if last.durability == Durability::Disk {
                break;
            }
            let lot = last.lot;
            self.stored.retain(|stored| stored.lot != lot);
        }
        self.head += 1000;
        for (lost, volatile) in self.lost.iter_mut().zip(self.volatile) {
            if volatile {
                *lost = self.head;
            }
        }
    }

    fn event(&self, stored: &Stored) -> Event {
        Event {
            id: Some(self.id(stored.sequence)),
            event: "message".to_owned(),
            data: stored.data.clone(),
        }
    }

    fn id(&self, sequence: u64) -> String {
        id(self.era, sequence)
    }
}

fn id(era: usize, sequence: u64) -> String {
    format!("epoch{era}-{sequence}")
}
