use tidings::{Broker, Event, PublishError, Retention, StartAt};

use crate::fixture::{
    Now, drain, name, publish, publish_all, publish_final, read_to_end, to, topic,
};

#[test]
fn a_final_event_ends_a_subscription_to_its_topic() {
    let broker = Broker::new();
    let mut subscriber = broker.subscribe(to(&["a"])).unwrap();
    publish(&broker, "a", "1");
    assert_eq!(publish_final(&broker, "a", "2").receivers, 1);
    assert_eq!(drain(&mut subscriber), ["1", "2", "<end>"]);
    assert_eq!(drain(&mut subscriber), ["<end>"]);
    assert_eq!(
        broker.publish(topic("a"), Event::new("3")).now(),
        Err(PublishError::TopicEnded)
    );
}

#[test]
fn the_last_topic_to_end_ends_the_subscription() {
    let broker = Broker::new();
    let mut subscriber = broker.subscribe(to(&["a", "b"])).unwrap();
    publish_final(&broker, "a", "1");
    publish(&broker, "b", "2");
    assert_eq!(drain(&mut subscriber), ["1", "2"]);
    publish_final(&broker, "b", "3");
    assert_eq!(drain(&mut subscriber), ["3", "<end>"]);
}

#[test]
fn a_wildcard_subscription_never_ends_by_itself() {
    let broker = Broker::new();
    let mut subscriber = broker.subscribe(to(&["a", "b/*"])).unwrap();
    publish_final(&broker, "a", "1");
    publish_final(&broker, "b/1", "2");
    assert_eq!(drain(&mut subscriber), ["1", "2"]);
    publish(&broker, "b/2", "3");
    assert_eq!(drain(&mut subscriber), ["3"]);
}

#[test]
fn a_filter_that_leaves_the_final_event_out_still_ends() {
    let broker = Broker::new();
    let mut subscriber = broker.subscribe(to(&["a"]).only([name("x")])).unwrap();
    publish_final(&broker, "a", "1");
    assert_eq!(drain(&mut subscriber), ["<end>"]);
}

#[test]
fn a_replay_of_ended_topics_ends() {
    let broker = Broker::new();
    let id = publish_all(&broker, "a", &["1", "2"]);
    publish_final(&broker, "b", "3");
    publish_final(&broker, "a", "4");
    let mut all = broker
        .subscribe(to(&["a", "b"]).start_at(StartAt::Start))
        .unwrap();
    assert_eq!(drain(&mut all), ["1", "2", "3", "4", "<end>"]);
    let mut rest = broker
        .subscribe(to(&["a"]).resume_after(id.to_string()))
        .unwrap();
    assert_eq!(drain(&mut rest), ["4", "<resumed 1>", "<end>"]);
}

#[test]
fn a_first_visit_to_ended_topics_is_over() {
    let broker = Broker::new();
    publish_final(&broker, "a", "1");
    let mut over = broker.subscribe(to(&["a"])).unwrap();
    assert!(over.is_over());
    assert_eq!(drain(&mut over), ["<end>"]);
    assert!(!broker.subscribe(to(&["a", "b"])).unwrap().is_over());
    assert!(!broker.subscribe(to(&["a", "b/*"])).unwrap().is_over());
    assert!(
        !broker
            .subscribe(to(&["a"]).start_at(StartAt::Start))
            .unwrap()
            .is_over()
    );
    assert!(
        !broker
            .subscribe(to(&["a"]).start_at(StartAt::Newest(1)))
            .unwrap()
            .is_over()
    );
    assert!(
        broker
            .subscribe(to(&["a"]).start_at(StartAt::Newest(0)))
            .unwrap()
            .is_over()
    );
}

#[test]
fn a_return_after_the_end_is_over_if_nothing_was_missed() {
    let broker = Broker::new();
    let before = publish(&broker, "a", "1").id;
    let last = publish_final(&broker, "a", "2").id;
    let resume = |id: String| broker.subscribe(to(&["a"]).resume_after(id)).unwrap();
    assert!(resume(last.to_string()).is_over());
    assert!(!resume(before.to_string()).is_over());
    publish(&broker, "b", "3");
    assert!(resume(broker.position().to_string()).is_over());
    assert_eq!(
        drain(&mut resume("nonsense".to_owned())),
        ["<gap unknown-id>", "<end>"]
    );
    assert_eq!(
        drain(&mut resume("other-1".to_owned())),
        ["<gap epoch-changed>", "1", "2", "<resumed 2>", "<end>"]
    );
}

#[test]
fn events_that_are_not_wanted_are_not_missed() {
    let broker = Broker::new();
    let start = broker.position().to_string();
    publish(&broker, "a", "1");
    publish_final(&broker, "a", "2");
    assert!(
        broker
            .subscribe(to(&["a"]).only([name("x")]).resume_after(&start))
            .unwrap()
            .is_over()
    );
    assert!(
        !broker
            .subscribe(to(&["a"]).only([name("message")]).resume_after(&start))
            .unwrap()
            .is_over()
    );
}

#[test]
fn a_subscription_that_is_over_is_not_there() {
    let broker = Broker::new();
    publish_final(&broker, "a", "1");
    let over = broker.subscribe(to(&["a"])).unwrap();
    assert_eq!(
        (broker.stats().subscriptions, broker.connections().len()),
        (0, 0)
    );
    drop(over);
    assert_eq!(broker.stats().subscriptions, 0);
}

#[test]
fn a_stream_at_its_end_is_not_there() {
    let broker = Broker::new();
    let mut subscriber = broker.subscribe(to(&["a"])).unwrap();
    publish_final(&broker, "a", "1");
    assert_eq!(drain(&mut subscriber), ["1", "<end>"]);
    assert_eq!(
        (broker.stats().subscriptions, broker.stats().groups),
        (0, 0)
    );
    assert!(subscriber.is_over());
    drop(subscriber);
}

#[test]
fn deleting_opens_an_ended_topic_again() {
    let broker = Broker::new();
    publish_final(&broker, "a", "1");
    assert!(broker.delete(&topic("a")).now().unwrap());
    let mut subscriber = broker.subscribe(to(&["a"])).unwrap();
    assert!(!subscriber.is_over());
    publish(&broker, "a", "2");
    assert_eq!(drain(&mut subscriber), ["2"]);
}

#[tokio::test(start_paused = true)]
async fn expiry_of_the_final_event_opens_the_topic_again() {
    let age = std::time::Duration::from_secs(60);
    let broker = Broker::builder()
        .retention(Retention {
            age,
            ..Retention::default()
        })
        .build();
    publish_final(&broker, "a", "1");
    assert!(broker.subscribe(to(&["a"])).unwrap().is_over());
    tokio::time::advance(age).await;
    assert!(!broker.subscribe(to(&["a"])).unwrap().is_over());
    publish(&broker, "a", "2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_final_events_are_all_followed_by_the_end() {
    let broker = Broker::new();
    for round in 0..1_000 {
        let name = format!("round/{round}");
        let subscriber = broker.subscribe(to(&[&name])).unwrap();
        let reader = tokio::spawn(read_to_end(subscriber));
        if round % 2 == 0 {
            tokio::task::yield_now().await;
        }
        publish(&broker, &name, "1");
        publish_final(&broker, &name, "last");
        assert_eq!(reader.await.unwrap(), ["1", "last"]);
    }
    assert_eq!(broker.stats().groups, 0);
}
