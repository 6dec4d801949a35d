use std::sync::Arc;
use std::time::Duration;

use tidings::{GoodbyeReason, Owner, Peer};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::*;

fn owned(subscription: Subscription, expires_at: Option<Instant>) -> Subscription {
    let owner = Owner {
        identity: Some("ann".into()),
        expires_at,
        ..Owner::default()
    };
    subscription.peer(Peer {
        owner: Some(Arc::new(owner)),
        ..Peer::default()
    })
}

fn goodbye(reason: &str) -> String {
    format!("event: tidings.goodbye\ndata: {{\"reason\":\"{reason}\",\"retry_after_ms\":0}}\n\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revoked_streams_are_given_nothing_that_is_published_then() {
    let broker = broker().build();
    let sites = everywhere(&broker, owned(to("a"), None)).await;
    let mut readers = read_all(&sites).await;
    publish(&broker, "a", Event::new("1")).await;
    all_until(&mut readers, "data: 1\n\n").await;
    let is_ann = |peer: &Peer| peer.identity() == Some("ann");
    let ended = broker.disconnect_where(is_ann, GoodbyeReason::Revoked);
    assert_eq!(ended, ALL.len());
    publish(&broker, "a", Event::new("2")).await;
    let (text, end) = same(readers).await;
    assert!(text.ends_with(&goodbye("revoked")), "{text}");
    assert!(!text.contains("data: 2"));
    assert_eq!(end, End::Whole);
    deserted(&broker).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_of_a_crowd_is_sent_away_while_events_are_published() {
    for drain in OURS {
        let broker = broker().build();
        let site = Site::of(drain, &broker, to("a")).await;
        let mut reading = JoinSet::new();
        for _ in 0..60 {
            let mut reader = site.read().await;
            reading.spawn(async move { (reader.end().await, reader.into_text()) });
        }
        for n in 0..200 {
            if n == 100 {
                let mut turn = false;
                let every_second = |_: &Peer| {
                    turn = !turn;
                    turn
                };
                let ended = broker.disconnect_where(every_second, GoodbyeReason::Revoked);
                assert_eq!(ended, 30);
            }
            publish(&broker, "a", Event::new(n.to_string())).await;
        }
        publish(&broker, "a", Event::new("last").ending_topic()).await;
        let mut sent_away = 0;
        while let Some(read) = reading.join_next().await {
            let (end, text) = read.unwrap();
            assert_eq!(end, End::Whole, "{drain:?}");
            let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
            let mut data: Vec<&str> = data.collect();
            let last = data.pop();
            let numbers: Vec<String> = (0..data.len()).map(|n| n.to_string()).collect();
            assert_eq!(data, numbers, "{drain:?}");
            if text.ends_with(&goodbye("revoked")) {
                assert!(data.len() <= 100, "{drain:?}: {}", data.len());
                sent_away += 1;
            } else {
                assert_eq!((data.len(), last), (200, Some("last")), "{drain:?}");
            }
        }
        assert_eq!(sent_away, 30, "{drain:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_end_by_themselves_when_their_credentials_expire() {
    let broker = broker().build();
    let time = tokio::spawn({
        let broker = broker.clone();
        async move { broker.end_expired().await }
    });
    let soon = Instant::now() + Duration::from_millis(300);
    let sites = everywhere(&broker, owned(to("a"), Some(soon))).await;
    let readers = read_all(&sites).await;
    let (text, end) = same(readers).await;
    assert!(Instant::now() >= soon);
    assert!(text.ends_with(&goodbye("token-expired")), "{text}");
    assert_eq!(end, End::Whole);
    deserted(&broker).await;
    time.abort();
}
