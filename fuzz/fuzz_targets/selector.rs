//! Selectors come back as they were written, and match as one that compares segment by segment.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tidings::{Selector, Topic};

fuzz_target!(|input: (&str, &str)| {
    let (selector, topic) = input;
    let read = Selector::new(selector);
    if let Ok(selector) = Topic::new(selector) {
        // Every topic selects itself.
        assert!(read.as_ref().is_ok_and(|read| read.matches(&selector)));
    }
    let (Ok(read), Ok(topic)) = (read, Topic::new(topic)) else {
        return;
    };
    assert_eq!(read.to_string(), selector);
    let is_reserved = topic.as_str().split('/').next() == Some("tidings");
    let expected = match selector.starts_with('*') && is_reserved {
        true => false,
        false => matches(
            &selector.split('/').collect::<Vec<_>>(),
            &topic.as_str().split('/').collect::<Vec<_>>(),
        ),
    };
    assert_eq!(read.matches(&topic), expected, "{selector:?} {topic:?}");
});

fn matches(selector: &[&str], topic: &[&str]) -> bool {
    match (selector, topic) {
        ([], []) | (["**"], _) => true,
        (["*", own @ ..], [_, rest @ ..]) => matches(own, rest),
        ([first, own @ ..], [segment, rest @ ..]) => first == segment && matches(own, rest),
        _ => false,
    }
}
