//! Fed streams while events go from the log, at any moment: whatever a stream is not given, it is told of first.

use std::{collections::VecDeque, sync::Arc, task::Waker, time::Duration};

use bytes::Bytes;
use futures_util::FutureExt;
use proptest::prelude::*;
use tidings::{Broker, Event, Fed, Feed, GroupId, LagPolicy, Retention};

use crate::fixture::{Bell, Now, name, selector, to, topic};

use super::engine::{ENOUGH, Stream, data, large};

const TOPICS: [&str; 4] = ["a", "b", "c/1", "c/2"];
const SELECTORS: [&str; 5] = ["a", "b", "c/1", "c/*", "**"];
const TYPE: &str = "x";
const KEPT: u64 = 4;

type Any = prop::sample::Index;

#[derive(Clone, Copy, Debug)]
struct Line {
    topic: usize,
    large: bool,
    typed: bool,
}

#[derive(Clone, Debug)]
enum Step {
    Publish(Line),
    Open {
        thread: usize,
        selectors: Vec<usize>,
        typed: bool,
    },
    /// A stream leaves its feed, goes on by itself, and may be fed then.
    Look(Any, bool),
    Leave(Any),
    /// A fed stream is given so many of the events that it has not had.
    Give(Any, usize),
    Take(Any, usize),
    Delete(usize),
    Drop(Any),
    Close,
}

/// A stream and what it is about.
#[derive(Debug)]
struct Told {
    stream: Stream,
    thread: usize,
    selectors: Vec<usize>,
    typed: bool,
    /// The next event that it may be given.
    next: usize,
    /// It knows that something before this event is missing.
    told: usize,
    is_over: bool,
}

/// A feed, and all that it has taken and somebody has not had.
#[derive(Debug)]
struct Fanout {
    thread: usize,
    feed: Feed,
    bell: Arc<Bell>,
    blocks: VecDeque<Bytes>,
    /// The number of the first of them.
    first: u64,
}

#[derive(Debug)]
struct World {
    broker: Broker,
    published: Vec<Line>,
    streams: Vec<Told>,
    fanouts: Vec<Fanout>,
}

impl Told {
    fn wants(&self, line: &Line) -> bool {
        let topic = topic(TOPICS[line.topic]);
        let matches = |place: &usize| selector(SELECTORS[*place]).matches(&topic);
        self.selectors.iter().any(matches) && (line.typed || !self.typed)
    }

    /// Checks that what was given last is in order and came once, and that a gap stands before what follows a loss.
    fn check(&mut self, published: &[Line]) {
        for got in self.stream.got() {
            if got.starts_with("<gap") {
                self.told = published.len();
            } else if got.starts_with('<') {
                self.is_over = true;
            } else {
                let number: usize = got.parse().unwrap();
                assert!(number >= self.next, "{number} again");
                assert!(self.wants(&published[number]), "{number} is not for it");
                self.check_missing(&published[..number]);
                self.next = number + 1;
            }
        }
    }

    /// Checks that it misses nothing of these that it has not been told of.
    fn check_missing(&self, published: &[Line]) {
        let untold = published.iter().skip(self.next.max(self.told));
        let missing: Vec<_> = untold.filter(|line| self.wants(line)).collect();
        assert!(missing.is_empty(), "{missing:?} from {}", self.next);
    }
}

impl World {
    fn new(lag: LagPolicy) -> Self {
        let retention = Retention {
            events: KEPT,
            ..Retention::default()
        };
        Self {
            broker: Broker::builder().lag(lag).retention(retention).build(),
            published: Vec::new(),
            streams: Vec::new(),
            fanouts: Vec::new(),
        }
    }

    fn step(&mut self, step: Step) {
        let (streams, fanouts) = (self.streams.len(), self.fanouts.len());
        match step {
            Step::Publish(line) => self.publish(line),
            Step::Open {
                thread,
                selectors,
                typed,
            } => self.open(thread, selectors, typed),
            Step::Delete(place) => drop(self.broker.delete(&topic(TOPICS[place])).now()),
            Step::Close => drop(self.broker.close(Duration::MAX).now_or_never()),
            Step::Take(any, limit) if fanouts > 0 => drop(self.take(any.index(fanouts), limit)),
            Step::Take(..) => {}
            _ if streams == 0 => {}
            Step::Look(any, is_fed) => {
                let place = any.index(streams);
                self.leave(place);
                self.go_on(place);
                if is_fed {
                    self.join(place);
                }
            }
            Step::Leave(any) => self.leave(any.index(streams)),
            Step::Give(any, events) => self.give(any.index(streams), events),
            Step::Drop(any) => {
                let place = any.index(streams);
                self.leave(place);
                self.streams.remove(place);
            }
        }
    }

    fn publish(&mut self, line: Line) {
        let number = self.published.len().to_string();
        let data = if line.large { large(&number) } else { number };
        let mut event = Event::new(data);
        if line.typed {
            event = event.named(name(TYPE));
        }
        let published = self.broker.publish(topic(TOPICS[line.topic]), event).now();
        if published.is_ok() {
            self.published.push(line);
        }
    }

    fn open(&mut self, thread: usize, selectors: Vec<usize>, typed: bool) {
        if self.broker.is_closed() {
            return;
        }
        let texts: Vec<_> = selectors.iter().map(|place| SELECTORS[*place]).collect();
        let mut subscription = to(&texts);
        if typed {
            subscription = subscription.only([name(TYPE)]);
        }
        self.streams.push(Told {
            stream: Stream::of(&self.broker, subscription),
            thread,
            selectors,
            typed,
            next: self.published.len(),
            told: 0,
            is_over: false,
        });
    }

    fn fanout(&self, thread: usize, group: GroupId) -> Option<usize> {
        self.fanouts
            .iter()
            .position(|fanout| fanout.thread == thread && fanout.feed.group() == group)
    }

    /// Where a stream is fed.
    fn fanout_of(&self, place: usize) -> Option<usize> {
        let Told { stream, thread, .. } = &self.streams[place];
        stream.next?;
        self.fanout(*thread, stream.member.group()?)
    }

    fn members(&self, index: usize) -> Vec<usize> {
        let places = 0..self.streams.len();
        places
            .filter(|place| self.fanout_of(*place) == Some(index))
            .collect()
    }

    fn join(&mut self, place: usize) {
        let Told { stream, thread, .. } = &self.streams[place];
        let Some(group) = stream.member.group() else {
            return;
        };
        let index = self.fanout(*thread, group).unwrap_or(self.fanouts.len());
        if index == self.fanouts.len() {
            let bell: Arc<Bell> = Arc::default();
            let Some(feed) = Feed::new(&stream.member, Waker::from(bell.clone())) else {
                return;
            };
            self.fanouts.push(Fanout {
                thread: *thread,
                feed,
                bell,
                blocks: VecDeque::new(),
                first: 0,
            });
        }
        let stream = &mut self.streams[place].stream;
        let waker = Waker::from(stream.bell.clone());
        let fanout = &mut self.fanouts[index];
        stream.next = fanout.feed.join(&stream.member, waker);
        if self.members(index).is_empty() {
            self.fanouts.remove(index);
        }
    }

    fn leave(&mut self, place: usize) {
        let Some(index) = self.fanout_of(place) else {
            return;
        };
        let stream = &mut self.streams[place].stream;
        let next = stream.next.take().unwrap();
        self.fanouts[index].feed.leave(&stream.member, next);
        if self.members(index).is_empty() {
            self.fanouts.remove(index);
        }
    }

    fn give(&mut self, place: usize, events: usize) {
        let Some(index) = self.fanout_of(place) else {
            return;
        };
        let Fanout { blocks, first, .. } = &self.fanouts[index];
        let stream = &mut self.streams[place].stream;
        let next = stream.next.as_mut().unwrap();
        let skipped = usize::try_from(next.saturating_sub(*first)).unwrap();
        for block in blocks.iter().skip(skipped).take(events) {
            stream.got.push(data(block));
            *next += 1;
        }
        self.streams[place].check(&self.published);
    }

    /// A stream takes all that there is for it by itself.
    fn go_on(&mut self, place: usize) {
        let told = &mut self.streams[place];
        told.stream.go_on();
        told.check(&self.published);
    }

    /// False if there is nothing for now.
    fn take(&mut self, index: usize, limit: usize) -> bool {
        let members = self.members(index);
        let numbers = members
            .iter()
            .filter_map(|place| self.streams[*place].stream.next);
        let slowest = numbers.min().unwrap();
        let fanout = &mut self.fanouts[index];
        fanout.feed.settle(slowest);
        while fanout.first < slowest && fanout.blocks.pop_front().is_some() {
            fanout.first += 1;
        }
        let rung = fanout.bell.rung();
        let mut taken = Vec::new();
        match fanout.feed.take(limit, &mut taken) {
            Fed::Events { first } => {
                if fanout.blocks.is_empty() {
                    fanout.first = first;
                }
                assert_eq!(fanout.first + fanout.blocks.len() as u64, first);
                fanout.blocks.extend(taken);
                true
            }
            Fed::Nothing => fanout.bell.rung() > rung,
            Fed::Dissolved => {
                members.into_iter().for_each(|place| self.leave(place));
                true
            }
        }
    }

    /// Everybody is given all there is.
    fn settle(&mut self) {
        while let Some(index) = self.fanouts.len().checked_sub(1) {
            let before = self.fanouts.len();
            let goes_on = self.take(index, ENOUGH);
            if self.fanouts.len() < before {
                continue;
            }
            for place in self.members(index) {
                self.give(place, usize::MAX);
                if !goes_on {
                    self.leave(place);
                }
            }
        }
        for place in 0..self.streams.len() {
            self.go_on(place);
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    let line = (0..TOPICS.len(), prop::bool::weighted(0.3), any::<bool>());
    let publish = line.prop_map(|(topic, large, typed)| {
        Step::Publish(Line {
            topic,
            large,
            typed,
        })
    });
    let selectors = prop::sample::subsequence((0..SELECTORS.len()).collect::<Vec<_>>(), 1..3);
    let open = (0..2_usize, selectors, prop::bool::weighted(0.3)).prop_map(
        |(thread, selectors, typed)| Step::Open {
            thread,
            selectors,
            typed,
        },
    );
    prop_oneof![
        160 => publish,
        40 => open,
        80 => (any::<Any>(), prop::bool::weighted(0.8)).prop_map(|(any, is_fed)| Step::Look(any, is_fed)),
        20 => any::<Any>().prop_map(Step::Leave),
        60 => (any::<Any>(), 1..4_usize).prop_map(|(any, events)| Step::Give(any, events)),
        90 => (any::<Any>(), prop_oneof![Just(0), Just(100), Just(ENOUGH)])
            .prop_map(|(any, limit)| Step::Take(any, limit)),
        15 => (0..TOPICS.len()).prop_map(Step::Delete),
        10 => any::<Any>().prop_map(Step::Drop),
        1 => Just(Step::Close),
    ]
}

proptest! {
    // Large events make a case cost a few dozen milliseconds.
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_a_stream_is_not_given_it_is_told_of(
        lag in prop::sample::select(vec![LagPolicy::Disconnect, LagPolicy::Skip, LagPolicy::Conflate]),
        steps in prop::collection::vec(step(), 1..150),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let _entered = runtime.enter();
        let mut world = World::new(lag);
        for step in steps {
            world.step(step);
        }
        world.settle();
        for told in world.streams.iter().filter(|told| !told.is_over) {
            told.check_missing(&world.published);
        }
        let World { broker, streams, fanouts, .. } = world;
        drop((streams, fanouts));
        let stats = broker.stats();
        prop_assert_eq!((stats.subscriptions, stats.groups), (0, 0));
    }
}
