use std::sync::Arc;

use tidings::{Broker, GoodbyeReason, Owner, Peer, StartAt, Subscription};

use crate::fixture::{Bell, drain, poll, publish, publish_all, to};

fn owner(identity: &str, token: &str) -> Arc<Owner> {
    Arc::new(Owner {
        identity: Some(identity.into()),
        token: Some(token.into()),
        ..Owner::default()
    })
}

fn owned(subscription: Subscription, owner: &Arc<Owner>) -> Subscription {
    subscription.peer(Peer {
        owner: Some(owner.clone()),
        ..Peer::default()
    })
}

/// Ends the streams of a token.
fn revoke(broker: &Broker, token: &str) -> usize {
    let is_of_token = |owner: &Arc<Owner>| owner.token.as_deref() == Some(token);
    broker.disconnect_where(
        |peer| peer.owner.as_ref().is_some_and(is_of_token),
        GoodbyeReason::Revoked,
    )
}

#[test]
fn all_streams_of_a_token_end_and_no_others() {
    let broker = Broker::new();
    let (phone, laptop) = (owner("ann", "t1"), owner("ann", "t2"));
    let open = |subscription| broker.subscribe(subscription).unwrap();
    let mut revoked = [
        open(owned(to(&["a"]), &phone)),
        open(owned(to(&["a/*", "a"]), &phone)),
        open(owned(to(&["a"]), &phone).start_at(StartAt::Start)),
    ];
    let mut others = [open(owned(to(&["a"]), &laptop)), open(to(&["a"]))];
    let bell: Arc<Bell> = Arc::default();
    assert!(poll(&mut revoked[0], &bell).is_pending());
    assert_eq!(revoke(&broker, "t1"), 3);
    assert_eq!(revoke(&broker, "t1"), 0);
    publish(&broker, "a", "1");
    assert_eq!(bell.rung(), 1);
    for stream in &mut revoked {
        assert_eq!(drain(stream), ["<goodbye revoked>", "<end>"]);
    }
    for stream in &mut others {
        assert_eq!(drain(stream), ["1"]);
    }
    assert_eq!(broker.stats().subscriptions, 2);
}

#[test]
fn what_waits_is_not_given_any_more() {
    let broker = Broker::new();
    publish_all(&broker, "a", &["old", "old"]);
    let owner = owner("ann", "t1");
    let replays = owned(to(&["a"]).start_at(StartAt::Start), &owner);
    let mut replays = broker.subscribe(replays).unwrap();
    let mut live = broker.subscribe(owned(to(&["a"]), &owner)).unwrap();
    publish(&broker, "a", "1");
    assert_eq!(revoke(&broker, "t1"), 2);
    for stream in [&mut replays, &mut live] {
        assert_eq!(drain(stream), ["<goodbye revoked>", "<end>"]);
    }
}

#[test]
fn a_stream_that_somebody_has_ended_before_keeps_its_reason() {
    let broker = Broker::new();
    let owner = owner("ann", "t1");
    let mut stream = broker.subscribe(owned(to(&["a"]), &owner)).unwrap();
    assert!(broker.disconnect(stream.id()));
    assert_eq!(revoke(&broker, "t1"), 0);
    assert_eq!(drain(&mut stream), ["<goodbye disconnected>", "<end>"]);
}
