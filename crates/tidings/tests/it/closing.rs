use std::time::Duration;

use futures_util::FutureExt;
use tidings::{Broker, ChangeError, Event, PublishError, StartAt, SubscribeError};

use crate::fixture::{Now, drain, publish, publish_all, read_to_end, selector, to, topic};

const SOON: Duration = Duration::from_secs(5);

#[tokio::test(start_paused = true)]
async fn closing_drains_what_was_published_and_says_goodbye() {
    let broker = Broker::new();
    publish_all(&broker, "a", &["1", "2"]);
    let replaying = broker
        .subscribe(to(&["a"]).start_at(StartAt::Start))
        .unwrap();
    let live = broker.subscribe(to(&["*"])).unwrap();
    publish(&broker, "a", "3");
    let readers = [
        tokio::spawn(read_to_end(replaying)),
        tokio::spawn(read_to_end(live)),
    ];
    assert_eq!(broker.close(SOON).await.cut, 0);
    let [replaying, live] = readers;
    assert_eq!(replaying.await.unwrap(), ["1", "2", "3", "<goodbye drain>"]);
    assert_eq!(live.await.unwrap(), ["3", "<goodbye drain>"]);
}

#[tokio::test(start_paused = true)]
async fn parked_readers_are_woken_by_closing() {
    let broker = Broker::new();
    let reader = tokio::spawn(read_to_end(broker.subscribe(to(&["a"])).unwrap()));
    tokio::task::yield_now().await;
    assert_eq!(broker.close(SOON).await.cut, 0);
    assert_eq!(reader.await.unwrap(), ["<goodbye drain>"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_gets_in_after_closing() {
    let broker = Broker::new();
    let mut subscriber = broker.subscribe(to(&["a"])).unwrap();
    let closing = tokio::spawn({
        let broker = broker.clone();
        async move { broker.close(SOON).await }
    });
    tokio::task::yield_now().await;
    assert!(broker.is_closed());
    assert_eq!(
        broker.publish(topic("a"), Event::new("late")).now(),
        Err(PublishError::Closed)
    );
    assert_eq!(
        broker.subscribe(to(&["a"])).unwrap_err(),
        SubscribeError::Closed
    );
    assert_eq!(
        broker.change(subscriber.id(), &[selector("b")], &[]).now(),
        Err(ChangeError::NotFound)
    );
    assert_eq!(drain(&mut subscriber), ["<goodbye drain>", "<end>"]);
    assert_eq!(closing.await.unwrap().cut, 0);
    assert_eq!(broker.stats().subscriptions, 0);
}

#[tokio::test(start_paused = true)]
async fn closing_again_is_fine() {
    let broker = Broker::new();
    let reader = tokio::spawn(read_to_end(broker.subscribe(to(&["a"])).unwrap()));
    let (first, second) = tokio::join!(broker.close(SOON), broker.close(SOON));
    assert_eq!((first.cut, second.cut), (0, 0));
    assert_eq!(broker.close(Duration::ZERO).await.cut, 0);
    assert_eq!(reader.await.unwrap(), ["<goodbye drain>"]);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_takes_nothing_is_cut_at_the_deadline() {
    let broker = Broker::new();
    let mut stalled = broker.subscribe(to(&["a"])).unwrap();
    let reader = tokio::spawn(read_to_end(broker.subscribe(to(&["a"])).unwrap()));
    publish(&broker, "a", "1");
    let begun = tokio::time::Instant::now();
    assert_eq!(broker.close(SOON).await.cut, 1);
    assert_eq!(begun.elapsed(), SOON);
    assert_eq!(reader.await.unwrap(), ["1", "<goodbye drain>"]);
    assert_eq!(drain(&mut stalled), ["<goodbye drain>", "<end>"]);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_reader_is_not_waited_for() {
    let broker = Broker::new();
    let subscriber = broker.subscribe(to(&["a"])).unwrap();
    let close = broker.close(SOON);
    tokio::pin!(close);
    assert!(close.as_mut().now_or_never().is_none());
    drop(subscriber);
    let begun = tokio::time::Instant::now();
    assert_eq!(close.await.cut, 0);
    assert_eq!(begun.elapsed(), Duration::ZERO);
}
