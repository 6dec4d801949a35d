//! A stream that is ended while a feed takes for it is given nothing that is published then.

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt;
use tidings::{Broker, Fed, GoodbyeReason, Owner, Peer};
use tokio::time::Instant;

use crate::fixture::{publish, publish_all, to};

use super::{
    engine::{ENOUGH, Engine, Stream},
    fall_behind,
};

/// One stream whose credentials expire after a second, and another one in the same feed.
fn two(broker: &Broker) -> ([Stream; 2], Engine) {
    let owner = Owner {
        identity: Some("ann".into()),
        expires_at: Some(Instant::now() + Duration::from_secs(1)),
        ..Owner::default()
    };
    let peer = Peer {
        owner: Some(Arc::new(owner)),
        ..Peer::default()
    };
    let mut streams = [
        Stream::of(broker, to(&["a"]).peer(peer)),
        Stream::open(broker, &["a"]),
    ];
    let engine = Engine::feeding(&mut streams);
    (streams, engine)
}

fn revoke(broker: &Broker) {
    let is_ann = |peer: &Peer| peer.identity() == Some("ann");
    let ended = broker.disconnect_where(is_ann, GoodbyeReason::Revoked);
    assert_eq!(ended, 1);
}

async fn expire(broker: &Broker) {
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(broker.end_expired().now_or_never().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_revoked_stream_leaves_before_anything_more_is_taken() {
    let broker = Broker::new();
    let ([mut ann, mut other], mut engine) = two(&broker);
    publish(&broker, "a", "waits");
    let rung = ann.bell.rung();
    revoke(&broker);
    assert_eq!(ann.bell.rung(), rung + 1);
    publish(&broker, "a", "1");
    assert_eq!(engine.take(ENOUGH), Fed::Nothing);
    let rung = engine.bell.rung();
    engine.leave(&mut ann);
    assert_eq!(engine.bell.rung(), rung + 1);
    assert_eq!(engine.run(std::slice::from_mut(&mut other)), Fed::Nothing);
    ann.go_on();
    assert_eq!(ann.got(), ["<goodbye revoked>", "<end>"]);
    assert_eq!(other.got(), ["waits", "1"]);
}

#[tokio::test(start_paused = true)]
async fn an_expired_stream_is_given_what_was_published_before() {
    let broker = Broker::new();
    let ([mut ann, mut other], mut engine) = two(&broker);
    publish_all(&broker, "a", &["1", "2"]);
    assert_eq!(engine.take(1), Fed::Events { first: 0 });
    engine.hand(&mut other);
    expire(&broker).await;
    publish(&broker, "a", "3");
    // What was taken before is on its way.
    engine.hand(&mut ann);
    assert_eq!(engine.take(ENOUGH), Fed::Nothing);
    engine.leave(&mut ann);
    ann.go_on();
    assert_eq!(ann.got(), ["1", "2", "<goodbye token-expired>", "<end>"]);
    assert_eq!(engine.run(std::slice::from_mut(&mut other)), Fed::Nothing);
    assert_eq!(other.got(), ["1", "2", "3"]);
}

#[tokio::test(start_paused = true)]
async fn a_feed_goes_on_when_one_that_it_waits_for_is_gone() {
    let broker = Broker::new();
    let ([ann, mut other], mut engine) = two(&broker);
    revoke(&broker);
    publish(&broker, "a", "1");
    assert_eq!(engine.take(ENOUGH), Fed::Nothing);
    let rung = engine.bell.rung();
    drop(ann);
    assert_eq!(engine.bell.rung(), rung + 1);
    assert_eq!(engine.run(std::slice::from_mut(&mut other)), Fed::Nothing);
    assert_eq!(other.got(), ["1"]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_expires_and_is_revoked_then_is_waited_for_once() {
    let broker = Broker::new();
    let ([mut ann, mut other], mut engine) = two(&broker);
    publish(&broker, "a", "waits");
    expire(&broker).await;
    revoke(&broker);
    assert_eq!(engine.take(ENOUGH), Fed::Nothing);
    engine.leave(&mut ann);
    assert_eq!(engine.run(std::slice::from_mut(&mut other)), Fed::Nothing);
    ann.go_on();
    assert_eq!(ann.got(), ["<goodbye revoked>", "<end>"]);
    assert_eq!(other.got(), ["waits"]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_whose_feed_is_behind_ends_at_once() {
    let broker = Broker::new();
    let ([mut ann, mut other], mut engine) = two(&broker);
    fall_behind(&broker);
    assert_eq!(engine.take(1), Fed::Events { first: 0 });
    engine.hand(&mut ann);
    engine.hand(&mut other);
    expire(&broker).await;
    publish(&broker, "a", "7");
    assert_eq!(engine.take(ENOUGH), Fed::Nothing);
    engine.leave(&mut ann);
    ann.go_on();
    assert_eq!(ann.got(), ["1", "<goodbye token-expired>", "<end>"]);
    assert_eq!(engine.run(std::slice::from_mut(&mut other)), Fed::Nothing);
    assert_eq!(other.got(), ["1", "2", "3", "4", "5", "6", "7"]);
}

#[tokio::test(start_paused = true)]
async fn who_is_to_end_joins_no_feed() {
    let broker = Broker::new();
    let ([mut ann, other], mut engine) = two(&broker);
    engine.leave(&mut ann);
    expire(&broker).await;
    assert!(!engine.join(&mut ann));
    ann.go_on();
    assert_eq!(ann.got(), ["<goodbye token-expired>", "<end>"]);
    drop(other);
}
