//! The broker against a plain model: a list of all events there ever were, and for each reader what it may expect.

mod publishing;
mod reading;
mod steps;
mod subscribing;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    task::Poll,
};

use proptest::prelude::*;
use tidings::{
    Broker, Capacity, ChangeError, Control, Delivery, Event, GapReason, GoodbyeReason, LagPolicy,
    Publication, PublishError, Retention, Selector, StartAt, Subscriber, Subscription, Topic,
};

use crate::fixture::{Bell, Now, name, poll, selector, topic};

use steps::{Line, Start, Step, step};

const TOPICS: [&str; 5] = ["a", "b", "c/1", "c/2", "d"];
const SELECTORS: [&str; 8] = ["a", "b", "c/1", "c/2", "d", "c/*", "**", "*"];
const KEYS: [&str; 2] = ["j", "k"];
const EVENTS_PER_TOPIC: usize = 3;
const MAX_TOPICS: usize = 4;

#[derive(Debug)]
struct Past {
    topic: Topic,
    key: Option<usize>,
    named: bool,
    /// The number of the step in which it went.
    gone: Option<usize>,
}

#[derive(Debug)]
struct Known {
    ended: bool,
    last: u64,
    /// What had been forgotten when it appeared; up to here nobody knows what it was.
    before: u64,
}

/// What is wanted, from after a sequence on.
#[derive(Clone, Debug)]
struct Wanted {
    after: u64,
    selectors: BTreeSet<Selector>,
    filtered: bool,
}

impl Wanted {
    fn names(&self, topic: &Topic) -> bool {
        self.selectors.contains(&Selector::Topic(topic.clone()))
    }

    fn matches(&self, topic: &Topic) -> bool {
        self.selectors
            .iter()
            .any(|selector| selector.matches(topic))
    }

    fn topics<'a>(&'a self) -> Option<Vec<&'a Topic>> {
        let topic = |selector: &'a Selector| match selector {
            Selector::Topic(topic) => Some(topic),
            Selector::Pattern(_) => None,
        };
        self.selectors.iter().map(topic).collect()
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Final,
    Deleted,
}

#[derive(Debug)]
struct Reader {
    subscriber: Subscriber,
    bell: Arc<Bell>,
    /// How often the bell had rung when it was parked, while it should not have rung since.
    parked: Option<usize>,
    born: usize,
    wanted: Vec<Wanted>,
    /// Everything up to here was handed out or is excused.
    position: u64,
    /// The last step in which it was told that what had gone is missing.
    excused: usize,
    /// Nothing was handed out yet of a start without an id.
    fresh: bool,
    replay_until: u64,
    awaited: Vec<&'static str>,
    replayed: u64,
    deletions: usize,
    changes: usize,
    end: Option<(u64, End)>,
}

impl Reader {
    fn now(&self) -> &Wanted {
        self.wanted.last().unwrap()
    }

    fn in_scope(&self, sequence: u64, past: &Past) -> bool {
        let wanted = self
            .wanted
            .iter()
            .rev()
            .find(|wanted| wanted.after < sequence);
        wanted.is_some_and(|wanted| wanted.matches(&past.topic))
            && past.gone.is_none_or(|gone| gone > self.born)
    }

    fn is_owed(&self, sequence: u64, past: &Past) -> bool {
        self.in_scope(sequence, past)
            && (past.named || !self.now().filtered)
            && self.end.is_none_or(|(end, _)| sequence <= end)
    }
}

#[derive(Debug)]
struct World {
    broker: Broker,
    policy: LagPolicy,
    large: Arc<str>,
    step: usize,
    all: Vec<Past>,
    topics: BTreeMap<Topic, Known>,
    forgotten: u64,
    readers: Vec<Reader>,
}
impl World {
    fn new(policy: LagPolicy) -> Self {
        let broker = Broker::builder()
            .lag(policy)
            .retention(Retention {
                events: EVENTS_PER_TOPIC as u64,
                ..Retention::default()
            })
            .capacity(Capacity {
                topics: MAX_TOPICS,
                ..Capacity::default()
            })
            .build();
        let large = "x".repeat(900 << 10).into();
        let (all, topics, readers) = (Vec::new(), BTreeMap::new(), Vec::new());
        Self {
            broker,
            policy,
            large,
            step: 0,
            all,
            topics,
            forgotten: 0,
            readers,
        }
    }

    fn head(&self) -> u64 {
        self.all.len() as u64
    }

    /// The events with their sequences, oldest first.
    fn events(&self) -> impl DoubleEndedIterator<Item = (u64, &Past)> {
        self.all
            .iter()
            .enumerate()
            .map(|(place, past)| (place as u64 + 1, past))
    }

    fn retained(&self, wanted: &Wanted) -> impl DoubleEndedIterator<Item = (u64, &Past)> {
        self.events()
            .filter(|(_, past)| past.gone.is_none() && wanted.matches(&past.topic))
    }

    fn take(&mut self, step: Step) -> Result<(), TestCaseError> {
        self.step += 1;
        let readers = self.readers.len();
        match step {
            Step::Publish(lines) => self.publish(&lines)?,
            Step::Delete(topic) => self.delete(&named(topic))?,
            Step::Subscribe {
                selectors,
                filtered,
                start,
            } => self.subscribe(&selectors, filtered, &start)?,
            _ if readers == 0 => {}
            Step::TakeOne(reader) => self.read(reader.index(readers), false)?,
            Step::TakeAll(reader) => self.read(reader.index(readers), true)?,
            Step::Change {
                reader,
                subscribe,
                unsubscribe,
            } => {
                self.change(reader.index(readers), &subscribe, &unsubscribe)?;
            }
            Step::Disconnect(reader) => self.disconnect(reader.index(readers))?,
            Step::Drop(reader) => drop(self.readers.remove(reader.index(readers))),
        }
        let stats = self.broker.stats();
        prop_assert_eq!(
            (stats.topics, stats.subscriptions),
            (self.topics.len(), self.readers.len())
        );
        prop_assert_eq!(
            stats.events,
            self.events()
                .filter(|(_, past)| past.gone.is_none())
                .count()
        );
        for place in 0..TOPICS.len() {
            let topic = named(place);
            prop_assert_eq!(
                self.broker.subscriber_count(&topic),
                self.members(&topic).count()
            );
        }
        Ok(())
    }

    fn members<'a>(&'a self, topic: &'a Topic) -> impl Iterator<Item = &'a Reader> {
        self.readers
            .iter()
            .filter(|reader| reader.end.is_none() && reader.now().matches(topic))
    }

    fn is_named(&self, topic: &Topic) -> bool {
        self.members(topic).any(|reader| reader.now().names(topic))
    }

    fn has_ended(&self, wanted: &Wanted) -> bool {
        let ended = |topic: &&Topic| self.topics.get(*topic).is_some_and(|known| known.ended);
        wanted
            .topics()
            .is_some_and(|topics| topics.iter().all(ended))
    }
}

/// A parked reader for which there is something new has been woken.
fn check_woken(reader: &mut Reader) -> Result<(), TestCaseError> {
    if let Some(rung) = reader.parked.take() {
        prop_assert!(reader.bell.rung() > rung, "a parked reader was not woken");
    }
    Ok(())
}

fn named(place: usize) -> Topic {
    topic(TOPICS[place])
}

proptest! {
    #[test]
    fn every_reader_gets_what_the_model_says(
        policy in prop::sample::select(vec![LagPolicy::Disconnect, LagPolicy::Skip, LagPolicy::Conflate]),
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let mut world = World::new(policy);
        for step in steps {
            world.take(step)?;
        }
        for place in (0..world.readers.len()).rev() {
            world.read(place, true)?;
        }
        world.readers.clear();
        let stats = world.broker.stats();
        prop_assert_eq!((stats.subscriptions, stats.groups), (0, 0));
    }
}
