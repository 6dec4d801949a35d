use tidings::{Broker, Event, GapReason, History, StartAt, Subscription};

use crate::fixture::{Now, keeping, name, publish, publish_all, publish_final, to, topic};

fn reason(history: &History) -> Option<GapReason> {
    history.gap.as_ref().map(|gap| gap.reason)
}

fn data(history: &History) -> Vec<&str> {
    history.events.iter().map(|event| event.data()).collect()
}

fn ask(broker: &Broker, subscription: &Subscription, limit: usize) -> History {
    broker.history(subscription, limit).unwrap()
}

#[test]
fn without_an_id_it_is_the_newest() {
    let broker = Broker::new();
    publish_all(&broker, "a", &["1", "2", "3"]);
    publish(&broker, "b", "4");
    let history = ask(&broker, &to(&["a"]), 2);
    assert_eq!(
        (data(&history), history.position.sequence, &history.gap),
        (vec!["2", "3"], 3, &None)
    );
    let nothing = ask(&broker, &to(&["c"]), 2);
    assert_eq!(
        (data(&nothing), &nothing.position),
        (vec![], &broker.position())
    );
}

#[test]
fn with_an_id_it_is_what_follows_page_by_page() {
    let broker = Broker::new();
    let mut position = broker.position();
    for n in 0..1_000 {
        let event = Event::new(n.to_string()).named(name(if n % 2 == 0 { "even" } else { "odd" }));
        broker.publish(topic("a"), event).now().unwrap();
    }
    let mut seen = Vec::new();
    loop {
        let after = to(&["*"])
            .only([name("odd")])
            .resume_after(position.to_string());
        let history = ask(&broker, &after, 7);
        if history.events.is_empty() {
            break;
        }
        seen.extend(
            history
                .events
                .iter()
                .map(|event| event.data().parse::<u64>().unwrap()),
        );
        position = history.position;
    }
    assert_eq!(seen, (0..500).map(|n| 2 * n + 1).collect::<Vec<_>>());
}

#[test]
fn it_says_what_is_missing() {
    let broker = keeping(1);
    let start = broker.position();
    publish_all(&broker, "a", &["1", "2"]);
    let evicted = ask(&broker, &to(&["a"]).resume_after(start.to_string()), 9);
    assert_eq!(
        (data(&evicted), reason(&evicted)),
        (vec!["2"], Some(GapReason::Evicted))
    );
    let unknown = ask(&broker, &to(&["a"]).resume_after("?"), 9);
    assert_eq!(
        (data(&unknown), reason(&unknown)),
        (vec![], Some(GapReason::UnknownId))
    );
    assert_eq!(unknown.position, broker.position());
    let other = ask(&broker, &to(&["a"]).resume_after("other-7"), 9);
    assert_eq!(
        (data(&other), reason(&other)),
        (vec!["2"], Some(GapReason::EpochChanged))
    );
}

#[test]
fn it_has_ended_only_when_nothing_follows() {
    let broker = Broker::new();
    let start = broker.position().to_string();
    publish_all(&broker, "a", &["1", "2"]);
    assert!(!ask(&broker, &to(&["a"]), 9).ended);
    publish_final(&broker, "a", "3");
    assert!(ask(&broker, &to(&["a"]), 1).ended);
    assert!(!ask(&broker, &to(&["*"]), 9).ended);
    let part = ask(&broker, &to(&["a"]).resume_after(&start), 2);
    assert_eq!((data(&part), part.ended), (vec!["1", "2"], false));
    let rest = ask(
        &broker,
        &to(&["a"]).resume_after(part.position.to_string()),
        2,
    );
    assert_eq!((data(&rest), rest.ended), (vec!["3"], true));
}

#[test]
fn the_newest_are_the_newest_however_large_they_are() {
    let broker = Broker::new();
    for n in 0..40 {
        publish(&broker, "a", &format!("{n}:{}", "x".repeat(900 << 10)));
    }
    let history = broker.history(&to(&["a"]), 100).unwrap();
    let numbers: Vec<_> = history
        .events
        .iter()
        .map(|event| event.data().split(':').next().unwrap())
        .collect();
    assert_eq!(numbers, ["35", "36", "37", "38", "39"]);
}

#[test]
fn from_the_start_come_the_oldest_and_nothing_is_missing() {
    let broker = keeping(3);
    publish_all(&broker, "a", &["1", "2", "3", "4"]);
    let start = to(&["a"]).start_at(StartAt::Start);
    let page = ask(&broker, &start, 2);
    assert_eq!((data(&page), reason(&page)), (vec!["2", "3"], None));
    let next = start.resume_after(page.position.to_string());
    assert_eq!(data(&ask(&broker, &next, 2)), ["4"]);
    let nothing = ask(&broker, &to(&["b"]).start_at(StartAt::Start), 2);
    assert_eq!(
        (data(&nothing), &nothing.position),
        (vec![], &broker.position())
    );
}

#[test]
fn of_so_many_of_the_newest_the_limit_leaves_the_newest() {
    let broker = Broker::new();
    publish_all(&broker, "a", &["1", "2", "3", "4"]);
    for (newest, limit, expected) in [(3, 2, &["3", "4"][..]), (1, 9, &["4"]), (0, 9, &[])] {
        let subscription = to(&["a"]).start_at(StartAt::Newest(newest));
        let page = ask(&broker, &subscription, limit);
        assert_eq!(data(&page), expected, "{newest} {limit}");
    }
}

#[test]
fn after_a_sequence_come_the_oldest_that_follow_it() {
    let broker = Broker::new();
    publish_all(&broker, "a", &["1", "2", "3", "4"]);
    let page = broker
        .history(&to(&["a"]).start_at(StartAt::After(1)), 2)
        .unwrap();
    let data: Vec<_> = page.events.iter().map(|event| event.data()).collect();
    assert_eq!(data, ["2", "3"]);
    assert_eq!(page.gap, None);
}
