use std::collections::{BTreeMap, BTreeSet};
use std::task::{Context, Waker};

use mio::{Poll, Token};
use tidings::Subscriber;

use super::super::connection::Moment;
use super::super::fanout::{Begun, Fanout, Fanouts, HOLD_MILLIS, Seat};
use super::*;

/// A fan-out and its members, without sockets.
struct Ring {
    broker: Broker,
    fanouts: Fanouts,
    members: BTreeMap<usize, Place>,
    opened: usize,
    _poll: Poll,
}

struct Place {
    subscriber: Subscriber,
    seat: Seat,
}

impl Ring {
    fn of(members: usize) -> Self {
        Self::in_broker(Broker::builder().retention(ROOMY).build(), members)
    }

    fn in_broker(broker: Broker, members: usize) -> Self {
        let poll = Poll::new().unwrap();
        let bell = mio::Waker::new(poll.registry(), Token(0)).unwrap();
        let mut ring = Self {
            broker,
            fanouts: Fanouts::new(Arc::new(Inbox::new(bell))),
            members: BTreeMap::new(),
            opened: 0,
            _poll: poll,
        };
        for _ in 0..members {
            ring.join();
        }
        ring
    }

    /// Gives the token of the new member.
    fn join(&mut self) -> usize {
        let token = self.opened;
        self.opened += 1;
        let subscription = Subscription::to(Topic::new("a").unwrap()).encoded(raw(true));
        let mut subscriber = self.broker.subscribe(subscription).unwrap();
        let mut context = Context::from_waker(Waker::noop());
        assert!(subscriber.poll_batch(&mut context).is_pending());
        let member = subscriber.member();
        let (seat, _) = self
            .fanouts
            .join(token, &member, Waker::noop().clone())
            .unwrap();
        self.members.insert(token, Place { subscriber, seat });
        token
    }

    /// Gives how many events the member had not been given.
    fn leave(&mut self, token: usize) -> usize {
        let Place {
            mut subscriber,
            seat,
        } = self.members.remove(&token).unwrap();
        self.fanouts.leave(seat, &subscriber.member());
        let mut context = Context::from_waker(Waker::noop());
        match subscriber.poll_batch(&mut context) {
            std::task::Poll::Ready(batch) => batch.unwrap().len(),
            std::task::Poll::Pending => 0,
        }
    }

    fn publish(&self, data: &str) {
        let topic = Topic::new("a").unwrap();
        let published = self.broker.publish(topic, Event::new(data)).now_or_never();
        published.unwrap().unwrap();
    }

    fn fanout(&mut self) -> &mut Fanout {
        self.fanouts.get_mut(0).unwrap()
    }

    /// Goes on with the pass, and gives the token of the one who is next.
    fn next(&mut self) -> Option<usize> {
        self.fanout().next()
    }

    /// Gives a member all that there is for it.
    fn write(&mut self, token: usize) {
        let place = self.members.get_mut(&token).unwrap();
        let fanout = self.fanouts.get_mut(0).unwrap();
        while let Some(batch) = fanout.window().batch_of(place.seat.next) {
            place.seat.next = batch.end();
        }
    }

    fn came_to(&mut self, token: usize) {
        let next = self.members[&token].seat.next;
        self.fanout().came_to(next);
    }

    /// A whole pass with what has been published, in which these members have no room. Gives who was visited, in order;
    /// `None` if the fan-out takes nothing.
    fn pass(&mut self, without_room: &[usize]) -> Option<Vec<usize>> {
        match self.fanout().begin(&mut Vec::new()) {
            Begun::Pass => {}
            Begun::Nothing => return None,
            Begun::Dissolved => panic!("all have to leave"),
        }
        let mut visited = Vec::new();
        while let Some(token) = self.next() {
            visited.push(token);
            if !without_room.contains(&token) {
                self.write(token);
            }
            self.came_to(token);
        }
        self.fanout().end_if_around(0);
        Some(visited)
    }

    /// Gives a member that has room again what it has missed. Tells whether nothing holds the feed any more.
    fn refill(&mut self, token: usize) -> bool {
        let from = self.members[&token].seat;
        self.write(token);
        let next = self.members[&token].seat.next;
        self.fanout().refilled(from, next)
    }

    fn survey(&mut self, now: Moment) -> bool {
        let seats: Vec<_> = self.members.values().map(|place| place.seat).collect();
        self.fanout().survey(seats.into_iter(), now)
    }

    /// Publishes and passes until the fan-out takes nothing, while these members have no room.
    fn fill(&mut self, without_room: &[usize]) {
        let large = "x".repeat(60 << 10);
        for _ in 0..60 {
            self.publish(&large);
            if self.pass(without_room).is_none() {
                return;
            }
        }
        panic!("nothing holds it");
    }

    fn has_lost_something(&mut self, token: usize) -> bool {
        let next = self.members[&token].seat.next;
        self.fanout().window().has_lost(next)
    }
}

#[test]
fn each_pass_begins_elsewhere_and_comes_to_everybody_once() {
    let mut ring = Ring::of(8);
    let mut first = BTreeSet::new();
    for _ in 0..8 {
        ring.publish("x");
        let visited = ring.pass(&[]).unwrap();
        first.insert(visited[0]);
        assert_eq!(visited.len(), 8);
        assert!(
            visited
                .into_iter()
                .collect::<BTreeSet<_>>()
                .into_iter()
                .eq(0..8)
        );
    }
    assert_eq!(first.len(), 8, "nobody is always last");
}

#[test]
fn who_leaves_or_joins_during_a_pass_is_given_everything_once() {
    for point in 0..=6 {
        for leaves in 0..6 {
            let mut ring = Ring::of(6);
            ring.publish("1");
            assert_eq!(ring.fanout().begin(&mut Vec::new()), Begun::Pass);
            let mut visited = Vec::new();
            let mut missed = None;
            loop {
                if visited.len() == point && missed.is_none() {
                    missed = Some(ring.leave(leaves));
                    ring.join();
                }
                let Some(token) = ring.next() else {
                    break;
                };
                visited.push(token);
                ring.write(token);
                ring.came_to(token);
            }
            ring.fanout().end_if_around(0);

            let times = |token| visited.iter().filter(|other| **other == token).count();
            for token in (0..6).filter(|token| *token != leaves) {
                assert_eq!(times(token), 1, "{visited:?}");
            }
            assert_eq!(Some(1 - times(leaves)), missed, "{visited:?}");
            assert!(ring.members.values().all(|place| place.seat.next == 1));
            ring.publish("2");
            assert_eq!(ring.pass(&[]).unwrap().len(), 6);
            assert!(ring.members.values().all(|place| place.seat.next == 2));
        }
    }
}

#[test]
fn most_without_room_hold_the_feed_until_they_have_caught_up() {
    for (members, without_room) in [(1, 1), (3, 2), (10, 6), (16, 9)] {
        let mut ring = Ring::of(members);
        let without_room: Vec<_> = (0..without_room).collect();
        ring.fill(&without_room);
        for token in &without_room {
            assert!(!ring.has_lost_something(*token));
        }
        assert_eq!(ring.pass(&without_room), None);
        assert!(!ring.survey(0));

        let (last, first) = without_room.split_last().unwrap();
        let released = first.iter().filter(|token| ring.refill(**token)).count();
        assert_eq!(released + usize::from(ring.refill(*last)), 1);
        assert_eq!(ring.pass(&[]).unwrap().len(), members);
    }
}

#[test]
fn half_without_room_hold_nobody() {
    for (members, without_room) in [(2, 1), (16, 8)] {
        let mut ring = Ring::of(members);
        let without_room: Vec<_> = (0..without_room).collect();
        let large = "x".repeat(60 << 10);
        while !ring.has_lost_something(0) {
            ring.publish(&large);
            assert!(ring.pass(&without_room).is_some());
        }
    }
}

#[test]
fn those_who_do_not_come_along_hold_the_feed_for_as_long_as_the_patience() {
    let mut ring = Ring::of(3);
    ring.fill(&[0, 1]);
    assert!(!ring.survey(HOLD_MILLIS - 1));
    assert!(ring.survey(HOLD_MILLIS));
    assert!(ring.pass(&[0, 1]).is_some());
    assert!(ring.has_lost_something(0) && ring.has_lost_something(1));
}

#[test]
fn the_patience_is_renewed_while_those_who_hold_the_feed_come_along() {
    let mut ring = Ring::of(16);
    let without_room: Vec<_> = (0..15).collect();
    ring.fill(&without_room);
    let nearly = HOLD_MILLIS - 1;
    for token in 0..3 {
        assert!(!ring.refill(token));
    }
    assert!(!ring.survey(nearly), "three fewer");
    assert!(!ring.refill(3));
    assert!(!ring.survey(2 * nearly), "one fewer is too few");
    assert!(ring.survey(nearly + HOLD_MILLIS));
    assert!(ring.pass(&without_room).is_some());
}

#[test]
fn what_may_be_evicted_soon_is_not_held() {
    let retention = Retention {
        events: 100,
        ..ROOMY
    };
    let mut ring = Ring::in_broker(Broker::builder().retention(retention).build(), 3);
    ring.fill(&[0, 1]);
    // Half of what is retained waits by now.
    while ring.pass(&[0, 1]).is_none() {
        assert!(ring.broker.position().sequence < 200, "held for too long");
        assert!(!ring.survey(0));
        ring.publish("x");
    }
    assert!(!ring.has_lost_something(2));
}

#[test]
fn who_joins_lets_the_feed_go_if_those_who_hold_it_are_few_then() {
    let mut ring = Ring::of(1);
    ring.fill(&[0]);
    ring.join();
    assert!(ring.survey(0));
    assert!(ring.pass(&[0]).is_some());
}

#[test]
fn who_has_left_does_not_hold_the_feed() {
    let mut ring = Ring::of(5);
    ring.fill(&[0, 1, 2]);
    ring.leave(0);
    assert_eq!(ring.pass(&[1, 2]), None, "it is not known yet");
    assert!(ring.survey(0));
    assert_eq!(ring.pass(&[1, 2]).unwrap().len(), 4);
}

#[test]
fn who_catches_up_during_a_pass_does_not_hold_the_feed_after_it() {
    for visited in [0, 10] {
        let mut ring = Ring::of(10);
        let large = "x".repeat(60 << 10);
        loop {
            ring.publish(&large);
            assert_eq!(ring.fanout().begin(&mut Vec::new()), Begun::Pass);
            // The next batch would take something from those who have had no room so far.
            let is_full = ring.fanout().window().may_lose(0);
            let mut turn = 0;
            loop {
                if is_full && turn == visited {
                    for token in 0..6 {
                        ring.refill(token);
                    }
                }
                turn += 1;
                let Some(token) = ring.next() else {
                    break;
                };
                if token > 5 {
                    ring.write(token);
                }
                ring.came_to(token);
            }
            ring.fanout().end_if_around(0);
            if is_full {
                break;
            }
        }
        ring.publish("next");
        assert!(ring.pass(&[]).is_some(), "{visited}");
    }
}
