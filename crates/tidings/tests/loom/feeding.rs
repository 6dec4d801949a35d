//! Those who publish, disconnect and change topics, and those who feed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use bytes::Bytes;
use loom::{future::block_on, thread};
use tidings::{Broker, Control, Delivery, Fed, Feed, Member, Position, Selector, Subscriber, Wire};

use super::{check, publish, publish_final, publisher, to};

/// Wakes the engine, and tells it for whom.
struct Signal {
    is_raised: AtomicBool,
    engine: Waker,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.is_raised.store(true, Ordering::Relaxed);
        self.engine.wake_by_ref();
    }
}

/// Has its stream fed whenever it has been given everything, and go on by itself whenever its waker is woken.
struct Engine {
    subscriber: Subscriber,
    member: Member,
    feed: Option<Feed>,
    /// The number of the next event, while the stream is fed.
    next: Option<u64>,
    signal: Option<Arc<Signal>>,
    /// The sequences of the events.
    ids: Vec<u64>,
    goodbyes: usize,
}

impl Engine {
    fn subscribe(broker: &Broker) -> Self {
        let subscription = to("a").encoded(Wire::default());
        let subscriber = broker.subscribe(subscription).unwrap();
        Self {
            member: subscriber.member(),
            subscriber,
            feed: None,
            next: None,
            signal: None,
            ids: Vec::new(),
            goodbyes: 0,
        }
    }

    /// One that has begun to wait: its stream is fed, and the feed has taken everything.
    fn waiting(broker: &Broker) -> Self {
        let mut engine = Self::subscribe(broker);
        let cx = &mut Context::from_waker(Waker::noop());
        assert!(engine.poll(cx, usize::MAX).is_pending());
        assert!(engine.next.is_some());
        engine
    }

    /// Runs until the stream has been given so many events or is at its end.
    fn run(&mut self, events: usize) {
        self.signal = None;
        self.leave();
        self.feed = None;
        block_on(std::future::poll_fn(|cx| self.poll(cx, events)));
    }

    fn poll(&mut self, cx: &Context<'_>, events: usize) -> Poll<()> {
        let signal = self.signal.get_or_insert_with(|| {
            Arc::new(Signal {
                is_raised: AtomicBool::new(false),
                engine: cx.waker().clone(),
            })
        });
        let own = Waker::from(signal.clone());
        loop {
            if self.ids.len() >= events {
                return Poll::Ready(());
            }
            let signal = self.signal.as_ref().unwrap();
            if signal.is_raised.swap(false, Ordering::Relaxed) {
                self.leave();
            }
            if self.next.is_some() {
                if self.take() == Fed::Nothing {
                    return Poll::Pending;
                }
                continue;
            }
            match self.subscriber.poll_batch(&mut Context::from_waker(&own)) {
                Poll::Ready(Some(batch)) => batch.iter().for_each(|delivery| self.note(delivery)),
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Pending => {
                    self.join(&own, cx.waker());
                    if self.next.is_none() {
                        return Poll::Pending;
                    }
                }
            }
        }
    }

    fn join(&mut self, own: &Waker, engine: &Waker) {
        let group = self.member.group();
        if self.feed.as_ref().map(Feed::group) != group {
            self.feed = Feed::new(&self.member, engine.clone());
        }
        if let Some(feed) = &mut self.feed {
            self.next = feed.join(&self.member, own.clone());
        }
    }

    fn leave(&mut self) {
        if let (Some(feed), Some(next)) = (&mut self.feed, self.next.take()) {
            feed.leave(&self.member, next);
        }
    }

    fn take(&mut self) -> Fed {
        let mut blocks = Vec::new();
        let fed = self.feed.as_mut().unwrap().take(1, &mut blocks);
        match fed {
            Fed::Events { first } => {
                let next = self.next.unwrap();
                let end = first + blocks.len() as u64;
                let had = usize::try_from(next - first).unwrap();
                self.ids.extend(blocks.iter().skip(had).map(id));
                self.next = Some(end.max(next));
            }
            Fed::Nothing => {}
            Fed::Dissolved => {
                self.leave();
                self.feed = None;
            }
        }
        fed
    }

    fn note(&mut self, delivery: &Delivery) {
        match delivery {
            Delivery::Event { block, .. } => self.ids.push(id(block)),
            Delivery::Control(Control::Goodbye { .. }) => self.goodbyes += 1,
            Delivery::Control(control) => panic!("{control:?}"),
        }
    }
}

/// The sequence of an event.
fn id(block: &Bytes) -> u64 {
    let block = std::str::from_utf8(block).unwrap();
    let id = block.lines().find_map(|line| line.strip_prefix("id:"));
    let position: Position = id.unwrap().trim().parse().unwrap();
    position.sequence
}

fn publish_twice(broker: &Broker) {
    publish(broker, "a");
    publish(broker, "a");
}

fn check_empty(broker: &Broker) {
    let stats = broker.stats();
    assert_eq!((stats.subscriptions, stats.groups), (0, 0));
}

#[test]
fn a_stream_that_joins_is_given_what_is_published_meanwhile_once() {
    check(|| {
        let broker = Broker::new();
        let mut engine = Engine::subscribe(&broker);
        let publisher = publisher(&broker, publish_twice);
        engine.run(2);
        assert_eq!(engine.ids, [1, 2]);
        publisher.join().unwrap();
    });
}

#[test]
fn a_stream_that_leaves_is_given_what_is_published_meanwhile_once() {
    check(|| {
        let broker = Broker::new();
        let mut engine = Engine::waiting(&broker);
        let publisher = publisher(&broker, publish_twice);
        engine.take();
        engine.leave();
        engine.run(2);
        assert_eq!(engine.ids, [1, 2]);
        publisher.join().unwrap();
    });
}

#[test]
fn a_goodbye_is_not_lost_on_a_stream_that_joins() {
    check(|| {
        let broker = Broker::new();
        let mut engine = Engine::subscribe(&broker);
        let id = engine.subscriber.id().clone();
        let disconnecter = publisher(&broker, move |broker| assert!(broker.disconnect(&id)));
        engine.run(usize::MAX);
        assert_eq!(engine.goodbyes, 1);
        disconnecter.join().unwrap();
        drop(engine);
        check_empty(&broker);
    });
}

#[test]
fn a_stream_that_is_sent_away_is_given_nothing_that_is_published_then() {
    check(|| {
        let broker = Broker::new();
        let mut engine = Engine::subscribe(&broker);
        let id = engine.subscriber.id().clone();
        let disconnecter = publisher(&broker, move |broker| {
            assert!(broker.disconnect(&id));
            publish(broker, "a");
        });
        engine.run(usize::MAX);
        assert_eq!((&engine.ids[..], engine.goodbyes), (&[][..], 1));
        disconnecter.join().unwrap();
    });
}

#[test]
fn who_stays_is_given_what_is_published_while_another_is_sent_away() {
    check(|| {
        let broker = Broker::new();
        let mut goes = Engine::waiting(&broker);
        let mut stays = Engine::subscribe(&broker);
        let id = goes.subscriber.id().clone();
        let other = thread::spawn(move || {
            goes.run(usize::MAX);
            assert_eq!(goes.goodbyes, 1);
        });
        assert!(broker.disconnect(&id));
        publish(&broker, "a");
        stays.run(1);
        assert_eq!(stays.ids, [1]);
        other.join().unwrap();
    });
}

#[test]
fn the_end_is_not_lost_on_a_stream_that_joins() {
    check(|| {
        let broker = Broker::new();
        let mut engine = Engine::subscribe(&broker);
        let publisher = publisher(&broker, |broker| {
            publish_final(broker, "a");
        });
        engine.run(usize::MAX);
        assert_eq!((&engine.ids[..], engine.goodbyes), (&[1][..], 0));
        publisher.join().unwrap();
        drop(engine);
        check_empty(&broker);
    });
}

#[test]
fn a_change_of_topics_has_a_stream_leave_and_cuts_exactly() {
    check(|| {
        let broker = Broker::new();
        let mut engine = Engine::subscribe(&broker);
        let id = engine.subscriber.id().clone();
        let changer = publisher(&broker, move |broker| {
            let [a, b] = ["a", "b"].map(|name| [Selector::new(name).unwrap()]);
            publish(broker, "a");
            block_on(broker.change(&id, &b, &a)).unwrap();
            publish(broker, "a");
            publish(broker, "b");
        });
        engine.run(2);
        assert_eq!(engine.ids, [1, 3]);
        changer.join().unwrap();
    });
}

#[test]
fn two_feeds_of_one_group_both_get_what_is_published() {
    check(|| {
        let broker = Broker::new();
        let engines = [(); 2].map(|()| Engine::subscribe(&broker));
        let [mut first, mut second] = engines;
        let other = thread::spawn(move || {
            first.run(1);
            assert_eq!(first.ids, [1]);
        });
        publish(&broker, "a");
        second.run(1);
        assert_eq!(second.ids, [1]);
        other.join().unwrap();
    });
}

#[test]
fn a_fed_stream_may_go_while_an_event_is_published() {
    check(|| {
        let broker = Broker::new();
        let goes = Engine::waiting(&broker);
        let mut stays = Engine::subscribe(&broker);
        let publisher = publisher(&broker, |broker| {
            publish(broker, "a");
        });
        drop(goes);
        stays.run(1);
        assert_eq!(stays.ids, [1]);
        publisher.join().unwrap();
        drop(stays);
        check_empty(&broker);
    });
}
