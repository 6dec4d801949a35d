use tidings_testkit::{Signal, eventually};
use tokio::task::JoinSet;

use super::crowd::Visitor;
use super::room_for;
use crate::hub;

const READERS: usize = 2_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t21_a_hub_that_stops_spreads_its_readers_over_the_time_they_come_back_in() {
    room_for(4_096);
    let hub = hub();
    let mut visitors = Vec::new();
    for _ in 0..READERS {
        visitors.push(Visitor::open(hub.address(), "topic=t", None).await);
    }
    for n in 1..=20 {
        hub.publish("t", "n", &n.to_string());
    }
    hub.signal(Signal::SIGTERM);

    let mut crowd = JoinSet::new();
    for mut visitor in visitors {
        crowd.spawn(async move {
            for n in 1..=20 {
                let event = visitor.next().await.expect("another event");
                assert_eq!(event.data, n.to_string());
            }
            let goodbye = visitor.next().await.expect("a goodbye");
            assert_eq!(goodbye.event, "tidings.goodbye");
            assert!(visitor.next().await.is_none());
            let told = goodbye.json()["retry_after_ms"].as_u64();
            assert_eq!(told, visitor.retry());
            told.expect("a time to come back")
        });
    }
    let mut times = Vec::new();
    while let Some(time) = crowd.join_next().await {
        times.push(time.expect("a reader"));
    }
    // Between one and three times the setting of 3 s. In ten equal parts of that everybody could be counted on fingers: even
    // one of 2,000 in which there are fewer than half or more than twice as many as on average would be a wonder.
    let mut parts = [0; 10];
    for time in times {
        assert!((3_000..=9_000).contains(&time), "{time} ms");
        parts[usize::try_from((time - 3_000) / 601).expect("a small number")] += 1;
    }
    let average = READERS / parts.len();
    let is_even = |part: &usize| (average / 2..average * 2).contains(part);
    assert!(parts.iter().all(is_even), "{parts:?}");
    assert_eq!(hub.wait().code, Some(0));
}

#[test]
fn t21_whoever_comes_while_the_hub_stops_is_told_when_to_come_back_and_not_all_the_same() {
    let hub = crate::hub_with(&[("TIDINGS_DRAIN", "1h")]);
    let stream = crate::shutdown::stall(&hub);
    hub.signal(Signal::SIGTERM);
    eventually("the hub drains", || {
        (hub.get("/readyz").status() == 503).then_some(())
    });
    let times: Vec<_> = (0..16)
        .map(|_| {
            let refused = hub.get("/api/events/stream?topic=t");
            refused.problem(503);
            refused.header("retry-after").map(str::to_owned)
        })
        .collect();
    assert!(times.iter().all(Option::is_some), "{times:?}");
    assert!(times.iter().any(|time| *time != times[0]), "{times:?}");
    drop(stream);
}
