use tidings_testkit::{Hub, encode};

use crate::hub;

/// Publishes on every topic and checks which of them a stream and the history select.
fn check(hub: &Hub, selector: &str, topics: &[&str]) {
    let all = [
        "a", "b", "a/b", "a/c", "a/b/c", "a/b/c/d", "b/b", "x/b/y", "end",
    ];
    let query = format!("topic={}&topic=end", encode(selector));
    let mut stream = hub.stream(&query);
    let mut publisher = hub.publisher();
    for topic in all {
        publisher.publish(topic, "n", topic);
    }
    let mut seen = stream.until(|event| event.data == "end");
    seen.pop();
    let seen: Vec<_> = seen.iter().map(|event| event.data.as_str()).collect();
    assert_eq!(seen, topics, "live {selector}");

    let mut replay = hub.stream(&format!("{query}&from=start"));
    let mut seen = replay.until(|event| event.data == "end");
    seen.pop();
    let seen: Vec<_> = seen.iter().map(|event| event.data.as_str()).collect();
    assert_eq!(seen, topics, "replay {selector}");
}

#[test]
fn a_star_is_exactly_one_segment() {
    check(&hub(), "a/*", &["a/b", "a/c"]);
    check(&hub(), "*/b", &["a/b", "b/b"]);
    check(&hub(), "a/*/c", &["a/b/c"]);
    check(&hub(), "*/*/*", &["a/b/c", "x/b/y"]);
}

#[test]
fn two_stars_at_the_end_are_any_number_of_segments() {
    check(&hub(), "a/**", &["a", "a/b", "a/c", "a/b/c", "a/b/c/d"]);
    check(&hub(), "a/*/**", &["a/b", "a/c", "a/b/c", "a/b/c/d"]);
    check(
        &hub(),
        "*/b/**",
        &["a/b", "a/b/c", "a/b/c/d", "b/b", "x/b/y"],
    );
}

#[test]
fn a_literal_selects_itself_alone() {
    check(&hub(), "a", &["a"]);
    check(&hub(), "a/b", &["a/b"]);
    check(&hub(), "nothing", &[]);
}

#[test]
fn an_event_that_several_selectors_match_comes_once() {
    let hub = hub();
    let mut stream = hub.stream("topic=a&topic=*&topic=**&topic=a&topic=a/**");
    hub.publish("a", "first", "");
    hub.publish("a", "second", "");
    stream.expect("first");
    stream.expect("second");
}

#[test]
fn patterns_that_are_no_selectors_are_refused() {
    let hub = hub();
    for selector in [
        "a*", "*a/b", "a/**/b", "**/a", "a/***", "a/b*c", "a/", "", "a\nb",
    ] {
        let query = format!("topic={}", encode(selector));
        hub.get(&format!("/api/events/stream?{query}"))
            .assert_names(400, "topic");
        hub.get(&format!("/api/events?{query}"))
            .assert_names(400, "topic");
    }
}
