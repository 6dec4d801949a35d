//! What a reader may read, against what it asks for.

use tidings::{
    Broker, ChangeError, Control, Delivery, Published, Selector, Selectors, StartAt,
    SubscribeError, Subscriber, Subscription,
};

use crate::fixture::{
    Now, drain, keeping, publish, publish_all, publish_final, selector, take, to, topic,
};

fn rights(selectors: &[&str]) -> Selectors {
    selectors.iter().map(|text| selector(text)).collect()
}

fn within(asked: &[&str], allowed: &[&str]) -> Subscription {
    to(asked).within(rights(allowed))
}

fn data(events: &[Published]) -> Vec<&str> {
    events.iter().map(|event| event.data()).collect()
}

#[test]
fn only_what_the_rights_leave_is_given() {
    let broker = Broker::new();
    let id = broker.position().to_string();
    let names = ["users/7/inbox", "users/8/inbox", "users/7/jobs", "news"];
    publish_all(&broker, names[0], &["1"]);
    let publish_each = || names.map(|name| publish(&broker, name, name));
    publish_each();
    let asked = || within(&["users/*/inbox", "news"], &["users/7/**"]);
    let mut live = broker.subscribe(asked()).unwrap();
    let mut start = broker.subscribe(asked().start_at(StartAt::Start)).unwrap();
    let mut newest = broker
        .subscribe(asked().start_at(StartAt::Newest(1)))
        .unwrap();
    let mut resumed = broker.subscribe(asked().resume_after(id)).unwrap();
    let recalling = asked().recalling(selector("**"), 1);
    let mut recalled = broker.subscribe(recalling.clone()).unwrap();
    publish_each();
    let own = names[0];
    assert_eq!(drain(&mut live), [own]);
    assert_eq!(drain(&mut start), ["1", own, own]);
    assert_eq!(drain(&mut newest), [own, own]);
    assert_eq!(drain(&mut resumed), ["1", own, "<resumed 2>", own]);
    assert_eq!(drain(&mut recalled), [own, own]);
    let recalled = broker.recall(&recalling).unwrap();
    assert_eq!(data(&recalled.events), [own]);
    let page = broker.history(&asked(), 10).unwrap();
    assert_eq!(data(&page.events), ["1", own, own]);
}

#[test]
fn readers_whose_rights_cover_what_they_ask_for_share_a_group() {
    let broker = Broker::new();
    let _readers = [
        to(&["a/*", "b"]),
        within(&["a/*", "b"], &["**"]),
        within(&["b", "a/*"], &["b", "a/**", "c"]),
        within(&["a/*", "b"], &["*", "*/*"]),
    ]
    .map(|subscription| broker.subscribe(subscription).unwrap());
    assert_eq!(broker.stats().groups, 1);
    let _narrowed = [&["a/x", "b"], &["a/x", "b"], &["a/y", "b"]]
        .map(|allowed| broker.subscribe(within(&["a/*", "b"], allowed)).unwrap());
    assert_eq!(broker.stats().groups, 3);
    assert_eq!(publish(&broker, "a/x", "1").receivers, 6);
    assert_eq!(publish(&broker, "a/z", "2").receivers, 4);
}

#[test]
fn a_stream_tells_what_was_asked_for() {
    let broker = Broker::new();
    let subscription = within(&["a/*", "b"], &["a/x"]).hello();
    let mut stream = broker.subscribe(subscription).unwrap();
    let asked = ["b", "a/*"].map(str::to_owned);
    assert_eq!(broker.connections()[0].topics, asked);
    let (taken, _) = take(&mut stream);
    let [Delivery::Control(Control::Connected { topics, .. })] = &taken[..] else {
        panic!("{taken:?}")
    };
    assert_eq!(*topics, asked);
}

#[test]
fn a_pattern_does_not_end_or_go_with_the_topics_that_the_rights_leave_of_it() {
    let broker = Broker::new();
    let mut stream = broker.subscribe(within(&["*"], &["a", "b"])).unwrap();
    publish_final(&broker, "a", "1");
    publish_final(&broker, "b", "2");
    broker.delete(&topic("a")).now().unwrap();
    publish(&broker, "a", "3");
    assert_eq!(drain(&mut stream), ["1", "2", "<gap deleted>", "3"]);
    publish_final(&broker, "a", "4");
    let mut late = broker.subscribe(within(&["*"], &["a"])).unwrap();
    assert!(!late.is_over());
    assert!(drain(&mut late).is_empty());
}

#[test]
fn topics_asked_for_by_name_end_with_those_that_are_allowed() {
    let broker = Broker::new();
    let mut stream = broker.subscribe(within(&["a", "b"], &["a"])).unwrap();
    publish_final(&broker, "b", "no");
    broker.delete(&topic("b")).now().unwrap();
    publish(&broker, "a", "1");
    assert_eq!(drain(&mut stream), ["1"]);
    publish_final(&broker, "a", "2");
    assert_eq!(drain(&mut stream), ["2", "<end>"]);
    assert!(
        broker
            .subscribe(within(&["a", "b"], &["a"]))
            .unwrap()
            .is_over()
    );
}

#[test]
fn a_stream_of_which_nothing_is_left_is_open_and_silent() {
    let broker = Broker::new();
    publish_final(&broker, "ended", "0");
    for asked in [&["ended"], &["b"], &["*"], &["tidings/**"]] {
        for start in [
            StartAt::Now,
            StartAt::Start,
            StartAt::Newest(9),
            StartAt::After(0),
        ] {
            let subscription = within(asked, &["x/y/**", "*/y"]).start_at(start);
            let mut stream = broker.subscribe(subscription.clone()).unwrap();
            assert!(!stream.is_over());
            publish_all(&broker, "a", &["1", "2"]);
            publish_final(&broker, "b", "3");
            broker.delete(&topic("b")).now().unwrap();
            assert!(drain(&mut stream).is_empty());
            assert_eq!(broker.subscriber_count(&topic("a")), 0);
            let page = broker.history(&subscription, 9).unwrap();
            assert!(page.events.is_empty() && page.gap.is_none() && !page.ended);
            drop(stream);
            assert_eq!(broker.stats().groups, 0);
        }
    }
    let mut stream = broker.subscribe(within(&["a"], &[])).unwrap();
    publish(&broker, "a", "1");
    assert!(drain(&mut stream).is_empty());
}

#[test]
fn a_silent_stream_is_resumed_without_a_gap() {
    let broker = keeping(1);
    let id = broker.position().to_string();
    publish_all(&broker, "a", &["1", "2", "3"]);
    let resumed = within(&["*"], &["b"]).resume_after(id);
    let mut stream = broker.subscribe(resumed).unwrap();
    assert_eq!(drain(&mut stream), ["<resumed 0>"]);
}

#[test]
fn gaps_tell_of_nothing_but_what_may_be_read() {
    let broker = keeping(1);
    let id = broker.position().to_string();
    publish_all(&broker, "other", &["1", "2"]);
    let own = publish_all(&broker, "own", &["3", "4"]);
    publish_all(&broker, "other", &["5"]);
    for asked in [&["*"][..], &["own", "other"], &["**", "other"]] {
        let resumed = within(asked, &["own"]).resume_after(&*id);
        let gap = broker.subscribe(resumed.clone()).unwrap().opening_gap();
        assert_eq!(gap.unwrap().oldest, Some(own.to_string()));
        let page = broker.history(&resumed, 9).unwrap();
        assert_eq!(page.gap.unwrap().oldest, Some(own.to_string()));
    }
}

fn change(broker: &Broker, stream: &Subscriber, subscribe: &[&str], unsubscribe: &[&str]) {
    let [subscribe, unsubscribe] = [subscribe, unsubscribe].map(|texts| {
        let selectors = texts.iter().map(|text| selector(text));
        selectors.collect::<Vec<Selector>>()
    });
    let changed = broker.change(stream.id(), &subscribe, &unsubscribe).now();
    changed.unwrap();
}

#[test]
fn a_change_removes_what_was_asked_for_and_adds_what_is_allowed() {
    let broker = Broker::new();
    let allowed = ["a/x", "b/**"];
    let mut stream = broker.subscribe(within(&["a/*"], &allowed)).unwrap();
    let publish_each = |data: &str| {
        for name in ["a/x", "a/y", "b", "b/x", "c"] {
            publish(&broker, name, &format!("{name} {data}"));
        }
    };
    publish_each("1");
    change(&broker, &stream, &["b", "c"], &[]);
    publish_each("2");
    change(&broker, &stream, &["**"], &["a/*", "b", "c"]);
    publish_each("3");
    change(&broker, &stream, &["c"], &["**"]);
    publish_each("4");
    change(&broker, &stream, &["b/*"], &[]);
    publish_each("5");
    assert_eq!(broker.connections()[0].topics, ["c", "b/*"]);
    assert_eq!(
        drain(&mut stream),
        ["a/x 1", "a/x 2", "b 2", "a/x 3", "b 3", "b/x 3", "b/x 5"]
    );
}

#[test]
fn topics_that_are_not_wanted_are_neither_listed_nor_counted() {
    let broker = Broker::new();
    for name in ["a/x", "a/y", "a/z", "b", "c"] {
        publish(&broker, name, name);
    }
    let own = rights(&["a/**", "c"]);
    let list = broker.topics_where(|topic| own.matches(topic), 2);
    let names: Vec<_> = list
        .topics
        .iter()
        .map(|stats| stats.log.topic.as_str())
        .collect();
    assert_eq!((&names[..], list.total), (&["a/x", "a/y"][..], 4));
}

#[test]
fn many_patterns_let_through_what_few_would() {
    let broker = Broker::new();
    let numbers = || (0..300).map(|number| selector(&format!("*/{number}/**")));
    let many = to(&["a/**"]).within(numbers().collect());
    let mut stream = broker.subscribe(many.clone()).unwrap();
    for name in ["a/0", "a/300", "b/0", "a/299/x/y", "a/x/299"] {
        publish(&broker, name, name);
    }
    assert_eq!(drain(&mut stream), ["a/0", "a/299/x/y"]);
    let page = broker.history(&many, 9).unwrap();
    assert_eq!(data(&page.events), ["a/0", "a/299/x/y"]);
    let again = to(&["a/**"]).within(numbers().rev().collect());
    let _shares = broker.subscribe(again).unwrap();
    assert_eq!(broker.stats().groups, 1);
}

#[test]
fn rights_that_leave_too_many_selectors_are_refused() {
    let broker = Broker::new();
    let numbers: Vec<String> = (0..520).map(|number| format!("*/{number}")).collect();
    let many: Selectors = numbers.iter().map(|text| selector(text)).collect();
    let two = to(&["a/*", "b/*"]).within(many.clone());
    let limit = 1024;
    let refused = broker.subscribe(two.clone()).unwrap_err();
    assert_eq!(refused, SubscribeError::TooFragmented { limit });
    let refused = broker.history(&two, 1).unwrap_err();
    assert_eq!(refused, SubscribeError::TooFragmented { limit });

    let mut stream = broker.subscribe(to(&["a/*"]).within(many)).unwrap();
    let changed = broker.change(stream.id(), &[selector("b/*")], &[]).now();
    assert_eq!(changed, Err(ChangeError::TooFragmented { limit }));
    for name in ["a/519", "a/520", "b/1"] {
        publish(&broker, name, name);
    }
    assert_eq!(drain(&mut stream), ["a/519"]);
}
