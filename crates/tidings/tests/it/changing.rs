use tidings::{Broker, ChangeError, ConnectionId, Position, Selector, StartAt};

use crate::fixture::{
    Now, drain, keeper, name, publish, publish_all, publish_final, publish_key, selector, to, topic,
};

fn selectors(texts: &[&str]) -> Vec<Selector> {
    texts.iter().map(|text| selector(text)).collect()
}

fn change(
    broker: &Broker,
    connection: &ConnectionId,
    subscribe: &[&str],
    unsubscribe: &[&str],
) -> Result<u64, ChangeError> {
    let position = broker
        .change(connection, &selectors(subscribe), &selectors(unsubscribe))
        .now()?;
    assert_eq!(position, broker.position());
    Ok(position.sequence)
}

#[test]
fn selectors_change_exactly_at_the_position() {
    let broker = Broker::new();
    let mut subscriber = broker.subscribe(to(&["a", "b"])).unwrap();
    let id = subscriber.id().clone();
    publish(&broker, "a", "1");
    publish(&broker, "c", "no");
    assert_eq!(change(&broker, &id, &["c"], &["a"]), Ok(2));
    publish(&broker, "a", "no");
    publish(&broker, "b", "4");
    publish(&broker, "c", "5");
    assert_eq!(drain(&mut subscriber), ["1", "4", "5"]);
    assert_eq!(broker.subscriber_count(&topic("a")), 0);
    assert_eq!(broker.subscriber_count(&topic("c")), 1);
    assert_eq!(broker.connections()[0].topics, ["b", "c"]);
    assert_eq!(broker.stats().groups, 1);
}

#[test]
fn a_parked_reader_is_woken_for_its_new_topics() {
    let broker = Broker::new();
    let mut subscriber = broker.subscribe(to(&["a"])).unwrap();
    let bell = Default::default();
    assert!(crate::fixture::poll(&mut subscriber, &bell).is_pending());
    change(&broker, subscriber.id(), &["b"], &["a"]).unwrap();
    publish(&broker, "b", "1");
    assert!(bell.rung() > 0);
    assert_eq!(drain(&mut subscriber), ["1"]);
}

#[test]
fn changes_while_catching_up_are_exact_too() {
    let broker = Broker::new();
    publish_all(&broker, "a", &["1", "2"]);
    publish_all(&broker, "b", &["3", "4"]);
    let mut subscriber = broker
        .subscribe(to(&["a"]).start_at(StartAt::Start))
        .unwrap();
    let id = subscriber.id().clone();
    publish_all(&broker, "a", &["5"]);
    change(&broker, &id, &["b"], &["a"]).unwrap();
    publish(&broker, "b", "6");
    publish(&broker, "a", "no");
    change(&broker, &id, &["a"], &["b"]).unwrap();
    publish(&broker, "b", "no");
    publish(&broker, "a", "9");
    assert_eq!(drain(&mut subscriber), ["1", "2", "5", "6", "9"]);
}

#[test]
fn changes_during_a_resume_come_after_its_confirmation() {
    let broker = Broker::new();
    let id = broker.position().to_string();
    publish(&broker, "a", "1");
    let mut subscriber = broker.subscribe(to(&["a"]).resume_after(id)).unwrap();
    publish(&broker, "a", "2");
    change(&broker, subscriber.id(), &["b"], &[]).unwrap();
    publish(&broker, "b", "3");
    assert_eq!(drain(&mut subscriber), ["1", "<resumed 1>", "2", "3"]);
}

#[test]
fn the_new_topics_begin_at_the_position_not_before() {
    let broker = Broker::new();
    publish_all(&broker, "b", &["old", "old"]);
    let mut subscriber = broker.subscribe(to(&["a"])).unwrap();
    publish(&broker, "b", "old");
    change(&broker, subscriber.id(), &["b"], &[]).unwrap();
    let large = "x".repeat(100 << 10);
    for _ in 0..10 {
        publish(&broker, "b", &large);
    }
    let got = drain(&mut subscriber);
    assert_eq!(got.len(), 10);
    assert!(got.iter().all(|data| *data == large));
}

#[test]
fn event_types_stay_as_they_were() {
    let broker = Broker::new();
    let mut subscriber = broker.subscribe(to(&["a"]).only([name("x")])).unwrap();
    change(&broker, subscriber.id(), &["b"], &[]).unwrap();
    publish(&broker, "b", "no");
    broker
        .publish(topic("b"), tidings::Event::new("1").named(name("x")))
        .now()
        .unwrap();
    assert_eq!(drain(&mut subscriber), ["1"]);
}

#[test]
fn a_quiet_reader_is_not_told_of_a_gap_when_it_changes() {
    let broker = Broker::new();
    let mut subscriber = broker.subscribe(to(&["a/*"])).unwrap();
    assert!(drain(&mut subscriber).is_empty());
    publish(&broker, "b", "no");
    broker.delete(&topic("b")).now().unwrap();
    change(&broker, subscriber.id(), &["c"], &[]).unwrap();
    publish(&broker, "c", "1");
    assert_eq!(drain(&mut subscriber), ["1"]);
}

#[test]
fn a_skip_does_not_reach_back_before_a_change() {
    let broker = keeper(1).lag(tidings::LagPolicy::Skip).build();
    let mut subscriber = broker.subscribe(to(&["a"])).unwrap();
    let id = subscriber.id().clone();
    publish_all(&broker, "a", &["1", "2"]);
    change(&broker, &id, &["x"], &["a"]).unwrap();
    publish(&broker, "x", "3");
    publish(&broker, "b", "before the change");
    change(&broker, &id, &["b"], &["x"]).unwrap();
    assert_eq!(drain(&mut subscriber), ["<gap lagged>", "2", "3"]);
    let large = "x".repeat(900 << 10);
    publish(&broker, "c", "no");
    change(&broker, &id, &["c"], &[]).unwrap();
    publish(&broker, "c", &large);
    assert_eq!(drain(&mut subscriber), [large]);
}

#[test]
fn a_change_to_ended_topics_ends_the_stream_after_what_came_before() {
    let broker = Broker::new();
    publish_final(&broker, "b", "old");
    let mut subscriber = broker.subscribe(to(&["a"])).unwrap();
    let id = subscriber.id().clone();
    publish(&broker, "a", "1");
    change(&broker, &id, &["b"], &["a"]).unwrap();
    publish(&broker, "a", "no");
    assert_eq!(drain(&mut subscriber), ["1", "<end>"]);
    assert_eq!(
        change(&broker, &id, &["a"], &[]),
        Err(ChangeError::NotFound)
    );
}

#[test]
fn a_stream_keeps_at_least_one_selector_and_at_most_the_limit() {
    let broker = Broker::builder().max_selectors(2).build();
    let mut subscriber = broker.subscribe(to(&["a", "b"])).unwrap();
    let id = subscriber.id().clone();
    assert_eq!(
        change(&broker, &id, &[], &["a", "b"]),
        Err(ChangeError::NothingLeft)
    );
    assert_eq!(
        change(&broker, &id, &["c"], &[]),
        Err(ChangeError::TooManySelectors { limit: 2 })
    );
    publish(&broker, "a", "1");
    assert_eq!(drain(&mut subscriber), ["1"]);
    assert_eq!(change(&broker, &id, &["c"], &["a"]), Ok(1));
}

#[test]
fn pending_changes_are_limited() {
    let broker = Broker::new();
    let mut subscriber = broker.subscribe(to(&["a", "z"])).unwrap();
    let id = subscriber.id().clone();
    let refused = (0..1_000).find_map(|round| {
        publish(&broker, "z", &round.to_string());
        change(&broker, &id, &[&format!("b/{round}")], &[]).err()
    });
    assert_eq!(refused, Some(ChangeError::TooManyChanges));
    let got = drain(&mut subscriber);
    assert_eq!(
        got,
        (0..got.len())
            .map(|round| round.to_string())
            .collect::<Vec<_>>()
    );
    assert!(change(&broker, &id, &["c"], &[]).is_ok());
}

#[test]
fn only_open_streams_can_be_changed() {
    let broker = Broker::new();
    let nobody = ConnectionId::parse("00000000000000000000000000").unwrap();
    assert_eq!(
        change(&broker, &nobody, &["a"], &[]),
        Err(ChangeError::NotFound)
    );
    let mut subscriber = broker.subscribe(to(&["a"])).unwrap();
    let id = subscriber.id().clone();
    publish_final(&broker, "a", "1");
    for (subscribe, unsubscribe) in [(&["b"][..], &[][..]), (&[], &["a"])] {
        assert_eq!(
            change(&broker, &id, subscribe, unsubscribe),
            Err(ChangeError::NotFound)
        );
    }
    assert_eq!(drain(&mut subscriber), ["1", "<end>"]);
    let gone = broker.subscribe(to(&["b"])).unwrap();
    let id = gone.id().clone();
    drop(gone);
    assert_eq!(
        change(&broker, &id, &["b"], &[]),
        Err(ChangeError::NotFound)
    );
}

#[test]
fn what_old_topics_lost_does_not_account_for_what_new_ones_lose() {
    let broker = keeper(3).lag(tidings::LagPolicy::Conflate).build();
    publish_key(&broker, "a", "k", "1");
    let start = to(&["a"]).resume_after(
        Position {
            sequence: 0,
            ..broker.position()
        }
        .to_string(),
    );
    let mut subscriber = broker.subscribe(start).unwrap();
    change(&broker, subscriber.id(), &["b"], &[]).unwrap();
    publish_all(&broker, "b", &["lost", "lost"]);
    for data in ["4", "5", "6"] {
        publish_key(&broker, "a", "k", data);
    }
    let large = "x".repeat(900 << 10);
    publish_all(&broker, "b", &[&large, "8", "9"]);
    assert_eq!(
        drain(&mut subscriber),
        ["<resumed 0>", "<gap lagged>", "6", &large, "8", "9"]
    );
}
