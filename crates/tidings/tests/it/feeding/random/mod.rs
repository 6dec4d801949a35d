//! Fed streams against streams of the same subscription, made at the same moment, that take for themselves.
//!
//! What is missing for a reader that is behind depends on when it takes, and on what it had been given before. So
//! nothing goes from the log, and no reader is dismissed, while any has something waiting, and all are given something
//! before the next can fall behind. What is random is everything else.

mod steps;

use std::{pin::pin, time::Duration};

use futures_util::FutureExt;
use proptest::prelude::*;
use tidings::{
    Broker, Capacity, Event, Fed, GroupId, LagPolicy, Retention, Selector, StartAt, Subscription,
};

use crate::fixture::{Now, topic};

use super::engine::{ENOUGH, Engine, Stream, large};

use steps::{Line, Start, Step, TOPICS, chosen, step};

const AGE: Duration = Duration::from_secs(60);
/// Fewer than may wait for a stream.
const MAX_CHANGES: usize = 10;

/// Two streams of the same subscription, one of which may be fed.
#[derive(Debug)]
struct Pair {
    thread: usize,
    fed: Stream,
    own: Stream,
    /// How often it had been woken when it was last looked at; `None` if it is to be looked at anyway.
    seen: Option<usize>,
    changes: usize,
}

/// The feed of one thread for one group.
#[derive(Debug)]
struct Fanout {
    thread: usize,
    engine: Engine,
    /// The same as of a pair.
    seen: Option<usize>,
}

#[derive(Debug)]
struct World {
    broker: Broker,
    published: usize,
    pairs: Vec<Pair>,
    fanouts: Vec<Fanout>,
}

impl Pair {
    fn is_fed_by(&self, fanout: &Fanout) -> bool {
        let group = fanout.engine.feed.group();
        self.fed.next.is_some()
            && self.thread == fanout.thread
            && self.fed.member.group() == Some(group)
    }
}

impl World {
    fn new(policy: LagPolicy) -> Self {
        let broker = Broker::builder()
            .lag(policy)
            .retention(Retention {
                events: 1_000,
                bytes: 1 << 30,
                age: AGE,
            })
            .capacity(Capacity {
                bytes: 1 << 30,
                ..Capacity::default()
            })
            .build();
        Self {
            broker,
            published: 0,
            pairs: Vec::new(),
            fanouts: Vec::new(),
        }
    }

    async fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        let (pairs, fanouts) = (self.pairs.len(), self.fanouts.len());
        match step {
            Step::Publish(line) => self.publish(&line),
            Step::Open {
                thread,
                selectors,
                start,
            } => self.open(thread, &selectors, start),
            Step::Run => self.run(),
            Step::Delete(place) => {
                self.settle()?;
                self.publish(&Line::small((place + 1) % TOPICS.len()));
                self.broker.delete(&topic(TOPICS[place])).now().unwrap();
                self.publish_on_all();
                self.settle()?;
            }
            Step::Expire => {
                self.settle()?;
                tokio::time::advance(AGE).await;
                self.broker.expire();
                prop_assert_eq!(self.broker.stats().events, 0);
                self.publish_on_all();
                self.settle()?;
            }
            Step::Take(any, limit) if fanouts > 0 => self.fan_out(any.index(fanouts), limit),
            Step::Take(..) => {}
            _ if pairs == 0 => {}
            Step::Look(any) => {
                let place = any.index(pairs);
                self.look(place);
                self.join(place);
            }
            Step::LookOnly(any) => self.look(any.index(pairs)),
            Step::Join(any) => self.join(any.index(pairs)),
            Step::TakeOwn(any) => self.pairs[any.index(pairs)].own.go_on(),
            Step::Leave(any) => self.leave(any.index(pairs)),
            Step::HandOne(any) => self.hand(any.index(pairs), |engine, stream| {
                engine.hand_one(stream);
            }),
            Step::Hand(any) => self.hand(any.index(pairs), Engine::hand),
            Step::Change(any, subscribe, unsubscribe) => {
                self.change(any.index(pairs), &chosen(&subscribe), &chosen(&unsubscribe))?;
            }
            Step::Disconnect(any) => self.disconnect(any.index(pairs))?,
            Step::Drop(any) => {
                let place = any.index(pairs);
                self.leave(place);
                self.pairs.remove(place);
            }
        }
        Ok(())
    }

    fn publish(&mut self, line: &Line) {
        self.published += 1;
        let mut data = self.published.to_string();
        if line.large {
            data = large(&data);
        }
        let mut event = Event::new(data);
        if line.key {
            event = event.keyed("k");
        }
        if line.last {
            event = event.ending_topic();
        }
        // The topic may have ended.
        drop(self.broker.publish(topic(TOPICS[line.topic]), event).now());
    }

    fn publish_on_all(&mut self) {
        for topic in 0..TOPICS.len() {
            self.publish(&Line::small(topic));
        }
    }

    fn open(&mut self, thread: usize, selectors: &[usize], start: Start) {
        let mut selectors = chosen(selectors).into_iter();
        let first = Subscription::to(selectors.next().unwrap());
        let subscription = selectors.fold(first, Subscription::and);
        let subscription = match start {
            Start::Now => subscription,
            Start::Oldest => subscription.start_at(StartAt::Start),
            Start::Hello => subscription.hello(),
            Start::Resume => subscription.resume_after(self.broker.position().to_string()),
        };
        let open = || Stream::of(&self.broker, subscription.clone());
        let (fed, own) = (open(), open());
        self.pairs.push(Pair {
            thread,
            fed,
            own,
            seen: None,
            changes: 0,
        });
    }

    /// A stream leaves its feed, if it is fed, and is to be looked at then.
    fn leave(&mut self, place: usize) {
        let pair = &self.pairs[place];
        let Some(index) = self
            .fanouts
            .iter()
            .position(|fanout| pair.is_fed_by(fanout))
        else {
            return;
        };
        self.fanouts[index].engine.leave(&mut self.pairs[place].fed);
        self.pairs[place].seen = None;
        self.close_if_empty(index);
    }

    fn close_if_empty(&mut self, index: usize) {
        let fanout = &self.fanouts[index];
        if !self.pairs.iter().any(|pair| pair.is_fed_by(fanout)) {
            self.fanouts.remove(index);
        }
    }

    fn look(&mut self, place: usize) {
        self.leave(place);
        let pair = &mut self.pairs[place];
        pair.fed.go_on();
        pair.seen = Some(pair.fed.bell.rung());
    }

    fn join(&mut self, place: usize) {
        let Pair { thread, fed, .. } = &self.pairs[place];
        let Some(group) = fed.member.group().filter(|_| fed.next.is_none()) else {
            return;
        };
        let thread = *thread;
        let known = self.fanout(thread, group);
        let index = known.unwrap_or(self.fanouts.len());
        if known.is_none() {
            let Some(engine) = Engine::open(&self.pairs[place].fed) else {
                return;
            };
            self.fanouts.push(Fanout {
                thread,
                engine,
                seen: None,
            });
        }
        self.fanouts[index].engine.join(&mut self.pairs[place].fed);
        self.close_if_empty(index);
    }

    fn fanout(&self, thread: usize, group: GroupId) -> Option<usize> {
        self.fanouts
            .iter()
            .position(|fanout| fanout.thread == thread && fanout.engine.feed.group() == group)
    }

    fn hand(&mut self, place: usize, give: impl Fn(&Engine, &mut Stream)) {
        let pair = &mut self.pairs[place];
        if let Some(fanout) = self.fanouts.iter().find(|fanout| pair.is_fed_by(fanout)) {
            give(&fanout.engine, &mut pair.fed);
        }
    }

    fn fan_out(&mut self, index: usize, limit: usize) {
        let places = 0..self.pairs.len();
        let fanout = &self.fanouts[index];
        let members: Vec<_> = places
            .filter(|place| self.pairs[*place].is_fed_by(fanout))
            .collect();
        for place in &members {
            self.hand(*place, Engine::hand);
        }
        let fanout = &mut self.fanouts[index];
        let rung = fanout.engine.bell.rung();
        match fanout.engine.take(limit) {
            Fed::Nothing => fanout.seen = Some(rung),
            Fed::Events { .. } => fanout.seen = None,
            Fed::Dissolved => members.into_iter().for_each(|place| self.leave(place)),
        }
    }

    /// Whoever was woken does what there is to do, until nobody is.
    fn run(&mut self) {
        loop {
            let woken = |pair: &Pair| pair.seen != Some(pair.fed.bell.rung());
            if let Some(place) = self.pairs.iter().position(woken) {
                self.look(place);
                self.join(place);
                continue;
            }
            let woken = |fanout: &Fanout| fanout.seen != Some(fanout.engine.bell.rung());
            let Some(index) = self.fanouts.iter().position(woken) else {
                return;
            };
            self.fan_out(index, ENOUGH);
        }
    }

    /// Everybody has been given the same, and nothing waits.
    fn settle(&mut self) -> Result<(), TestCaseError> {
        self.run();
        for Pair { fed, own, .. } in &mut self.pairs {
            own.go_on();
            prop_assert_eq!(fed.got(), own.got());
            prop_assert_eq!(fed.is_over, own.is_over);
            if !fed.is_over {
                let [fed, own] = [fed, own].map(|stream| stream.connection(&self.broker));
                prop_assert_eq!(fed.sent_events, own.sent_events);
                prop_assert_eq!(fed.sent_bytes, own.sent_bytes);
                prop_assert_eq!((fed.lag, own.lag), (0, 0));
            }
        }
        self.pairs.retain(|pair| !pair.fed.is_over);
        prop_assert_eq!(self.broker.stats().subscriptions, 2 * self.pairs.len());
        Ok(())
    }

    fn change(
        &mut self,
        place: usize,
        subscribe: &[Selector],
        unsubscribe: &[Selector],
    ) -> Result<(), TestCaseError> {
        let pair = &mut self.pairs[place];
        if pair.changes == MAX_CHANGES {
            return Ok(());
        }
        pair.changes += 1;
        let broker = self.broker.clone();
        let [fed, own] = [&pair.fed, &pair.own].map(|stream| stream.subscriber.id().clone());
        let expected = broker.change(&own, subscribe, unsubscribe).now();
        let is_fed = pair.fed.next.is_some();
        let rung = pair.fed.bell.rung();
        let mut change = pin!(broker.change(&fed, subscribe, unsubscribe));
        let changed = match change.as_mut().now_or_never() {
            Some(changed) => {
                prop_assert!(!is_fed);
                changed
            }
            None => {
                prop_assert!(is_fed && self.pairs[place].fed.bell.rung() > rung);
                self.leave(place);
                change.now()
            }
        };
        prop_assert_eq!(changed, expected);
        Ok(())
    }

    fn disconnect(&mut self, place: usize) -> Result<(), TestCaseError> {
        self.settle()?;
        let Some(pair) = self.pairs.get(place) else {
            return Ok(());
        };
        let rung = pair.fed.bell.rung();
        for stream in [&pair.fed, &pair.own] {
            prop_assert!(self.broker.disconnect(stream.subscriber.id()));
        }
        prop_assert!(pair.fed.bell.rung() > rung);
        self.leave(place);
        Ok(())
    }
}

proptest! {
    #[test]
    fn who_is_fed_gets_what_it_would_take_for_itself(
        policy in prop::sample::select(vec![LagPolicy::Disconnect, LagPolicy::Skip, LagPolicy::Conflate]),
        steps in prop::collection::vec(step(), 1..100),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut world = World::new(policy);
            for step in steps {
                world.step(step).await?;
            }
            world.settle()?;
            let World { broker, pairs, fanouts, .. } = world;
            drop((pairs, fanouts));
            let stats = broker.stats();
            prop_assert_eq!((stats.subscriptions, stats.groups), (0, 0));
            Ok(())
        })?;
    }
}
