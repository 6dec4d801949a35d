//! Plays what writes many streams: it takes events once, and gives them to each stream when it likes.

use std::{
    sync::Arc,
    task::{Poll, Waker},
};

use bytes::Bytes;
use tidings::{Broker, Connection, Delivery, Fed, Feed, Member, Subscriber, Subscription, Wire};

use crate::fixture::{Bell, brief, poll, to};

/// What a feed is given as the limit of what it takes, if that does not matter.
pub(super) const ENOUGH: usize = 1 << 20;

/// So large that a group holds one of them, but no second one, for those who have not taken it.
pub(super) fn large(data: &str) -> String {
    format!("{data}:{}", "x".repeat(420 << 10))
}

/// A subscriber and what it was given, by itself and by a feed.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) subscriber: Subscriber,
    pub(super) member: Member,
    pub(super) bell: Arc<Bell>,
    /// The number of the next event, while it is fed.
    pub(super) next: Option<u64>,
    pub(super) got: Vec<String>,
    pub(super) is_over: bool,
}

/// One feed, and what it has taken last.
#[derive(Debug)]
pub(super) struct Engine {
    pub(super) feed: Feed,
    pub(super) bell: Arc<Bell>,
    batch: Vec<Bytes>,
    /// The number of what comes after the batch.
    end: Option<u64>,
}

impl Stream {
    pub(super) fn open(broker: &Broker, selectors: &[&str]) -> Self {
        Self::of(broker, to(selectors))
    }

    /// Made, but given nothing yet.
    pub(super) fn of(broker: &Broker, subscription: Subscription) -> Self {
        let subscriber = broker
            .subscribe(subscription.encoded(Wire::default()))
            .unwrap();
        Self {
            member: subscriber.member(),
            subscriber,
            bell: Arc::default(),
            next: None,
            got: Vec::new(),
            is_over: false,
        }
    }

    /// Takes all that there is for it by itself.
    pub(super) fn go_on(&mut self) {
        while !self.is_over {
            let rung = self.bell.rung();
            match poll(&mut self.subscriber, &self.bell) {
                Poll::Ready(Some(batch)) => self.got.extend(batch.iter().map(text)),
                Poll::Ready(None) => {
                    self.got.push("<end>".to_owned());
                    self.is_over = true;
                }
                Poll::Pending if self.bell.rung() == rung => return,
                Poll::Pending => {}
            }
        }
    }

    /// All that it was given since this was last asked.
    pub(super) fn got(&mut self) -> Vec<String> {
        std::mem::take(&mut self.got)
    }

    /// What the broker says of it.
    pub(super) fn connection(&self, broker: &Broker) -> Connection {
        let is_it = |connection: &Connection| connection.id == *self.subscriber.id();
        broker.connections().into_iter().find(is_it).unwrap()
    }
}

impl Engine {
    /// For the group of a stream that has been given everything, which does not join.
    pub(super) fn of(stream: &Stream) -> Self {
        Self::open(stream).unwrap()
    }

    pub(super) fn open(stream: &Stream) -> Option<Self> {
        let bell: Arc<Bell> = Arc::default();
        Some(Self {
            feed: Feed::new(&stream.member, Waker::from(bell.clone()))?,
            bell,
            batch: Vec::new(),
            end: None,
        })
    }

    /// For these streams, which have all been given everything.
    pub(super) fn feeding(streams: &mut [Stream]) -> Self {
        streams.iter_mut().for_each(Stream::go_on);
        let mut engine = Self::of(&streams[0]);
        for stream in streams {
            assert!(engine.join(stream));
        }
        engine
    }

    /// Tells whether the stream is fed from now on.
    pub(super) fn join(&mut self, stream: &mut Stream) -> bool {
        let waker = Waker::from(stream.bell.clone());
        stream.next = self.feed.join(&stream.member, waker);
        stream.next.is_some()
    }

    /// Has a stream that is fed go on by itself, although it does not yet.
    pub(super) fn leave(&mut self, stream: &mut Stream) {
        let next = stream.next.take().unwrap();
        self.feed.leave(&stream.member, next);
    }

    /// Takes a batch, which has to be handed out before the next one.
    pub(super) fn take(&mut self, limit: usize) -> Fed {
        self.batch.clear();
        self.end.into_iter().for_each(|end| self.feed.settle(end));
        let fed = self.feed.take(limit, &mut self.batch);
        let taken = self.batch.len() as u64;
        match fed {
            Fed::Events { first } => {
                assert_eq!(*self.end.get_or_insert(first), first);
                assert!(taken > 0);
                self.end = Some(first + taken);
            }
            Fed::Nothing | Fed::Dissolved => assert_eq!(taken, 0),
        }
        fed
    }

    /// Gives a stream what it has not had of the batch, if it is fed.
    pub(super) fn hand(&self, stream: &mut Stream) {
        while self.hand_one(stream) {}
    }

    /// Gives a stream the next event of the batch. False if it has had them all.
    pub(super) fn hand_one(&self, stream: &mut Stream) -> bool {
        let (Some(end), Some(next)) = (self.end, &mut stream.next) else {
            return false;
        };
        let Some(left) = end.checked_sub(*next).filter(|left| *left > 0) else {
            return false;
        };
        let block = &self.batch[self.batch.len() - usize::try_from(left).unwrap()];
        stream.got.push(data(block));
        *next += 1;
        true
    }

    /// Takes and hands out until nothing is left, or all have to leave. Tells which of them.
    pub(super) fn run(&mut self, streams: &mut [Stream]) -> Fed {
        loop {
            let fed = self.take(ENOUGH);
            if !matches!(fed, Fed::Events { .. }) {
                return fed;
            }
            for stream in &mut *streams {
                self.hand(stream);
            }
        }
    }

    /// Has all who are fed leave and go on by themselves, as whoever has a feed does once it has dissolved.
    pub(super) fn dissolve(mut self, streams: &mut [Stream]) {
        for stream in streams.iter_mut().filter(|stream| stream.next.is_some()) {
            self.leave(stream);
        }
        drop(self);
        streams.iter_mut().for_each(Stream::go_on);
    }
}

/// An item in short: the data of an event up to a colon, and what the broker says in angle brackets.
fn text(delivery: &Delivery) -> String {
    match delivery {
        Delivery::Event { block, .. } => data(block),
        Delivery::Control(_) => brief(delivery),
    }
}

/// The data of an event up to a colon.
pub(super) fn data(block: &Bytes) -> String {
    let block = std::str::from_utf8(block).unwrap();
    let data = block.lines().find_map(|line| line.strip_prefix("data:"));
    let data = data.unwrap().trim_start();
    data.split(':').next().unwrap().to_owned()
}
