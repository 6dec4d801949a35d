//! Short ways to say what a test does, and to see what a reader gets.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use futures_util::FutureExt;
use tidings::{
    Broker, BrokerBuilder, Control, Delivery, Event, EventName, GapReason, GoodbyeReason, Position,
    Receipt, Retention, Selector, Subscriber, Subscription, Topic,
};

/// What a broker in memory does, it does at once.
pub(crate) trait Now: Future + Sized {
    fn now(self) -> Self::Output {
        self.now_or_never().unwrap()
    }
}

impl<F: Future> Now for F {}

pub(crate) fn topic(name: &str) -> Topic {
    Topic::new(name).unwrap()
}

pub(crate) fn selector(text: &str) -> Selector {
    Selector::new(text).unwrap()
}

pub(crate) fn name(text: &str) -> EventName {
    EventName::new(text).unwrap()
}

/// A subscription to all of these.
pub(crate) fn to(selectors: &[&str]) -> Subscription {
    let (first, rest) = selectors.split_first().unwrap();
    rest.iter()
        .fold(Subscription::to(selector(first)), |all, next| {
            all.and(selector(next))
        })
}

/// A broker whose topics keep so many events.
pub(crate) fn keeping(events: u64) -> Broker {
    keeper(events).build()
}

pub(crate) fn keeper(events: u64) -> BrokerBuilder {
    Broker::builder().retention(Retention {
        events,
        ..Retention::default()
    })
}

pub(crate) fn publish(broker: &Broker, name: &str, data: &str) -> Receipt {
    broker.publish(topic(name), Event::new(data)).now().unwrap()
}

/// Publishes these on the topic and gives the id of the last one.
pub(crate) fn publish_all(broker: &Broker, name: &str, data: &[&str]) -> Position {
    data.iter()
        .fold(broker.position(), |_, data| publish(broker, name, data).id)
}

pub(crate) fn publish_key(broker: &Broker, name: &str, key: &str, data: &str) -> Receipt {
    broker
        .publish(topic(name), Event::new(data).keyed(key))
        .now()
        .unwrap()
}

pub(crate) fn publish_final(broker: &Broker, name: &str, data: &str) -> Receipt {
    broker
        .publish(topic(name), Event::new(data).ending_topic())
        .now()
        .unwrap()
}

/// An item in short: the data of an event, and what the broker says in angle brackets.
pub(crate) fn brief(delivery: &Delivery) -> String {
    match delivery {
        Delivery::Event { event, .. } => event.data().to_owned(),
        Delivery::Control(Control::Connected { .. }) => "<connected>".to_owned(),
        Delivery::Control(Control::Resumed { count, .. }) => format!("<resumed {count}>"),
        Delivery::Control(Control::Gap(gap)) => match gap.reason {
            GapReason::Evicted => "<gap evicted>".to_owned(),
            GapReason::UnknownId => "<gap unknown-id>".to_owned(),
            GapReason::EpochChanged => "<gap epoch-changed>".to_owned(),
            GapReason::Lagged => "<gap lagged>".to_owned(),
            GapReason::Deleted => "<gap deleted>".to_owned(),
            _ => panic!("a new reason"),
        },
        Delivery::Control(Control::Goodbye { reason, .. }) => match reason {
            GoodbyeReason::Drain => "<goodbye drain>".to_owned(),
            GoodbyeReason::TooSlow => "<goodbye too-slow>".to_owned(),
            GoodbyeReason::TopicDeleted => "<goodbye topic-deleted>".to_owned(),
            GoodbyeReason::Disconnected => "<goodbye disconnected>".to_owned(),
            GoodbyeReason::TokenExpired => "<goodbye token-expired>".to_owned(),
            GoodbyeReason::Revoked => "<goodbye revoked>".to_owned(),
            _ => panic!("a new reason"),
        },
        Delivery::Control(_) => panic!("a new control"),
    }
}

/// Counts how often it was woken.
#[derive(Debug, Default)]
pub(crate) struct Bell(AtomicUsize);

impl Bell {
    pub(crate) fn rung(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Takes the next batch if one is there.
pub(crate) fn poll(subscriber: &mut Subscriber, bell: &Arc<Bell>) -> Poll<Option<Vec<Delivery>>> {
    subscriber.poll_batch(&mut Context::from_waker(&Waker::from(bell.clone())))
}

/// Takes all that waits, until the subscriber is parked or at its end.
pub(crate) fn take(subscriber: &mut Subscriber) -> (Vec<Delivery>, bool) {
    let bell = Arc::new(Bell::default());
    let mut taken = Vec::new();
    loop {
        let rung = bell.rung();
        match poll(subscriber, &bell) {
            Poll::Ready(Some(batch)) => taken.extend(batch),
            Poll::Ready(None) => return (taken, true),
            Poll::Pending if bell.rung() == rung => return (taken, false),
            Poll::Pending => {}
        }
    }
}

/// All that waits, in short; an end is `<end>`.
pub(crate) fn drain(subscriber: &mut Subscriber) -> Vec<String> {
    let (taken, ended) = take(subscriber);
    let end = ended.then(|| "<end>".to_owned());
    taken.iter().map(brief).chain(end).collect()
}

/// Everything up to the end of the stream, in short.
pub(crate) async fn read_to_end(mut subscriber: Subscriber) -> Vec<String> {
    let mut read = Vec::new();
    while let Some(batch) = subscriber.batch().await {
        read.extend(batch.iter().map(brief));
    }
    read
}
