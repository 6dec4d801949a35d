use std::collections::{HashMap, HashSet};
use std::fmt;

use crate::event::Event;
use crate::position::Position;

/// What publishers sent and readers saw, to be judged together.
///
/// Every event of a history carries data of its own, by which it is told from the others. The
/// hub's own events are left out of the comparison.
#[derive(Debug, Clone, Default)]
pub struct History {
    publishers: Vec<Vec<Published>>,
    readers: Vec<Reader>,
}

/// An event that the hub accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The id that the hub answered.
    pub id: String,
    /// What was published.
    pub data: String,
}

/// One reader that may have come back several times.
#[derive(Debug, Clone)]
struct Reader {
    name: String,
    connections: Vec<Vec<Event>>,
}

/// The first promise that a history breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Violation {
    /// A reader saw an id that is not above the one before it.
    NotRising {
        /// The reader.
        reader: String,
        /// The earlier id.
        before: String,
        /// The id that follows it.
        after: String,
    },
    /// A reader received an event twice, over all its connections.
    Doubled {
        /// The reader.
        reader: String,
        /// The event.
        data: String,
    },
    /// A reader received what nobody published.
    Unexpected {
        /// The reader.
        reader: String,
        /// The event.
        data: String,
    },
    /// An event came with another id than its publisher was told.
    OtherId {
        /// The reader.
        reader: String,
        /// The id that the publisher was told.
        published: String,
        /// The id that the reader saw, empty for none.
        received: String,
    },
    /// A reader missed an event.
    Missing {
        /// The reader.
        reader: String,
        /// The event.
        data: String,
    },
    /// A publisher's events were reordered.
    OutOfPublisherOrder {
        /// The event that overtook an earlier one of its publisher.
        data: String,
    },
}

impl History {
    /// Adds one publisher's events in the order it sent them, each after the answer to the one
    /// before.
    pub fn publisher(&mut self, events: Vec<Published>) {
        self.publishers.push(events);
    }

    /// Adds what a reader received on each of its connections.
    pub fn reader(&mut self, name: &str, connections: Vec<Vec<Event>>) {
        self.readers.push(Reader {
            name: name.to_owned(),
            connections,
        });
    }

    /// Whether every reader saw every event once and with its id, ids rising over all its
    /// connections, and each publisher's events kept their order.
    ///
    /// As an event has one id, rising ids make the order the same for all readers.
    ///
    /// # Errors
    ///
    /// The first violation found.
    pub fn check(&self) -> Result<(), Violation> {
        let ids: HashMap<&str, &str> = self
            .publishers
            .iter()
            .flatten()
            .map(|event| (event.data.as_str(), event.id.as_str()))
            .collect();
        for reader in &self.readers {
            check_reader(reader, &ids)?;
        }
        self.check_publishers()
    }

    /// Panics with the violation unless the history holds.
    ///
    /// # Panics
    ///
    /// When [`check`](Self::check) finds a violation.
    #[track_caller]
    pub fn assert_holds(&self) {
        if let Err(violation) = self.check() {
            panic!("{violation}");
        }
    }

    fn check_publishers(&self) -> Result<(), Violation> {
        for events in &self.publishers {
            for pair in events.windows(2) {
                if !rises(&pair[0].id, &pair[1].id) {
                    return Err(Violation::OutOfPublisherOrder {
                        data: pair[1].data.clone(),
                    });
                }
            }
        }
        Ok(())
    }
}

fn check_reader(reader: &Reader, ids: &HashMap<&str, &str>) -> Result<(), Violation> {
    let name = || reader.name.clone();
    let mut data = HashSet::new();
    let mut before: Option<&str> = None;
    for connection in &reader.connections {
        for event in connection.iter().filter(|event| !event.is_control()) {
            let id = event.id.as_deref().unwrap_or("");
            let Some(published) = ids.get(event.data.as_str()) else {
                return Err(Violation::Unexpected {
                    reader: name(),
                    data: event.data.clone(),
                });
            };
            if *published != id {
                return Err(Violation::OtherId {
                    reader: name(),
                    published: (*published).to_owned(),
                    received: id.to_owned(),
                });
            }
            if !data.insert(event.data.as_str()) {
                return Err(Violation::Doubled {
                    reader: name(),
                    data: event.data.clone(),
                });
            }
            let last = before.replace(id);
            if let Some(before) = last.filter(|before| !rises(before, id)) {
                return Err(Violation::NotRising {
                    reader: name(),
                    before: before.to_owned(),
                    after: id.to_owned(),
                });
            }
        }
    }
    let mut missing = ids.keys().filter(|published| !data.contains(**published));
    match missing.next() {
        Some(missing) => Err(Violation::Missing {
            reader: name(),
            data: (*missing).to_owned(),
        }),
        None => Ok(()),
    }
}

fn rises(before: &str, after: &str) -> bool {
    let (before, after) = (Position::of(before), Position::of(after));
    before.epoch == after.epoch && before.sequence < after.sequence
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRising {
                reader,
                before,
                after,
            } => write!(f, "{reader} saw id {after} after {before}"),
            Self::Doubled { reader, data } => write!(f, "{reader} saw {data:?} twice"),
            Self::Unexpected { reader, data } => {
                write!(f, "{reader} saw {data:?}, which nobody published")
            }
            Self::OtherId {
                reader,
                published,
                received,
            } => write!(f, "{reader} saw id {received:?} for {published:?}"),
            Self::Missing { reader, data } => write!(f, "{reader} missed {data:?}"),
            Self::OutOfPublisherOrder { data } => {
                write!(f, "{data:?} overtook an earlier event of its publisher")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{History, Published, Violation};
    use crate::Event;

    fn event(id: &str, data: &str) -> Event {
        Event {
            id: Some(id.to_owned()),
            event: "note".to_owned(),
            data: data.to_owned(),
        }
    }

    /// A history of the events a, b and c with ids 1 to 3, a and c by the same publisher, read
    /// whole by one reader and as given by another.
    fn check(connections: &[&[(&str, &str)]]) -> Result<(), Violation> {
        let published = |id: &str, data: &str| Published {
            id: id.to_owned(),
            data: data.to_owned(),
        };
        let events = |connection: &[(&str, &str)]| {
            connection
                .iter()
                .map(|(id, data)| event(id, data))
                .collect::<Vec<_>>()
        };
        let mut history = History::default();
        history.publisher(vec![published("e-1", "a"), published("e-3", "c")]);
        history.publisher(vec![published("e-2", "b")]);
        history.reader(
            "whole",
            vec![events(&[("e-1", "a"), ("e-2", "b"), ("e-3", "c")])],
        );
        history.reader(
            "other",
            connections.iter().map(|seen| events(seen)).collect(),
        );
        history.check()
    }

    #[test]
    fn a_reader_that_came_back_and_missed_nothing_is_fine() {
        let seen = check(&[&[("e-1", "a"), ("e-2", "b")], &[], &[("e-3", "c")]]);
        assert_eq!(seen, Ok(()));
    }

    #[test]
    fn the_words_of_the_hub_are_not_compared() {
        let mut history = History::default();
        let gap = Event {
            event: "tidings.gap".to_owned(),
            ..event("e-9", "{}")
        };
        history.reader("r", vec![vec![gap]]);
        assert_eq!(history.check(), Ok(()));
    }

    #[test]
    fn a_missing_event_is_found() {
        let seen = check(&[&[("e-1", "a")], &[("e-3", "c")]]);
        assert!(matches!(seen, Err(Violation::Missing { data, .. }) if data == "b"));
        assert!(matches!(check(&[]), Err(Violation::Missing { .. })));
    }

    #[test]
    fn a_doubled_event_is_found_within_and_across_connections() {
        let within = check(&[&[("e-1", "a"), ("e-1", "a"), ("e-2", "b"), ("e-3", "c")]]);
        assert!(matches!(within, Err(Violation::Doubled { data, .. }) if data == "a"));
        let across = check(&[&[("e-1", "a"), ("e-2", "b")], &[("e-2", "b"), ("e-3", "c")]]);
        assert!(matches!(across, Err(Violation::Doubled { data, .. }) if data == "b"));
    }

    #[test]
    fn swapped_events_are_found_within_and_across_connections() {
        let within = check(&[&[("e-2", "b"), ("e-1", "a"), ("e-3", "c")]]);
        assert!(matches!(within, Err(Violation::NotRising { .. })));
        let across = check(&[&[("e-2", "b"), ("e-3", "c")], &[("e-1", "a")]]);
        assert!(matches!(across, Err(Violation::NotRising { .. })));
    }

    #[test]
    fn an_event_with_anothers_id_or_none_is_found() {
        let seen = check(&[&[("e-1", "a"), ("e-4", "b"), ("e-3", "c")]]);
        assert!(matches!(seen, Err(Violation::OtherId { received, .. }) if received == "e-4"));
        let mut history = History::default();
        history.publisher(vec![Published {
            id: "e-1".to_owned(),
            data: "a".to_owned(),
        }]);
        let nameless = Event {
            id: None,
            ..event("", "a")
        };
        history.reader("r", vec![vec![nameless]]);
        assert!(
            matches!(history.check(), Err(Violation::OtherId { received, .. }) if received.is_empty())
        );
    }

    #[test]
    fn an_event_that_nobody_published_is_found() {
        let seen = check(&[&[("e-1", "a"), ("e-2", "z"), ("e-3", "c")]]);
        assert!(matches!(seen, Err(Violation::Unexpected { data, .. }) if data == "z"));
    }

    #[test]
    fn ids_of_another_epoch_do_not_rise() {
        let published = |id: &str, data: &str| Published {
            id: id.to_owned(),
            data: data.to_owned(),
        };
        let mut history = History::default();
        history.publisher(vec![published("e-1", "a"), published("f-2", "b")]);
        history.reader("r", vec![vec![event("e-1", "a"), event("f-2", "b")]]);
        assert!(matches!(history.check(), Err(Violation::NotRising { .. })));
    }

    #[test]
    fn a_publisher_whose_events_were_reordered_is_found() {
        let published = |id: &str, data: &str| Published {
            id: id.to_owned(),
            data: data.to_owned(),
        };
        let mut history = History::default();
        history.publisher(vec![published("e-2", "a"), published("e-1", "b")]);
        history.reader("r", vec![vec![event("e-1", "b"), event("e-2", "a")]]);
        let found = history.check();
        assert!(matches!(found, Err(Violation::OutOfPublisherOrder { data }) if data == "b"));
    }
}
