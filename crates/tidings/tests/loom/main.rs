//! Every order of the steps that publishers and readers can take, for the places where they meet.
//!
//! `RUSTFLAGS="--cfg tidings_loom" cargo test -p tidings --release --test loom`

#![cfg(tidings_loom)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod feeding;

use std::task::{Context, Poll, Waker};

use futures_util::FutureExt;
use loom::{future::block_on, model::Builder, thread};
use tidings::{
    Broker, Control, Delivery, Event, Selector, StartAt, Subscriber, Subscription, Topic,
};

/// Checks all runs with up to three switches between threads at places where none has to wait.
fn check(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(3);
    builder.max_branches = 10_000;
    builder.check(model);
}

/// What a broker in memory does, it does at once.
trait Now: Future + Sized {
    fn now(self) -> Self::Output {
        self.now_or_never().unwrap()
    }
}

impl<F: Future> Now for F {}

fn to(name: &str) -> Subscription {
    Subscription::to(Selector::new(name).unwrap())
}

fn publish(broker: &Broker, name: &str) -> u64 {
    broker
        .publish(Topic::new(name).unwrap(), Event::new(name))
        .now()
        .unwrap()
        .id
        .sequence
}

fn publish_final(broker: &Broker, name: &str) -> u64 {
    let event = Event::new(name).ending_topic();
    broker
        .publish(Topic::new(name).unwrap(), event)
        .now()
        .unwrap()
        .id
        .sequence
}

fn publisher(
    broker: &Broker,
    publish: impl FnOnce(&Broker) + Send + 'static,
) -> thread::JoinHandle<()> {
    let broker = broker.clone();
    thread::spawn(move || publish(&broker))
}

/// The ids of the events, and how many a confirmed replay counted.
#[derive(Debug, Default)]
struct Got {
    ids: Vec<u64>,
    resumed: Vec<u64>,
}

impl Got {
    fn take(&mut self, batch: Vec<Delivery>) {
        for delivery in batch {
            match delivery {
                Delivery::Event { event, .. } => self.ids.push(event.id().sequence),
                Delivery::Control(Control::Resumed { count, .. }) => self.resumed.push(count),
                Delivery::Control(control) => panic!("{control:?}"),
            }
        }
    }

    /// Waits for so many events.
    fn wait(mut subscriber: Subscriber, events: usize) -> Self {
        let mut got = Self::default();
        block_on(async {
            while got.ids.len() < events {
                got.take(subscriber.batch().await.unwrap());
            }
        });
        got
    }

    /// Takes what is there, and tells whether that was the end.
    fn now(subscriber: &mut Subscriber) -> (Self, bool) {
        let mut got = Self::default();
        loop {
            match subscriber.poll_batch(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(Some(batch)) => got.take(batch),
                Poll::Ready(None) => return (got, true),
                Poll::Pending => return (got, false),
            }
        }
    }
}

#[test]
fn a_reader_that_waits_gets_what_two_publishers_publish() {
    check(|| {
        let broker = Broker::new();
        let subscriber = broker.subscribe(to("a")).unwrap();
        let publishers =
            [(); 2].map(|()| publisher(&broker, |broker| assert!(publish(broker, "a") > 0)));
        assert_eq!(Got::wait(subscriber, 2).ids, [1, 2]);
        for publisher in publishers {
            publisher.join().unwrap();
        }
    });
}

#[test]
fn two_readers_of_one_group_both_get_what_is_published() {
    check(|| {
        let broker = Broker::new();
        let subscribers = [(); 2].map(|()| broker.subscribe(to("a")).unwrap());
        let readers = subscribers
            .map(|subscriber| thread::spawn(move || assert_eq!(Got::wait(subscriber, 1).ids, [1])));
        publish(&broker, "a");
        for reader in readers {
            reader.join().unwrap();
        }
    });
}

#[test]
fn a_start_from_the_oldest_has_no_seam() {
    check(|| {
        let broker = Broker::new();
        let publisher = publisher(&broker, |broker| {
            publish(broker, "a");
            publish(broker, "a");
        });
        let subscriber = broker.subscribe(to("a").start_at(StartAt::Start)).unwrap();
        assert_eq!(Got::wait(subscriber, 2).ids, [1, 2]);
        publisher.join().unwrap();
    });
}

#[test]
fn a_resume_has_no_seam() {
    check(|| {
        let broker = Broker::new();
        let id = broker.position().to_string();
        publish(&broker, "a");
        let publisher = publisher(&broker, |broker| {
            publish(broker, "b");
            publish(broker, "a");
        });
        let subscriber = broker.subscribe(to("a").resume_after(id)).unwrap();
        let got = Got::wait(subscriber, 2);
        assert_eq!(got.ids, [1, 3]);
        assert!(matches!(got.resumed[..], [1 | 2]), "{got:?}");
        publisher.join().unwrap();
    });
}

#[test]
fn a_reader_may_leave_while_an_event_is_published() {
    check(|| {
        let broker = Broker::new();
        let mut subscriber = broker.subscribe(to("a")).unwrap();
        let stays = broker.subscribe(to("a")).unwrap();
        assert!(Got::now(&mut subscriber).0.ids.is_empty());
        let publisher = publisher(&broker, |broker| {
            publish(broker, "a");
        });
        drop(subscriber);
        publisher.join().unwrap();
        assert_eq!(Got::wait(stays, 1).ids, [1]);
        assert_eq!(
            (broker.stats().subscriptions, broker.stats().groups),
            (0, 0)
        );
    });
}

#[test]
fn the_last_reader_may_leave_while_another_comes() {
    check(|| {
        let broker = Broker::new();
        let leaves = broker.subscribe(to("a")).unwrap();
        let leaver = thread::spawn(move || drop(leaves));
        let comes = broker.subscribe(to("a")).unwrap();
        publish(&broker, "a");
        assert_eq!(Got::wait(comes, 1).ids, [1]);
        leaver.join().unwrap();
        assert_eq!(
            (broker.stats().subscriptions, broker.stats().groups),
            (0, 0)
        );
    });
}

#[test]
fn a_change_of_topics_cuts_exactly() {
    check(|| {
        let broker = Broker::new();
        let mut subscriber = broker.subscribe(to("a")).unwrap();
        let publisher = publisher(&broker, |broker| {
            for (sequence, name) in [(1, "a"), (2, "b"), (3, "a"), (4, "b")] {
                assert_eq!(publish(broker, name), sequence);
            }
        });
        let [a, b] = ["a", "b"].map(|name| [Selector::new(name).unwrap()]);
        let cut = broker
            .change(subscriber.id(), &b, &a)
            .now_or_never()
            .unwrap()
            .unwrap()
            .sequence;
        let (mut got, _) = Got::now(&mut subscriber);
        publisher.join().unwrap();
        got.ids.extend(Got::now(&mut subscriber).0.ids);
        let before = [1, 3].into_iter().filter(|sequence| *sequence <= cut);
        let after = [2, 4].into_iter().filter(|sequence| *sequence > cut);
        assert_eq!(
            got.ids,
            before.chain(after).collect::<Vec<_>>(),
            "cut at {cut}"
        );
    });
}

#[test]
fn a_waiting_reader_whose_topics_change_is_woken_by_the_new_ones() {
    check(|| {
        let broker = Broker::new();
        let subscriber = broker.subscribe(to("a")).unwrap();
        let id = subscriber.id().clone();
        let changer = publisher(&broker, move |broker| {
            let [a, b] = ["a", "b"].map(|name| [Selector::new(name).unwrap()]);
            broker.change(&id, &b, &a).now_or_never().unwrap().unwrap();
            publish(broker, "b");
        });
        assert_eq!(Got::wait(subscriber, 1).ids, [1]);
        changer.join().unwrap();
    });
}

#[test]
fn a_final_event_is_followed_by_the_end() {
    check(|| {
        let broker = Broker::new();
        let mut subscriber = broker.subscribe(to("a")).unwrap();
        let publisher = publisher(&broker, |broker| {
            publish(broker, "a");
            publish_final(broker, "a");
        });
        let mut got = Got::default();
        block_on(async {
            while let Some(batch) = subscriber.batch().await {
                got.take(batch);
            }
        });
        assert_eq!(got.ids, [1, 2]);
        publisher.join().unwrap();
        assert_eq!(
            (broker.stats().subscriptions, broker.stats().groups),
            (0, 0)
        );
    });
}

#[test]
fn a_subscription_meets_the_final_event_or_is_over() {
    check(|| {
        let broker = Broker::new();
        let publisher = publisher(&broker, |broker| {
            publish_final(broker, "a");
        });
        let mut subscriber = broker.subscribe(to("a")).unwrap();
        let over = subscriber.is_over();
        publisher.join().unwrap();
        let (got, ended) = Got::now(&mut subscriber);
        assert!(ended);
        assert_eq!(got.ids, if over { vec![] } else { vec![1] });
    });
}
