use tidings::{Broker, StartAt};

use crate::fixture::{Now, drain, publish, publish_all, to, topic};

#[test]
fn deleting_ends_the_streams_that_name_the_topic() {
    let broker = Broker::new();
    let mut alone = broker.subscribe(to(&["a"])).unwrap();
    let mut among = broker.subscribe(to(&["a", "b/*"])).unwrap();
    let mut other = broker.subscribe(to(&["b/1"])).unwrap();
    publish(&broker, "a", "1");
    assert!(broker.delete(&topic("a")).now().unwrap());
    assert_eq!(drain(&mut alone), ["1", "<goodbye topic-deleted>", "<end>"]);
    assert_eq!(drain(&mut among), ["1", "<goodbye topic-deleted>", "<end>"]);
    publish(&broker, "b/1", "2");
    assert_eq!(drain(&mut other), ["2"]);
}

#[test]
fn wildcards_go_on_after_a_gap() {
    let broker = Broker::new();
    let mut subscriber = broker.subscribe(to(&["*"])).unwrap();
    publish(&broker, "a", "1");
    broker.delete(&topic("a")).now().unwrap();
    publish(&broker, "a", "2");
    assert_eq!(drain(&mut subscriber), ["1", "<gap deleted>", "2"]);
}

#[test]
fn an_unknown_topic_is_not_deleted() {
    let broker = Broker::new();
    let mut subscriber = broker.subscribe(to(&["a"])).unwrap();
    assert!(!broker.delete(&topic("a")).now().unwrap());
    assert!(drain(&mut subscriber).is_empty());
}

#[test]
fn history_that_is_deleted_before_it_was_read_is_announced() {
    let broker = Broker::new();
    publish_all(&broker, "a", &["1", "2"]);
    publish(&broker, "b", "3");
    let mut named = broker
        .subscribe(to(&["a", "b"]).start_at(StartAt::Start))
        .unwrap();
    let mut matched = broker
        .subscribe(to(&["*"]).start_at(StartAt::Newest(2)))
        .unwrap();
    broker.delete(&topic("a")).now().unwrap();
    publish(&broker, "b", "4");
    let got = drain(&mut named);
    assert_eq!(got, ["3", "<goodbye topic-deleted>", "<end>"]);
    let got = drain(&mut matched);
    assert_eq!(got, ["3", "<gap deleted>", "4"]);
}

#[test]
fn a_replay_by_id_says_that_deleted_history_is_missing() {
    let broker = Broker::new();
    let id = broker.position().to_string();
    publish(&broker, "a", "1");
    publish(&broker, "b", "2");
    let mut subscriber = broker.subscribe(to(&["*"]).resume_after(id)).unwrap();
    broker.delete(&topic("a")).now().unwrap();
    assert_eq!(
        drain(&mut subscriber),
        ["<gap evicted>", "2", "<resumed 1>", "<gap deleted>"]
    );
}
