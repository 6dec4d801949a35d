use std::{
    sync::{Arc, Mutex},
    task::{Context, Wake, Waker},
};

use tidings::{Broker, ConnectionId, Owner, Peer, StartAt, SubscribeError, Subscriber, Wire};

use crate::fixture::{Bell, Now, drain, keeper, poll, publish, publish_final, selector, to, topic};

#[test]
fn subscribers_of_a_topic_are_counted() {
    let broker = Broker::new();
    let count = |name: &str| broker.subscriber_count(&topic(name));
    let _literal = broker.subscribe(to(&["a/1"])).unwrap();
    let _twice = broker.subscribe(to(&["a/1", "a/*"])).unwrap();
    let pattern = broker.subscribe(to(&["a/**"])).unwrap();
    let same = broker
        .subscribe(to(&["a/**"]).encoded(Wire::default()))
        .unwrap();
    assert_eq!(
        (count("a/1"), count("a/2"), count("a"), count("b")),
        (4, 3, 2, 0)
    );
    assert_eq!(broker.stats().groups, 4);
    drop((pattern, same));
    assert_eq!((count("a/1"), count("a/2"), count("a")), (2, 1, 0));
}

#[test]
fn equal_subscriptions_share_a_group() {
    let broker = Broker::new();
    let _first = broker.subscribe(to(&["a", "b"])).unwrap();
    let _second = broker.subscribe(to(&["b", "a", "b"])).unwrap();
    assert_eq!(broker.stats().groups, 1);
    assert_eq!(publish(&broker, "a", "1").receivers, 2);
}

#[test]
fn dropping_unregisters() {
    let broker = Broker::new();
    let subscribers: Vec<_> = ["a", "b/*", "a", "c/**"]
        .map(|text| broker.subscribe(to(&[text])).unwrap())
        .into();
    assert_eq!(
        (broker.stats().subscriptions, broker.stats().groups),
        (4, 3)
    );
    drop(subscribers);
    assert_eq!(
        (broker.stats().subscriptions, broker.stats().groups),
        (0, 0)
    );
    assert!(broker.connections().is_empty());
    assert_eq!(publish(&broker, "a", "1").receivers, 0);
}

#[test]
fn dropping_a_reader_of_a_closed_group_leaves_its_successor_alone() {
    let broker = Broker::new();
    let ended = broker.subscribe(to(&["a"])).unwrap();
    publish_final(&broker, "a", "1");
    broker.delete(&topic("a")).now().unwrap();
    let mut again = broker.subscribe(to(&["a"])).unwrap();
    drop(ended);
    publish(&broker, "a", "2");
    assert_eq!(drain(&mut again), ["2"]);
}

#[test]
fn connections_tell_who_reads_what() {
    let broker = Broker::new();
    let owner = Arc::new(Owner {
        identity: Some("ann".into()),
        ..Owner::default()
    });
    let peer = Peer {
        owner: Some(owner.clone()),
        ..Peer::default()
    };
    let mut subscriber = broker
        .subscribe(to(&["b", "a"]).peer(peer.clone()).encoded(Wire::default()))
        .unwrap();
    publish(&broker, "a", "12345");
    publish(&broker, "a", "6");
    let [connection] = &broker.connections()[..] else {
        panic!()
    };
    assert_eq!((&connection.id, &connection.peer), (subscriber.id(), &peer));
    assert_eq!(connection.peer.identity(), Some("ann"));
    let alone = broker.connection(subscriber.id()).unwrap();
    assert!(Arc::ptr_eq(alone.peer.owner.as_ref().unwrap(), &owner));
    assert_eq!(
        (&connection.topics[..], connection.lag),
        (&["a".to_owned(), "b".to_owned()][..], 2)
    );
    drain(&mut subscriber);
    let [connection] = &broker.connections()[..] else {
        panic!()
    };
    assert_eq!((connection.lag, connection.sent_events), (0, 2));
    assert!(connection.sent_bytes > 6);
}

#[test]
fn a_disconnected_reader_gets_a_goodbye_at_once() {
    let broker = Broker::new();
    let mut subscriber = broker.subscribe(to(&["a"])).unwrap();
    let bell: Arc<Bell> = Arc::default();
    assert!(poll(&mut subscriber, &bell).is_pending());
    assert!(broker.disconnect(subscriber.id()));
    assert_eq!(bell.rung(), 1);
    publish(&broker, "a", "1");
    assert_eq!(drain(&mut subscriber), ["<goodbye disconnected>", "<end>"]);
    let nobody = ConnectionId::parse("00000000000000000000000000").unwrap();
    assert!(!broker.disconnect(&nobody));
}

#[test]
fn subscriptions_are_limited() {
    let broker = Broker::builder()
        .max_subscriptions(2)
        .max_selectors(2)
        .build();
    assert_eq!(
        broker.subscribe(to(&["a", "b", "c"])).unwrap_err(),
        SubscribeError::TooManySelectors { limit: 2 }
    );
    let first = broker.subscribe(to(&["a"])).unwrap();
    let _second = broker.subscribe(to(&["a"])).unwrap();
    assert_eq!(
        broker.subscribe(to(&["a"])).unwrap_err(),
        SubscribeError::TooManySubscriptions
    );
    drop(first);
    assert!(broker.subscribe(to(&["a"])).is_ok());
}

#[test]
fn brokers_may_share_a_limit_of_subscriptions() {
    let limited = Broker::builder().max_subscriptions(2);
    let (first, elsewhere) = (limited.clone().build(), limited.build());
    let second = Broker::builder().max_subscriptions_of(&first).build();
    let third = Broker::builder().max_subscriptions_of(&second).build();
    let one = first.subscribe(to(&["a"])).unwrap();
    let _two = third.subscribe(to(&["a"])).unwrap();
    for broker in [&first, &second, &third] {
        let refused = broker.subscribe(to(&["a"])).unwrap_err();
        assert_eq!(refused, SubscribeError::TooManySubscriptions);
        assert!(broker.subscribe(to(&["a"]).hidden()).is_ok());
    }
    let _not_counted = elsewhere.subscribe(to(&["a"])).unwrap();
    drop(one);
    let _again = second.subscribe(to(&["a"])).unwrap();
    assert!(first.subscribe(to(&["a"])).is_err());
}

#[tokio::test(start_paused = true)]
async fn changes_of_topics_and_subscribers_are_announced() {
    let broker = keeper(1)
        .capacity(tidings::Capacity {
            topics: 1,
            ..Default::default()
        })
        .build();
    let mut changes = broker.changes();
    let mut changed = |act: &dyn Fn()| {
        changes.mark_unchanged();
        act();
        changes.has_changed().unwrap()
    };
    assert!(
        changed(&|| drop(publish(&broker, "a", "1"))),
        "a topic appeared"
    );
    assert!(
        !changed(&|| drop(publish(&broker, "a", "2"))),
        "only its events changed"
    );
    assert!(
        changed(&|| drop(publish(&broker, "b", "3"))),
        "a topic took the place of another"
    );
    assert!(
        changed(&|| drop(publish_final(&broker, "b", "4"))),
        "a topic ended"
    );
    assert!(
        changed(&|| assert!(broker.delete(&topic("b")).now().unwrap())),
        "a topic was deleted"
    );
    assert!(
        !changed(&|| assert!(!broker.delete(&topic("b")).now().unwrap())),
        "nothing was deleted"
    );
    let slot: Mutex<Option<Subscriber>> = Mutex::new(None);
    assert!(
        changed(&|| *slot.lock().unwrap() = Some(broker.subscribe(to(&["a"])).unwrap())),
        "somebody came"
    );
    let id = slot.lock().unwrap().as_ref().unwrap().id().clone();
    assert!(
        changed(&|| drop(broker.change(&id, &[selector("b")], &[]).now())),
        "somebody changed topics"
    );
    assert!(
        changed(&|| drop(slot.lock().unwrap().take())),
        "somebody left"
    );
}

#[tokio::test(start_paused = true)]
async fn forgetting_ended_topics_by_age_is_announced() {
    let age = std::time::Duration::from_secs(60);
    let broker = Broker::builder()
        .retention(tidings::Retention {
            age,
            ..Default::default()
        })
        .build();
    publish_final(&broker, "a", "1");
    let mut changes = broker.changes();
    changes.mark_unchanged();
    broker.expire();
    assert!(!changes.has_changed().unwrap());
    tokio::time::advance(age).await;
    broker.expire();
    assert!(changes.has_changed().unwrap());
    assert_eq!((broker.stats().topics, broker.stats().events), (0, 0));
}

/// A waker that owns a subscriber, as the waker of a task does whose last reference it is.
struct OwningWaker {
    _subscriber: Mutex<Subscriber>,
}

impl Wake for OwningWaker {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn a_waker_may_own_the_last_of_another_subscriber() {
    let broker = Broker::new();
    let owner = || {
        let owned = broker.subscribe(to(&["a"])).unwrap();
        Waker::from(Arc::new(OwningWaker {
            _subscriber: Mutex::new(owned),
        }))
    };
    let mut subscriber = broker.subscribe(to(&["a"])).unwrap();
    assert!(
        subscriber
            .poll_batch(&mut Context::from_waker(&owner()))
            .is_pending()
    );
    assert!(
        subscriber
            .poll_batch(&mut Context::from_waker(&owner()))
            .is_pending()
    );
    drop(subscriber);
    assert_eq!(
        (broker.stats().subscriptions, broker.stats().groups),
        (0, 0)
    );
}

#[test]
fn a_hidden_subscription_gets_everything_and_shows_nowhere() {
    let broker = Broker::builder().max_subscriptions(1).build();
    let shown = broker.subscribe(to(&["a"])).unwrap();
    let mut hidden = broker.subscribe(to(&["a"]).hidden()).unwrap();
    assert_eq!(broker.subscriber_count(&topic("a")), 1);
    assert_eq!(broker.connections().len(), 1);
    assert_eq!(publish(&broker, "a", "1").receivers, 1);
    drop(shown);
    assert_eq!(publish(&broker, "a", "2").receivers, 0);
    assert_eq!(broker.stats().subscriptions, 0);
    assert_eq!(drain(&mut hidden), ["1", "2"]);
}

#[test]
fn a_subscriber_that_has_taken_everything_has_no_lag() {
    let broker = Broker::new();
    publish(&broker, "a", "1");
    let mut reader = broker
        .subscribe(to(&["a"]).start_at(StartAt::Start))
        .unwrap();
    assert!(reader.lag() > 0);
    drain(&mut reader);
    assert_eq!(reader.lag(), 0);
    publish(&broker, "a", "2");
    assert_eq!(reader.lag(), 1);
}
