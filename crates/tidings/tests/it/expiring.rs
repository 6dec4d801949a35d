use std::{sync::Arc, task::Poll, time::Duration};

use futures_util::FutureExt;
use tidings::{Broker, ChangeError, Owner, Peer, StartAt, Subscription};
use tokio::{task::JoinHandle, time::Instant};

use crate::fixture::{Bell, Now, drain, poll, publish, publish_all, read_to_end, selector, to};

/// Whose credentials expire after so many seconds.
fn expiring(subscription: Subscription, seconds: u64) -> Subscription {
    let owner = Owner {
        expires_at: Some(Instant::now() + Duration::from_secs(seconds)),
        ..Owner::default()
    };
    subscription.peer(Peer {
        owner: Some(Arc::new(owner)),
        ..Peer::default()
    })
}

/// Lets so many seconds pass, and the broker look at the time once then.
async fn pass(broker: &Broker, seconds: u64) {
    tokio::time::advance(Duration::from_secs(seconds)).await;
    assert!(broker.end_expired().now_or_never().is_none());
}

/// Has the broker keep the time.
fn keep_time(broker: &Broker) -> JoinHandle<()> {
    let broker = broker.clone();
    tokio::spawn(async move { match broker.end_expired().await {} })
}

#[tokio::test(start_paused = true)]
async fn a_parked_stream_ends_when_its_time_comes() {
    let broker = Broker::new();
    let time = keep_time(&broker);
    let began = Instant::now();
    let stream = broker.subscribe(expiring(to(&["a"]), 60)).unwrap();
    assert_eq!(read_to_end(stream).await, ["<goodbye token-expired>"]);
    assert_eq!(began.elapsed().as_secs(), 60);
    time.abort();
}

#[tokio::test(start_paused = true)]
async fn streams_end_one_after_the_other_whichever_came_first() {
    let broker = Broker::new();
    let time = keep_time(&broker);
    let began = Instant::now();
    for seconds in [60, 20, 40, 20] {
        // The broker waits for the time of what came before.
        tokio::task::yield_now().await;
        let stream = broker.subscribe(expiring(to(&["a"]), seconds)).unwrap();
        let sooner = broker
            .subscribe(expiring(to(&["a"]), seconds - 10))
            .unwrap();
        read_to_end(sooner).await;
        assert_eq!(began.elapsed().as_secs() % 20, 10);
        read_to_end(stream).await;
        assert_eq!(began.elapsed().as_secs() % 20, 0);
    }
    time.abort();
}

#[tokio::test(start_paused = true)]
async fn what_waits_comes_before_the_goodbye_and_what_comes_later_does_not() {
    let broker = Broker::new();
    let mut stream = broker.subscribe(expiring(to(&["a"]), 5).hello()).unwrap();
    publish_all(&broker, "a", &["1", "2"]);
    pass(&broker, 4).await;
    publish(&broker, "a", "3");
    pass(&broker, 1).await;
    publish(&broker, "a", "4");
    assert_eq!(
        drain(&mut stream),
        [
            "<connected>",
            "1",
            "2",
            "3",
            "<goodbye token-expired>",
            "<end>"
        ]
    );
    assert_eq!(broker.stats().subscriptions, 0);
}

#[tokio::test(start_paused = true)]
async fn what_waits_may_take_more_than_one_batch() {
    let broker = Broker::new();
    let mut stream = broker.subscribe(expiring(to(&["a"]), 5)).unwrap();
    let large = "x".repeat(40 << 10);
    publish_all(&broker, "a", &[&large, &large, &large]);
    pass(&broker, 5).await;
    publish(&broker, "a", "later");
    let bell = Arc::default();
    for _ in 0..3 {
        let Poll::Ready(Some(batch)) = poll(&mut stream, &bell) else {
            panic!()
        };
        assert_eq!(batch.len(), 1);
    }
    assert_eq!(drain(&mut stream), ["<goodbye token-expired>", "<end>"]);
}

#[tokio::test(start_paused = true)]
async fn a_parked_stream_is_woken_once() {
    let broker = Broker::new();
    let mut stream = broker.subscribe(expiring(to(&["a"]), 5)).unwrap();
    let bell: Arc<Bell> = Arc::default();
    assert!(poll(&mut stream, &bell).is_pending());
    pass(&broker, 5).await;
    publish(&broker, "a", "later");
    assert_eq!(bell.rung(), 1);
    assert_eq!(drain(&mut stream), ["<goodbye token-expired>", "<end>"]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_replays_ends_at_once_and_is_resumed_by_other_credentials() {
    let broker = Broker::new();
    let id = broker.position().to_string();
    publish_all(&broker, "a", &["1", "2"]);
    let replay = to(&["a"]).resume_after(id);
    let mut stream = broker.subscribe(expiring(replay.clone(), 5)).unwrap();
    publish(&broker, "a", "3");
    pass(&broker, 5).await;
    assert_eq!(drain(&mut stream), ["<goodbye token-expired>", "<end>"]);
    let mut again = broker.subscribe(expiring(replay, 5)).unwrap();
    publish(&broker, "a", "4");
    assert_eq!(drain(&mut again), ["1", "2", "3", "<resumed 3>", "4"]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_behind_what_is_at_hand_ends_at_once() {
    let broker = Broker::new();
    let mut stream = broker.subscribe(expiring(to(&["a"]), 5)).unwrap();
    let large = "x".repeat(420 << 10);
    publish_all(&broker, "a", &[&large, &large, &large]);
    pass(&broker, 5).await;
    assert_eq!(drain(&mut stream), ["<goodbye token-expired>", "<end>"]);
}

#[tokio::test(start_paused = true)]
async fn a_replay_that_is_over_is_confirmed_before_the_goodbye() {
    let broker = Broker::new();
    publish(&broker, "a", "1");
    let resumed = to(&["a"]).resume_after(broker.position().to_string());
    let mut stream = broker.subscribe(expiring(resumed, 5)).unwrap();
    publish(&broker, "a", "2");
    pass(&broker, 5).await;
    assert_eq!(
        drain(&mut stream),
        ["<resumed 0>", "2", "<goodbye token-expired>", "<end>"]
    );
}

#[tokio::test(start_paused = true)]
async fn credentials_that_have_expired_open_a_stream_that_ends() {
    let broker = Broker::new();
    let time = keep_time(&broker);
    let late = expiring(to(&["a"]), 5);
    tokio::time::advance(Duration::from_secs(7)).await;
    let stream = broker.subscribe(late).unwrap();
    assert_eq!(read_to_end(stream).await, ["<goodbye token-expired>"]);
    time.abort();
}

#[tokio::test(start_paused = true)]
async fn more_streams_than_are_ended_at_one_time_all_end() {
    let broker = Broker::new();
    let subscription = expiring(to(&["a"]), 5);
    let open = |subscription: &Subscription| broker.subscribe(subscription.clone()).unwrap();
    let mut streams: Vec<_> = (0..1_000).map(|_| open(&subscription)).collect();
    let mut later = open(&expiring(to(&["a"]), 6));
    let mut never = open(&to(&["a"]));
    pass(&broker, 5).await;
    for stream in &mut streams {
        assert_eq!(drain(stream), ["<goodbye token-expired>", "<end>"]);
    }
    publish(&broker, "a", "1");
    assert_eq!(drain(&mut later), ["1"]);
    assert_eq!(drain(&mut never), ["1"]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_to_end_cannot_be_changed() {
    let broker = Broker::new();
    let mut stream = broker.subscribe(expiring(to(&["a"]), 5)).unwrap();
    publish(&broker, "a", "1");
    pass(&broker, 5).await;
    let change = broker.change(stream.id(), &[selector("b")], &[]).now();
    assert_eq!(change, Err(ChangeError::NotFound));
    assert_eq!(
        drain(&mut stream),
        ["1", "<goodbye token-expired>", "<end>"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_change_of_topics_changes_nothing_about_the_time() {
    let broker = Broker::new();
    let mut stream = broker
        .subscribe(expiring(to(&["a"]), 5).start_at(StartAt::Now))
        .unwrap();
    broker
        .change(stream.id(), &[selector("b")], &[selector("a")])
        .now()
        .unwrap();
    publish(&broker, "b", "1");
    assert_eq!(drain(&mut stream), ["1"]);
    pass(&broker, 5).await;
    assert_eq!(drain(&mut stream), ["<goodbye token-expired>", "<end>"]);
}

#[tokio::test(start_paused = true)]
async fn who_has_left_is_not_waited_for() {
    let broker = Broker::new();
    let gone = broker.subscribe(expiring(to(&["a"]), 5)).unwrap();
    let mut stays = broker.subscribe(expiring(to(&["a"]), 5)).unwrap();
    drop(gone);
    pass(&broker, 5).await;
    assert_eq!(drain(&mut stays), ["<goodbye token-expired>", "<end>"]);
    assert_eq!(broker.stats().groups, 0);
}
