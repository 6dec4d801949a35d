use tidings::{Broker, Capacity, Control, Delivery, Gap, StartAt};

use crate::fixture::{
    Now, brief, drain, keeper, keeping, publish, publish_all, publish_final, publish_key, take, to,
    topic,
};

fn resume(broker: &Broker, selectors: &[&str], id: &(impl ToString + ?Sized)) -> Vec<String> {
    drain(
        &mut broker
            .subscribe(to(selectors).resume_after(id.to_string()))
            .unwrap(),
    )
}

#[test]
fn resuming_gives_every_later_event_and_says_how_many() {
    let broker = Broker::new();
    let id = publish_all(&broker, "a", &["1", "2"]);
    publish(&broker, "b", "no");
    publish_all(&broker, "a", &["3", "4"]);
    let mut subscriber = broker
        .subscribe(to(&["a"]).resume_after(id.to_string()))
        .unwrap();
    publish(&broker, "a", "5");
    assert_eq!(drain(&mut subscriber), ["3", "4", "<resumed 2>", "5"]);
}

#[test]
fn a_subscriber_knows_the_gap_that_it_begins_with() {
    let broker = Broker::new();
    let id = publish(&broker, "a", "1").id.to_string();
    let gap = |id: &str| {
        let subscription = to(&["a"]).resume_after(id);
        broker.subscribe(subscription).unwrap().opening_gap()
    };
    assert_eq!(gap(&id), None);
    assert_eq!(gap("nonsense").unwrap().requested, "nonsense");
}

#[test]
fn resuming_at_the_head_is_confirmed_with_nothing() {
    let broker = Broker::new();
    let id = publish(&broker, "a", "1").id;
    assert_eq!(resume(&broker, &["a"], &id), ["<resumed 0>"]);
    assert_eq!(resume(&broker, &["**"], &id), ["<resumed 0>"]);
}

#[test]
fn a_resume_says_which_id_it_was_asked_for_with() {
    let broker = Broker::new();
    let id = publish(&broker, "a", "1").id.to_string();
    let (taken, _) = take(&mut broker.subscribe(to(&["a"]).resume_after(&id)).unwrap());
    let Delivery::Control(control) = &taken[0] else {
        panic!("{taken:?}")
    };
    assert_eq!(
        control,
        &Control::Resumed {
            from: id.clone(),
            count: 0
        }
    );
    assert_eq!(control.name(), "tidings.resumed");
    assert_eq!(
        control.json(),
        serde_json::json!({ "from": id, "count": 0 })
    );
}

#[test]
fn any_id_beats_the_place_to_start_at() {
    let broker = Broker::new();
    let id = publish_all(&broker, "a", &["1", "2"]);
    publish(&broker, "a", "3");
    let both = to(&["a"]).start_at(StartAt::Start);
    let good = both.clone().resume_after(id.to_string());
    assert_eq!(
        drain(&mut broker.subscribe(good).unwrap()),
        ["3", "<resumed 1>"]
    );
    let bad = both.resume_after("");
    assert_eq!(
        drain(&mut broker.subscribe(bad).unwrap()),
        ["<gap unknown-id>"]
    );
}

#[test]
fn what_is_retained_follows_an_eviction() {
    let broker = keeping(2);
    let id = publish(&broker, "a", "1").id;
    publish_all(&broker, "a", &["2", "3", "4"]);
    let mut subscriber = broker
        .subscribe(to(&["a"]).resume_after(id.to_string()))
        .unwrap();
    let (taken, _) = take(&mut subscriber);
    let in_short: Vec<String> = taken.iter().map(brief).collect();
    assert_eq!(in_short, ["<gap evicted>", "3", "4", "<resumed 2>"]);
    let Delivery::Control(control) = &taken[0] else {
        panic!("{taken:?}")
    };
    assert_eq!(control.name(), "tidings.gap");
    let oldest = format!("{}-3", id.epoch.as_str());
    assert_eq!(
        control.json(),
        serde_json::json!({ "reason": "evicted", "requested": id.to_string(), "oldest": oldest })
    );
}

#[test]
fn the_newest_evicted_event_is_a_complete_place_to_resume_from() {
    let broker = keeping(2);
    publish(&broker, "a", "1");
    let evicted = publish(&broker, "a", "2").id;
    publish_all(&broker, "a", &["3", "4"]);
    assert_eq!(resume(&broker, &["a"], &evicted), ["3", "4", "<resumed 2>"]);
}

#[test]
fn an_id_of_another_epoch_gives_what_is_retained_after_a_gap() {
    let broker = keeping(2);
    publish_all(&broker, "a", &["1", "2", "3"]);
    assert_eq!(
        resume(&broker, &["a"], "other-2"),
        ["<gap epoch-changed>", "2", "3", "<resumed 2>"]
    );
    assert_eq!(
        resume(&broker, &["a"], "other-99"),
        ["<gap epoch-changed>", "2", "3", "<resumed 2>"]
    );
    assert_eq!(
        resume(&broker, &["nothing"], "other-2"),
        ["<gap epoch-changed>", "<resumed 0>"]
    );
}

#[test]
fn an_unknown_id_gives_live_events_only() {
    let broker = Broker::new();
    let head = publish_all(&broker, "a", &["1", "2"]);
    let above = format!("{}-3", head.epoch.as_str());
    let padded = format!("{}-01", head.epoch.as_str());
    for id in [
        above.as_str(),
        padded.as_str(),
        "",
        "1",
        "-",
        "x y-1",
        "\u{0}",
        &"9".repeat(10_000),
    ] {
        let mut subscriber = broker.subscribe(to(&["a"]).resume_after(id)).unwrap();
        let (taken, _) = take(&mut subscriber);
        let [Delivery::Control(Control::Gap(Gap { requested, .. }))] = &taken[..] else {
            panic!("{taken:?}")
        };
        assert_eq!(requested, id);
        publish(&broker, "b", "no");
        assert!(drain(&mut subscriber).is_empty());
    }
    let mut subscriber = broker.subscribe(to(&["a"]).resume_after("1")).unwrap();
    publish(&broker, "a", "3");
    assert_eq!(drain(&mut subscriber), ["<gap unknown-id>", "3"]);
}

#[test]
fn eviction_elsewhere_is_no_gap_for_known_topics() {
    let broker = keeping(1);
    publish(&broker, "a", "1");
    let id = broker.position();
    publish_all(&broker, "b", &["2", "3"]);
    publish(&broker, "gone", "4");
    broker.delete(&topic("gone")).now().unwrap();
    assert_eq!(resume(&broker, &["a"], &id), ["<resumed 0>"]);
    assert_eq!(
        resume(&broker, &["a", "b"], &id),
        ["<gap evicted>", "3", "<resumed 1>"]
    );
}

#[test]
fn wildcards_and_unknown_topics_are_judged_by_all_that_was_forgotten() {
    let broker = Broker::new();
    publish(&broker, "a", "1");
    let before = broker.position();
    publish(&broker, "gone", "2");
    let after = broker.position();
    broker.delete(&topic("gone")).now().unwrap();
    assert_eq!(
        resume(&broker, &["gone"], &before),
        ["<gap evicted>", "<resumed 0>"]
    );
    assert_eq!(
        resume(&broker, &["other"], &before),
        ["<gap evicted>", "<resumed 0>"]
    );
    assert_eq!(
        resume(&broker, &["a/*"], &before),
        ["<gap evicted>", "<resumed 0>"]
    );
    assert_eq!(
        resume(&broker, &["gone", "other", "**"], &after),
        ["<resumed 0>"]
    );
}

#[test]
fn a_wildcard_is_judged_by_the_known_topics_it_matches() {
    let broker = keeping(1);
    let id = broker.position();
    publish_all(&broker, "a/1", &["1", "2"]);
    publish_all(&broker, "b/1", &["3"]);
    assert_eq!(
        resume(&broker, &["a/*"], &id),
        ["<gap evicted>", "2", "<resumed 1>"]
    );
    assert_eq!(resume(&broker, &["b/*"], &id), ["3", "<resumed 1>"]);
}

#[test]
fn a_topic_forgotten_for_room_is_a_gap_to_those_who_had_not_seen_it() {
    let broker = Broker::builder()
        .capacity(Capacity {
            topics: 2,
            ..Capacity::default()
        })
        .build();
    let before = broker.position();
    publish(&broker, "a", "1");
    publish(&broker, "b", "2");
    publish(&broker, "c", "3");
    assert_eq!(
        resume(&broker, &["a"], &before),
        ["<gap evicted>", "<resumed 0>"]
    );
    assert_eq!(resume(&broker, &["b"], &before), ["2", "<resumed 1>"]);
}

#[tokio::test(start_paused = true)]
async fn expiry_is_a_gap_too() {
    let broker = Broker::builder()
        .retention(tidings::Retention {
            age: std::time::Duration::from_secs(60),
            ..Default::default()
        })
        .build();
    let before = broker.position();
    publish(&broker, "a", "1");
    tokio::time::advance(std::time::Duration::from_secs(59)).await;
    publish(&broker, "a", "2");
    assert_eq!(resume(&broker, &["a"], &before), ["1", "2", "<resumed 2>"]);
    tokio::time::advance(std::time::Duration::from_secs(1)).await;
    assert_eq!(
        resume(&broker, &["a"], &before),
        ["<gap evicted>", "2", "<resumed 1>"]
    );
}

#[test]
fn replay_is_not_lag() {
    let broker = keeping(2);
    let id = publish(&broker, "a", "1").id;
    publish_all(&broker, "a", &["2", "3"]);
    let mut complete = broker
        .subscribe(to(&["a"]).resume_after(id.to_string()))
        .unwrap();
    let before = tidings::Position { sequence: 0, ..id };
    let mut evicted = broker
        .subscribe(to(&["a"]).resume_after(before.to_string()))
        .unwrap();
    publish(&broker, "a", "4");
    assert_eq!(
        drain(&mut complete),
        ["<gap evicted>", "3", "<resumed 1>", "4"]
    );
    assert_eq!(
        drain(&mut evicted),
        ["<gap evicted>", "<gap evicted>", "3", "<resumed 1>", "4"]
    );
    assert_eq!(broker.stats().lag.disconnected, 0);
}

#[test]
fn a_replay_is_whole_where_readers_behind_get_the_newest_of_each_key() {
    let broker = keeper(100).lag(tidings::LagPolicy::Conflate).build();
    let id = broker.position();
    for data in ["1", "2", "3"] {
        publish_key(&broker, "a", "k", data);
    }
    assert_eq!(resume(&broker, &["a"], &id), ["1", "2", "3", "<resumed 3>"]);
}

#[test]
fn one_id_resumes_other_topics_too() {
    let broker = Broker::new();
    let id = publish(&broker, "a", "1").id;
    publish(&broker, "b", "2");
    publish_final(&broker, "b", "3");
    assert_eq!(
        resume(&broker, &["b"], &id),
        ["2", "3", "<resumed 2>", "<end>"]
    );
}
